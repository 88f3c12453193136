"""VeRi-776 (Liu et al. 2016), and sets of one's own in its layout, as `corridor city crops` writes them."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ingest.errors import ConfigError
from training.datasets.base import ImageSet, ReidData
from training.datasets.city.layout import BOXES_AND_MASKS, CAMERAS
from training.datasets.formats import DatasetFormat, by_name_pattern, compare_counts
from training.datasets.images import list_images

NAME = re.compile(r"(?P<identity>-?\d+)_c(?P<camera>\d+)")
"""`0002_c002_00030600_0.jpg`: identity, camera, frame, index."""

FOLDERS = {"train": "image_train", "query": "image_query", "gallery": "image_test"}
PUBLISHED = {"train": (37_778, 576), "query": (1_678, 200), "gallery": (11_579, 200)}


def load(folder: Path, variant: str) -> ReidData:
    """The image-to-image protocol; the queries are in the gallery as well, and so fall to same-camera removal."""
    sets = {split: _read(folder, below) for split, below in FOLDERS.items()}
    if (folder / BOXES_AND_MASKS).exists():
        train, query, gallery = (_with_presets(sets[split]) for split in FOLDERS)
        return ReidData("city", train, query, gallery)
    notes = [note for split in FOLDERS for note in compare_counts(f"VeRi-776 {split}", sets[split], PUBLISHED[split])]
    return ReidData("veri-776", sets["train"], sets["query"], sets["gallery"], notes=tuple(notes))


def _with_presets(images: ImageSet) -> ImageSet:
    """A city set with the column `preset`: the surroundings of each image's camera."""
    path = images.root / CAMERAS
    try:
        preset_of = {
            name.removeprefix("c"): str(record["preset"]) for name, record in json.loads(path.read_text()).items()
        }
        presets = np.array([preset_of[camera] for camera in images.cameras.tolist()], np.str_)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"the cameras of {path} cannot be read: {error}") from error
    return replace(images, extra={"preset": presets})


def _read(folder: Path, below: str) -> ImageSet:
    names = [f"{below}/{name}" for name in list_images(folder / below)]
    return by_name_pattern(folder, names, NAME, f"VeRi-776 {below}")


def recognises(folder: Path) -> bool:
    """By its folder of training images."""
    return all((folder / below).is_dir() for below in FOLDERS.values())


FORMAT = DatasetFormat(
    name="veri",
    layout="image_train, image_query, image_test with images such as 0002_c002_00030600_0.jpg",
    recognises=recognises,
    load=load,
    ask_at="https://vehiclereid.github.io/VeRi/ (by e-mail, for research)",
)
