"""MSMT17 (Wei et al. 2018): persons, fifteen cameras; V1, and V2 with blurred faces."""

import logging
from pathlib import Path

from training.datasets.base import ImageSet, ReidData
from training.datasets.formats import DatasetFormat, compare_counts, existing, read_lines

logger = logging.getLogger(__name__)

FOLDERS = {"V1": ("train", "test"), "V2": ("mask_train_v2", "mask_test_v2")}
CAMERA_FIELD = 2
"""`0000/0000_000_01_0303morning_0008_0.jpg`: the camera is the third part of the name."""

PUBLISHED = {
    "trainval": (32_621, 1_041),
    "train": (30_248, 1_041),
    "query": (11_659, 3_060),
    "gallery": (82_161, 3_060),
}


def load(folder: Path, variant: str) -> ReidData:
    """Variant `trainval` trains on list_train and list_val, as published figures mostly do; `train` on the first."""
    version = _version(folder)
    trained, tested = FOLDERS[version or "V1"]
    lists = ["list_train", "list_val"] if variant == "trainval" else ["list_train"]
    train = _read(folder, trained, lists)
    query, gallery = _read(folder, tested, ["list_query"]), _read(folder, tested, ["list_gallery"])
    notes: list[str] = []
    for split, images in ((variant, train), ("query", query), ("gallery", gallery)):
        notes += compare_counts(f"MSMT17 {split}", images, PUBLISHED[split])
    return ReidData("msmt17", train, query, gallery, version=f"{version} {variant}", notes=tuple(notes))


def _read(folder: Path, below: str, lists: list[str]) -> ImageSet:
    rows, odd = [], []
    for line in (words for name in lists for words in read_lines(folder / f"{name}.txt")):
        parts = line[0].rpartition("/")[2].split("_")
        if len(line) != 2 or len(parts) <= CAMERA_FIELD:
            odd.append(" ".join(line))
        else:
            rows.append((f"{below}/{line[0]}", line[1], parts[CAMERA_FIELD]))
    if odd:
        logger.warning("MSMT17 %s: left out %d lines of another form, such as '%s'", lists[0], len(odd), odd[0])
    return ImageSet.of(folder, existing(folder, rows, f"MSMT17 {lists[0]}"))


def _version(folder: Path) -> str:
    return next((version for version, below in FOLDERS.items() if (folder / below[0]).is_dir()), "")


def recognises(folder: Path) -> bool:
    """By its lists and one of its folders."""
    return (folder / "list_train.txt").exists() and _version(folder) != ""


FORMAT = DatasetFormat(
    name="msmt17",
    layout="train, test (V2: mask_train_v2, mask_test_v2) and list_{train,val,query,gallery}.txt",
    recognises=recognises,
    load=load,
    variants=("trainval", "train"),
    ask_at="https://www.pkuvmc.com/dataset.html (by a signed agreement, for research)",
)
