"""Market-1501 (Zheng et al. 2015): persons, six cameras."""

import re
from pathlib import Path

from training.datasets.base import ReidData
from training.datasets.formats import DatasetFormat, by_name_pattern, compare_counts
from training.datasets.images import list_images

NAME = re.compile(r"(?P<identity>-?\d+)_c(?P<camera>\d)")
"""`0002_c1s1_000451_03.jpg`: identity, camera and sequence, frame, box."""

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
PUBLISHED = {"train": (12_936, 751), "query": (3_368, 750), "gallery": (15_913, 751)}
JUNK = "-1"
"""The identity of boxes that show half a person: neither right nor wrong, so they are left out. The distractors,
identity 0000, stay in the gallery: they are wrong for every query."""


def load(folder: Path, variant: str) -> ReidData:
    """The detected boxes, `bounding_box_test`, are the gallery; `gt_bbox` is not used."""
    sets = {}
    for split, below in FOLDERS.items():
        names = [f"{below}/{name}" for name in list_images(folder / below)]
        images = by_name_pattern(folder, names, NAME, f"Market-1501 {below}")
        sets[split] = images.select(images.identities != JUNK)
    notes = tuple(n for split in FOLDERS for n in compare_counts(f"Market-1501 {split}", sets[split], PUBLISHED[split]))
    return ReidData("market-1501", sets["train"], sets["query"], sets["gallery"], notes=notes)


def recognises(folder: Path) -> bool:
    """By its folders."""
    return all((folder / below).is_dir() for below in FOLDERS.values())


FORMAT = DatasetFormat(
    name="market1501",
    layout="bounding_box_train, query, bounding_box_test with images such as 0002_c1s1_000451_03.jpg",
    recognises=recognises,
    load=load,
    ask_at="https://zheng-lab.cecs.anu.edu.au/Project/project_reid.html",
)
