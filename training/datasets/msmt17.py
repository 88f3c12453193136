"""MSMT17 (Wei et al. 2018): persons, fifteen cameras; V1, and V2 with blurred faces."""

from functools import partial
from pathlib import Path

from training.datasets.base import ImageSet, ReidData
from training.datasets.format import DatasetFormat, compare_counts, existing, split_lines
from training.datasets.left_out import LeftOut, Reason
from training.datasets.listing import Listing, Parts
from training.datasets.names import read_text

FOLDERS = {"V1": ("train", "test"), "V2": ("mask_train_v2", "mask_test_v2")}
CAMERA_FIELD = 2
"""`0000/0000_000_01_0303morning_0008_0.jpg`: the camera is the third part of the name."""

TESTED = "test "
"""Stands before the identities of the test part: both parts number theirs from 0, and nobody is in both."""

PUBLISHED = {
    "trainval": (32_621, 1_041),
    "train": (30_248, 1_041),
    "query": (11_659, 3_060),
    "gallery": (82_161, 3_060),
}


def load(folder: Path, variant: str) -> Listing:
    """Variant `trainval` trains on list_train and list_val, as published figures mostly do; `train` on the first."""
    version = _version(folder)
    trained, tested = FOLDERS[version or "V1"]
    lists = {
        "train": (trained, ["list_train", "list_val"] if variant == "trainval" else ["list_train"]),
        "query": (tested, ["list_query"]),
        "gallery": (tested, ["list_gallery"]),
    }
    parts: dict[str, ImageSet] = {}
    notes: list[str] = []
    for split, (below, names) in lists.items():
        left_out = LeftOut(f"MSMT17 {split}")
        whose = "" if split == "train" else TESTED
        parts[split] = _read(folder, below, names, whose, left_out)
        notes += left_out.notes()
    return Listing("msmt17", parts, partial(_decide, version, variant), tuple(notes))


def _decide(version: str, variant: str, parts: Parts) -> ReidData:
    notes: list[str] = []
    for name, images in ((variant, parts["train"]), ("query", parts["query"]), ("gallery", parts["gallery"])):
        notes += compare_counts(f"MSMT17 {name}", images, PUBLISHED[name])
    splits = parts["train"], parts["query"], parts["gallery"]
    return ReidData("msmt17", *splits, version=f"{version} {variant}", notes=tuple(notes))


def _read(folder: Path, below: str, lists: list[str], whose: str, left_out: LeftOut) -> ImageSet:
    """Read the images of some lists; `whose` stands before the identities."""
    rows = []
    for name in lists:
        for image, identity in split_lines(read_text(folder / f"{name}.txt"), left_out):
            parts = Path(image).stem.split("_")
            if len(parts) <= CAMERA_FIELD:
                left_out.add(Reason.LINE, [f"{image} {identity}"])
            else:
                rows.append((f"{below}/{image}", f"{whose}{identity}", parts[CAMERA_FIELD]))
    return ImageSet.of(folder, existing(folder, rows, left_out))


def _version(folder: Path) -> str:
    return next((version for version, below in FOLDERS.items() if (folder / below[0]).is_dir()), "")


def recognises(folder: Path) -> bool:
    """Recognise the data set by its lists and one of its folders."""
    return (folder / "list_train.txt").exists() and _version(folder) != ""


FORMAT = DatasetFormat(
    name="msmt17",
    layout="train, test (V2: mask_train_v2, mask_test_v2) and list_{train,val,query,gallery}.txt",
    recognises=recognises,
    load=load,
    variants=("trainval", "train"),
    ask_at="https://www.pkuvmc.com/dataset.html (by a signed agreement, for research)",
)
