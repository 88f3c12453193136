"""Images of one's own: a folder an identity, or a CSV file.

FOLDER/IDENTITY/*.jpg                       split by identity here
FOLDER/{train,query,gallery}/IDENTITY/*.jpg split by whoever made it
FILE.csv                                    columns path, identity, and if known camera and split; paths beside it
"""

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError
from training.datasets.base import UNKNOWN_CAMERA, ImageSet, ReidData
from training.datasets.format import DatasetFormat, ImageRow, existing
from training.datasets.images import images_anywhere, images_right_in, list_images, scan
from training.datasets.left_out import LeftOut, Reason
from training.datasets.listing import Listing, Parts
from training.datasets.names import encoded, read_text, shown

SPLITS = ("train", "query", "gallery")
HELD_OUT = 0.2
CSV_NAME = "images.csv"
"""Name of the file of `corridor crops export`; a folder that has it is read by it."""

WHOLE = "whole"
"""The part of a set that nobody has split."""


def load(folder: Path, variant: str) -> Listing:
    """Load a folder by its CSV file where there is one, else by its folders."""
    left_out = LeftOut("folder")
    if folder.is_file() or (folder / CSV_NAME).exists():
        path = folder if folder.is_file() else folder / CSV_NAME
        parts = _read_csv(path, left_out)
        root = path.parent
    else:
        parts, root = _read_folders(folder, left_out), folder
    images = {part: ImageSet.of(root, rows) for part, rows in parts.items()}
    return Listing("folder", images, _held_out if WHOLE in parts else _given, left_out.notes())


def _read_csv(path: Path, left_out: LeftOut) -> dict[str, list[ImageRow]]:
    """Rows by part; raises ConfigError with the line that cannot be used."""
    rows: dict[str, list[ImageRow]] = {}
    for number, line in _csv_lines(path):
        split = line.get("split", "")
        if split not in ("", *SPLITS):
            raise ConfigError(f"{shown(path)}, line {number}: split '{shown(split)}' is none of {', '.join(SPLITS)}")
        if not (line["path"].strip() and line["identity"]):
            raise ConfigError(f"{shown(path)}, line {number}: path or identity is empty")
        rows.setdefault(split or WHOLE, []).append((line["path"], line["identity"], line.get("camera", UNKNOWN_CAMERA)))
        if WHOLE in rows and len(rows) > 1:
            raise ConfigError(
                f"{shown(path)}, line {number}: some lines have a split and some none (give all, or none)"
            )
    if not rows:
        raise ConfigError(f"{shown(path)} holds no image (expected lines of path,identity[,camera][,split])")
    parts = dict.fromkeys(rows if WHOLE in rows else SPLITS)
    return {part: existing(path.parent, rows.get(part, []), left_out) for part in parts}


def _csv_lines(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The cells of every line by their column, with its number, without blanks around them but in paths."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    try:
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise ConfigError(f"{shown(path)}, line {reader.line_num}: {error}") from error
    header = [cell.strip() for cell in lines[0][1]] if lines else []
    missing = {"path", "identity"} - set(header)
    if missing:
        raise ConfigError(
            f"{shown(path)} needs the columns path, identity[, camera][, split]; there is no {min(missing)}"
        )
    for number, cells in lines[1:]:
        if len(cells) != len(header):
            raise ConfigError(f"{shown(path)}, line {number}: {len(cells)} cells in {len(header)} columns")
    return [
        (
            number,
            {name: cell if name == "path" else cell.strip() for name, cell in zip(header, cells, strict=True)},
        )
        for number, cells in lines[1:]
    ]


def _read_folders(folder: Path, left_out: LeftOut) -> dict[str, list[ImageRow]]:
    """Rows by part: train, query, gallery where there is a folder of that name, else all as one."""
    images, folders = scan(folder, left_out, "")
    left_out.add(Reason.ELSEWHERE, images)
    if not any(split in folders for split in SPLITS):
        return {WHOLE: _below(folder, "", folders, left_out)}
    parts: dict[str, list[ImageRow]] = {split: [] for split in SPLITS}
    for name in folders:
        if name in SPLITS:
            beside, identities = scan(folder / name, left_out, f"{name}/")
            left_out.add(Reason.ELSEWHERE, [f"{name}/{image}" for image in beside])
            parts[name] = _below(folder, f"{name}/", identities, left_out)
        else:
            left_out.add(Reason.ELSEWHERE, images_anywhere(folder, f"{name}/", left_out))
    return parts


def _below(root: Path, below: str, identities: list[str], left_out: LeftOut) -> list[ImageRow]:
    rows: list[ImageRow] = []
    for identity in identities:
        names = images_right_in(root, f"{below}{identity}/", left_out)
        if not names:
            left_out.add(Reason.EMPTY, [f"{below}{identity}"])
        rows += [(name, identity, UNKNOWN_CAMERA) for name in names]
    return rows


def _given(parts: Parts) -> ReidData:
    train, query, gallery = (parts[split] for split in SPLITS)
    return ReidData("folder", train, query, gallery, version="as split")


def _held_out(parts: Parts) -> ReidData:
    """A fifth of the identities, by a hash of their names, is not trained on: its first images ask for the rest.

    With cameras, the first image of every identity in every camera asks; without, the first of every identity, and
    it is not in the gallery.
    """
    images = parts[WHOLE]
    identities = sorted(np.unique(images.identities).tolist(), key=_lot)
    if len(identities) < 4:
        raise ConfigError(
            f"{shown(images.root)}: {len(identities)} identities are too few to train on some and test on others"
        )
    held_out = np.isin(images.identities, identities[: max(2, round(HELD_OUT * len(identities)))])
    test = images.select(held_out)
    asks = _firsts(test)
    gallery = test if (test.cameras != UNKNOWN_CAMERA).all() else test.select(~asks)
    return ReidData("folder", images.select(~held_out), test.select(asks), gallery, version="a fifth held out")


def _lot(identity: str) -> str:
    return hashlib.sha256(encoded(identity)).hexdigest()


def _firsts(images: ImageSet) -> NDArray[np.bool_]:
    seen: set[tuple[str, str]] = set()
    first = np.zeros(len(images), np.bool_)
    for row, pair in enumerate(zip(images.identities.tolist(), images.cameras.tolist(), strict=True)):
        first[row] = pair not in seen
        seen.add(pair)
    return first


def recognises(folder: Path) -> bool:
    """Recognise a CSV file, or folders that hold images."""
    if folder.is_file():
        return folder.suffix.lower() == ".csv"
    return (folder / CSV_NAME).exists() or any(list_images(entry) for entry in _folders(folder, depth=2))


def _folders(folder: Path, depth: int) -> list[Path]:
    below = [folder / name for name in scan(folder, LeftOut(""), "")[1]]
    return below if depth == 1 else below + [deeper for entry in below for deeper in _folders(entry, depth - 1)]


FORMAT = DatasetFormat(
    name="folder",
    layout="a folder an identity with images in it, or a CSV file with the columns path,identity[,camera][,split]",
    recognises=recognises,
    load=load,
)
