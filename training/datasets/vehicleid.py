"""PKU VehicleID (Liu et al. 2016): one camera's side view against another's, cameras not given; ten trials."""

from pathlib import Path

import numpy as np

from training.datasets.base import UNKNOWN_CAMERA, ImageSet, Protocol, ReidData
from training.datasets.format import DatasetFormat, ImageRow, compare_counts, existing, split_lines
from training.datasets.images import is_image
from training.datasets.left_out import LeftOut
from training.datasets.listing import Listing, Parts
from training.datasets.names import read_text

LISTS = "train_test_split"
TESTS = {"small": (800, 6_493), "medium": (1_600, 13_377), "large": (2_400, 19_777)}
"""Test lists by name: identities, and images in the lists given out. Some papers print other numbers of images."""

TRAIN = (113_346, 13_164)


def load(folder: Path, variant: str) -> Listing:
    """The training list and every test list that is there."""
    parts: dict[str, ImageSet] = {}
    notes: list[str] = []
    for part, name in {
        "train": "train_list",
        **{size: f"test_list_{many}" for size, (many, _) in TESTS.items()},
    }.items():
        left_out = LeftOut(f"VehicleID {part}")
        if part == "train" or (folder / LISTS / f"{name}.txt").exists():
            parts[part] = ImageSet.of(folder, existing(folder, _rows(folder, name, left_out), left_out))
            notes += left_out.notes()
        else:
            notes.append(f"VehicleID: there is no {LISTS}/{name}.txt, so nothing is measured on '{part}'")
    return Listing("vehicleid", parts, _decide, tuple(notes))


def _decide(parts: Parts) -> ReidData:
    """All test lists as one set of images, so that each is encoded once; `subsets` tells them apart."""
    train = parts["train"]
    lists = {name: parts[name] for name in TESTS if name in parts}
    notes = [*compare_counts("VehicleID train", train, TRAIN)]
    for name, images in lists.items():
        notes += compare_counts(f"VehicleID {name}", images, TESTS[name][::-1])
    rows = {
        row for images in lists.values() for row in zip(images.names.tolist(), images.identities.tolist(), strict=True)
    }
    test = ImageSet.of(train.root, [(*row, UNKNOWN_CAMERA) for row in rows])
    subsets = {
        name: np.flatnonzero(np.isin(test.names, images.names)).astype(np.int64) for name, images in lists.items()
    }
    return ReidData("vehicleid", train, test, test, Protocol.TEN_TRIALS, "V1.0", subsets, tuple(notes))


def _rows(folder: Path, name: str, left_out: LeftOut) -> list[ImageRow]:
    lines = split_lines(read_text(folder / LISTS / f"{name}.txt"), left_out)
    return [(_file(image), identity, UNKNOWN_CAMERA) for image, identity in lines]


def _file(name: str) -> str:
    return f"image/{name}" if is_image(name) else f"image/{name}.jpg"


def recognises(folder: Path) -> bool:
    """Recognise the data set by its lists."""
    return (folder / LISTS / "train_list.txt").exists()


FORMAT = DatasetFormat(
    name="vehicleid",
    layout="image/0000001.jpg and train_test_split/{train_list,test_list_800,...}.txt",
    recognises=recognises,
    load=load,
    ask_at="https://www.pkuml.org/resources/pku-vehicleid.html (by a signed agreement, for research)",
)
