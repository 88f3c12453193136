"""Market-1501 (Zheng et al. 2015): persons, six cameras."""

import re
from pathlib import Path

from training.datasets.base import ImageSet, ReidData
from training.datasets.format import DatasetFormat, by_name_pattern, compare_counts
from training.datasets.images import images_right_in
from training.datasets.left_out import LeftOut, Reason
from training.datasets.listing import Listing, Parts

NAME = re.compile(r"(?P<identity>-?\d+)_c(?P<camera>\d+)(s\d+)?[_.]")
"""`0002_c1s1_000451_03.jpg`: identity, camera and sequence, frame, box. Numbers are read to their ends: one's own
sets have more than nine cameras."""

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
PUBLISHED = {"train": (12_936, 751), "query": (3_368, 750), "gallery": (15_913, 751)}
JUNK = "-1"
"""The identity of boxes that show half a person: neither right nor wrong, so they are left out. The distractors,
identity 0000, stay in the gallery: they are wrong for every query."""


def load(folder: Path, variant: str) -> Listing:
    """The detected boxes, `bounding_box_test`, are the gallery; `gt_bbox` is not used."""
    parts: dict[str, ImageSet] = {}
    notes: list[str] = []
    for split, below in FOLDERS.items():
        left_out = LeftOut(f"Market-1501 {below}")
        images = by_name_pattern(folder, images_right_in(folder, f"{below}/", left_out), NAME, left_out)
        junk = images.identities == JUNK
        left_out.add(Reason.JUNK, images.names[junk].tolist())
        parts[split] = images.select(~junk)
        notes += left_out.notes()
    return Listing("market-1501", parts, _decide, tuple(notes))


def _decide(parts: Parts) -> ReidData:
    notes = [
        note for split in FOLDERS for note in compare_counts(f"Market-1501 {split}", parts[split], PUBLISHED[split])
    ]
    return ReidData("market-1501", parts["train"], parts["query"], parts["gallery"], notes=tuple(notes))


def recognises(folder: Path) -> bool:
    """Recognise the data set by its folders."""
    return all((folder / below).is_dir() for below in FOLDERS.values())


FORMAT = DatasetFormat(
    name="market1501",
    layout="bounding_box_train, query, bounding_box_test with images such as 0002_c1s1_000451_03.jpg",
    recognises=recognises,
    load=load,
    ask_at="https://zheng-lab.cecs.anu.edu.au/Project/project_reid.html",
)
