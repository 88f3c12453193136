"""The files of a finished city set: those of VeRi-776 (Liu et al., ECCV 2016), and what only the city knows."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np

FOLDERS = ("image_train", "image_test", "image_query")
BOXES_AND_MASKS = "boxes_and_masks.jsonl"
CAMERAS = "cameras.json"

COLOURS_BGR = {
    1: (40, 200, 230),  # yellow
    2: (30, 120, 230),  # orange
    3: (70, 110, 50),  # green
    4: (130, 130, 130),  # gray
    5: (35, 30, 160),  # red
    6: (140, 70, 30),  # blue
    7: (235, 235, 235),  # white
    8: (120, 165, 190),  # golden
    9: (40, 60, 90),  # brown
    10: (25, 25, 25),  # black
}
"""VeRi's numbers of colours, and what each looks like."""
TYPES = {"saloon": 1, "suv": 2, "van": 3, "hatch": 4, "mpv": 5, "pickup": 6, "bus": 7, "truck": 8, "estate": 9}
"""VeRi's numbers of types; motorcycles, which it has none of, are 10."""
MOTORCYCLE = 10
TYPE_OF_KIND = {"car": 1, "van": 3, "bus": 7, "truck": 8, "motorcycle": MOTORCYCLE}

LabelRow = Mapping[str, Any]


def colour_id(paint_bgr: Sequence[int]) -> int:
    """The nearest of VeRi's colours, in L*a*b*."""
    palette = np.array([paint_bgr, *COLOURS_BGR.values()], np.uint8)[None]
    lab = cv2.cvtColor(palette, cv2.COLOR_BGR2LAB)[0].astype(np.float64)
    return list(COLOURS_BGR)[int(np.linalg.norm(lab[1:] - lab[0], axis=1).argmin())]


def type_id(model: str, kind: str) -> int:
    """VeRi's type of a model: by its name where that says it, else by its kind."""
    if kind == "motorcycle":
        return MOTORCYCLE
    return next((number for name, number in TYPES.items() if model.startswith(name)), TYPE_OF_KIND.get(kind, 1))


def write_layout(out: Path, rows: Sequence[LabelRow], seed: int) -> dict[str, int]:
    """Write the lists of a set whose images are there; returns how many images each folder has."""
    train = sorted((row for row in rows if row["folder"] == "image_train"), key=_name)
    test = sorted((row for row in rows if row["folder"] == "image_test"), key=_name)
    query = _choose_queries(test, np.random.default_rng((seed, 776)))
    for row in query:
        name = _name(row)
        (out / "image_query" / name).write_bytes((out / "image_test" / name).read_bytes())
    for kind, chosen in (("train", train), ("test", test), ("query", query)):
        (out / f"name_{kind}.txt").write_text("".join(f"{_name(row)}\n" for row in chosen))
    _write_labels(out / "train_label.xml", "TrainingImages", train)
    _write_labels(out / "test_label.xml", "TestImages", test)
    _write_relations(out, query, test)
    _write_tracks(out / "test_track.txt", test)
    with (out / BOXES_AND_MASKS).open("w") as file:
        for row in (*train, *test):
            file.write(json.dumps(row, separators=(",", ":")) + "\n")
    return {"image_train": len(train), "image_test": len(test), "image_query": len(query)}


def _name(row: LabelRow) -> str:
    return str(row["image"])


def _identity_camera(row: LabelRow) -> tuple[str, str]:
    """`0002` and `c002` of a name."""
    identity, camera, *_ = _name(row).split("_")
    return identity, camera


def _choose_queries(test: Sequence[LabelRow], rng: np.random.Generator) -> list[LabelRow]:
    """One image of each vehicle in each camera, as VeRi has it; they stay in the test set."""
    groups: dict[tuple[str, str], list[LabelRow]] = defaultdict(list)
    for row in test:
        groups[_identity_camera(row)].append(row)
    return [groups[key][int(rng.integers(len(groups[key])))] for key in sorted(groups)]


def _write_labels(path: Path, root: str, rows: Sequence[LabelRow]) -> None:
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f'<{root} Version="1.0">', f'  <Items number="{len(rows)}">']
    for row in rows:
        identity, camera = _identity_camera(row)
        colour, kind = colour_id(row["paint_bgr"]), type_id(row["model"], row["kind"])
        lines.append(
            f'    <Item imageName={quoteattr(_name(row))} vehicleID="{identity}" cameraID="{camera}" '
            f'colorID="{colour}" typeID="{kind}" />'
        )
    path.write_text("\n".join([*lines, "  </Items>", f"</{root}>", ""]))


def _write_relations(out: Path, query: Sequence[LabelRow], test: Sequence[LabelRow]) -> None:
    """Write by query the line numbers, from 1, in name_test.txt of its vehicle elsewhere, and in the same camera."""
    places: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for number, row in enumerate(test, start=1):
        identity, camera = _identity_camera(row)
        places[identity].append((camera, number))
    good, junk = [], []
    for row in query:
        identity, camera = _identity_camera(row)
        good.append(" ".join(str(number) for other, number in places[identity] if other != camera))
        junk.append(" ".join(str(number) for other, number in places[identity] if other == camera))
    (out / "gt_image.txt").write_text("".join(f"{line}\n" for line in good))
    (out / "jk_image.txt").write_text("".join(f"{line}\n" for line in junk))


def _write_tracks(path: Path, test: Sequence[LabelRow]) -> None:
    """A line for each vehicle in each camera: the track's name and its images."""
    tracks: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in test:
        tracks[_identity_camera(row)].append(_name(row))
    lines = [f"{identity}_{camera}_1.jpg {' '.join(names)}\n" for (identity, camera), names in sorted(tracks.items())]
    path.write_text("".join(lines))
