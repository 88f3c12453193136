"""Images of one's own: a folder an identity, or a CSV file.

FOLDER/IDENTITY/*.jpg                       split by identity here
FOLDER/{train,query,gallery}/IDENTITY/*.jpg split by whoever made it
FILE.csv                                    columns path, identity, and if known camera and split; paths beside it
"""

import csv
import hashlib
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError
from training.datasets.base import UNKNOWN_CAMERA, ImageSet, ReidData
from training.datasets.formats import DatasetFormat, existing
from training.datasets.images import list_images

logger = logging.getLogger(__name__)

SPLITS = ("train", "query", "gallery")
HELD_OUT = 0.2
CSV_NAME = "images.csv"
"""What `corridor crops export` calls its file; a folder that has it is read by it."""

ImageRow = tuple[str, str, str]


def load(folder: Path, variant: str) -> ReidData:
    """By its CSV file where there is one, else by its folders."""
    if folder.is_file():
        return _load_csv(folder)
    if (folder / CSV_NAME).exists():
        return _load_csv(folder / CSV_NAME)
    if any((folder / split).is_dir() for split in SPLITS):
        return _given(folder, {split: _below(folder, f"{split}/") for split in SPLITS})
    return _held_out(ImageSet.of(folder, _below(folder, "")))


def _load_csv(path: Path) -> ReidData:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    missing = {"path", "identity"} - set(lines[0] if lines else ())
    if missing:
        raise ConfigError(f"{path} needs the columns path, identity[, camera][, split]; there is no {min(missing)}")
    incomplete = [number for number, line in enumerate(lines, 2) if not (line["path"] and line["identity"])]
    if incomplete:
        raise ConfigError(f"{path}, line {incomplete[0]}: path or identity is empty")
    rows = [(line["path"], line["identity"], line.get("camera") or UNKNOWN_CAMERA) for line in lines]
    splits = [line.get("split") or "" for line in lines]
    if not any(splits):
        return _held_out(ImageSet.of(path.parent, existing(path.parent, rows, path.name)))
    for number, split in enumerate(splits, 2):
        if split not in SPLITS:
            raise ConfigError(f"{path}, line {number}: split '{split}' is none of {', '.join(SPLITS)}")
    by_split = {split: [row for row, of in zip(rows, splits, strict=True) if of == split] for split in SPLITS}
    return _given(path.parent, {split: existing(path.parent, by_split[split], path.name) for split in SPLITS})


def _below(folder: Path, below: str) -> list[ImageRow]:
    where = folder / below
    identities = sorted(entry.name for entry in where.iterdir() if entry.is_dir()) if where.is_dir() else []
    return [
        (f"{below}{identity}/{name}", identity, UNKNOWN_CAMERA)
        for identity in identities
        for name in list_images(where / identity)
    ]


def _given(root: Path, rows: dict[str, list[ImageRow]]) -> ReidData:
    train, query, gallery = (ImageSet.of(root, rows[split]) for split in SPLITS)
    return ReidData("folder", train, query, gallery, version="as split")


def _held_out(images: ImageSet) -> ReidData:
    """A fifth of the identities, by a hash of their names, is not trained on: its first images ask for the rest.

    With cameras, the first image of every identity in every camera asks; without, the first of every identity, and
    it is not in the gallery.
    """
    identities = sorted(np.unique(images.identities).tolist(), key=_lot)
    if len(identities) < 4:
        raise ConfigError(
            f"{images.root}: {len(identities)} identities are too few to train on some and test on others"
        )
    held_out = np.isin(images.identities, identities[: max(2, round(HELD_OUT * len(identities)))])
    test = images.select(held_out)
    asks = _firsts(test)
    gallery = test if (test.cameras != UNKNOWN_CAMERA).all() else test.select(~asks)
    return ReidData("folder", images.select(~held_out), test.select(asks), gallery, version="a fifth held out")


def _lot(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()


def _firsts(images: ImageSet) -> NDArray[np.bool_]:
    seen: set[tuple[str, str]] = set()
    first = np.zeros(len(images), np.bool_)
    for row, pair in enumerate(zip(images.identities.tolist(), images.cameras.tolist(), strict=True)):
        first[row] = pair not in seen
        seen.add(pair)
    return first


def recognises(folder: Path) -> bool:
    """By a CSV file, or by folders that hold images."""
    if folder.is_file():
        return folder.suffix.lower() == ".csv"
    return (folder / CSV_NAME).exists() or any(list_images(entry) for entry in _folders(folder, depth=2))


def _folders(folder: Path, depth: int) -> list[Path]:
    below = [entry for entry in folder.iterdir() if entry.is_dir()]
    return below if depth == 1 else below + [deeper for entry in below for deeper in _folders(entry, depth - 1)]


FORMAT = DatasetFormat(
    name="folder",
    layout="a folder an identity with images in it, or a CSV file with the columns path,identity[,camera][,split]",
    recognises=recognises,
    load=load,
)
