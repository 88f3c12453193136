"""VeRi-776 (Liu et al. 2016), and sets of one's own in its layout, as `corridor city crops` writes them."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ingest.errors import ConfigError
from training.datasets.base import ImageSet, ReidData
from training.datasets.city.layout import BOXES_AND_MASKS, CAMERAS
from training.datasets.format import DatasetFormat, by_name_pattern, compare_counts
from training.datasets.images import images_right_in
from training.datasets.left_out import LeftOut
from training.datasets.listing import Listing, Parts

NAME = re.compile(r"(?P<identity>-?\d+)_c(?P<camera>\d+)[_.]")
"""`0002_c002_00030600_0.jpg`: identity, camera, frame, index."""

FOLDERS = {"train": "image_train", "query": "image_query", "gallery": "image_test"}
PUBLISHED = {"train": (37_778, 576), "query": (1_678, 200), "gallery": (11_579, 200)}


def load(folder: Path, variant: str) -> Listing:
    """The image-to-image protocol; the queries are in the gallery as well, and so fall to same-camera removal."""
    parts: dict[str, ImageSet] = {}
    notes: list[str] = []
    for split, below in FOLDERS.items():
        left_out = LeftOut(f"VeRi-776 {below}")
        names = images_right_in(folder, f"{below}/", left_out)
        parts[split] = by_name_pattern(folder, names, NAME, left_out)
        notes += left_out.notes()
    if (folder / BOXES_AND_MASKS).exists():
        return Listing("city", parts, _decide_city, tuple(notes))
    return Listing("veri-776", parts, _decide, tuple(notes))


def _decide(parts: Parts) -> ReidData:
    notes = [note for split in FOLDERS for note in compare_counts(f"VeRi-776 {split}", parts[split], PUBLISHED[split])]
    return ReidData("veri-776", parts["train"], parts["query"], parts["gallery"], notes=tuple(notes))


def _decide_city(parts: Parts) -> ReidData:
    train, query, gallery = (_with_presets(parts[split]) for split in FOLDERS)
    return ReidData("city", train, query, gallery)


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


def recognises(folder: Path) -> bool:
    """Recognise the data set by its folders."""
    return all((folder / below).is_dir() for below in FOLDERS.values())


FORMAT = DatasetFormat(
    name="veri",
    layout="image_train, image_query, image_test with images such as 0002_c002_00030600_0.jpg",
    recognises=recognises,
    load=load,
    ask_at="https://vehiclereid.github.io/VeRi/ (by e-mail, for research)",
)
