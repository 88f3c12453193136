"""PKU VehicleID (Liu et al. 2016): one camera's side view against another's, cameras not told; ten trials."""

from pathlib import Path

import numpy as np

from training.datasets.base import UNKNOWN_CAMERA, ImageSet, Protocol, ReidData
from training.datasets.formats import DatasetFormat, compare_counts, existing, read_lines

LISTS = "train_test_split"
TESTS = {"small": (800, 6_493), "medium": (1_600, 13_377), "large": (2_400, 19_777)}
"""By name: identities, and images in the lists that are given out. Some papers print other numbers of images."""

TRAIN = (113_346, 13_164)


def load(folder: Path, variant: str) -> ReidData:
    """All test lists as one set of images, so that each is encoded once; `subsets` tells them apart."""
    train = ImageSet.of(folder, _rows(folder, "train_list"))
    notes = [*compare_counts("VehicleID train", train, TRAIN)]
    lists = {}
    for name, (identities, images) in TESTS.items():
        if (folder / LISTS / f"test_list_{identities}.txt").exists():
            lists[name] = _rows(folder, f"test_list_{identities}")
            found = ImageSet.of(folder, lists[name])
            notes += compare_counts(f"VehicleID {name}", found, (images, identities))
    test = ImageSet.of(folder, {row for rows in lists.values() for row in rows})
    subsets = {
        name: np.flatnonzero(np.isin(test.names, [row[0] for row in rows])).astype(np.int64)
        for name, rows in lists.items()
    }
    return ReidData("vehicleid", train, test, test, Protocol.TEN_TRIALS, "V1.0", subsets, tuple(notes))


def _rows(folder: Path, name: str) -> list[tuple[str, str, str]]:
    lines = read_lines(folder / LISTS / f"{name}.txt")
    rows = [(_file(words[0]), words[1], UNKNOWN_CAMERA) for words in lines if len(words) > 1]
    return existing(folder, rows, f"VehicleID {name}")


def _file(name: str) -> str:
    return f"image/{name}" if name.endswith(".jpg") else f"image/{name}.jpg"


def recognises(folder: Path) -> bool:
    """By its lists."""
    return (folder / LISTS / "train_list.txt").exists()


FORMAT = DatasetFormat(
    name="vehicleid",
    layout="image/0000001.jpg and train_test_split/{train_list,test_list_800,...}.txt",
    recognises=recognises,
    load=load,
    ask_at="https://www.pkuml.org/resources/pku-vehicleid.html (by a signed agreement, for research)",
)
