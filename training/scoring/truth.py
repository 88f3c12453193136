"""Truth in the text format of the MOT Challenge, one box a line."""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detect.detections import Boxes
from ingest.errors import ConfigError
from training.scoring.tracks import Ints, TrackedBoxes

COLUMNS = ("frame", "id", "x", "y", "w", "h", "conf", "class", "visibility")
"""Milan et al. 2016 (MOT16), table 3. The last three may be missing from the right: 1, 1 and 1 then."""
REQUIRED = 6
WHOLE = frozenset({"frame", "id", "class"})
"""Columns of integers; ids of trackers may need all of their 64 bits, so they never go through floating point."""

EXACT = 2**53
"""Number from which on float64 does not hold every whole number."""
MAX_PX = 2**24
"""Side from which on float32, which boxes are kept in, does not hold every whole pixel."""

Number = int | float


@dataclass(frozen=True, slots=True, eq=False)
class MotTruth:
    """The N boxes of a truth file, in its order.

    `frames` and `ids` (N,) int64, frames from 1; `boxes` (N, 4) float32 xyxy pixels; `considered` (N,) bool: `conf`
    is not 0; `classes` (N,) int64; `visibility` (N,) float64 in [0, 1].
    """

    frames: Ints
    ids: Ints
    boxes: Boxes
    considered: NDArray[np.bool_]
    classes: Ints
    visibility: NDArray[np.float64]

    @property
    def last_frame(self) -> int | None:
        """The last frame that is named; None of an empty truth, which is one for as long as the run looked."""
        return int(self.frames.max()) if len(self.frames) else None

    def split(
        self, classes: frozenset[int] | None = None, *, min_visibility: float = 0.0
    ) -> tuple[TrackedBoxes, TrackedBoxes]:
        """The boxes that count and those that are ignored: `conf` 0, another class, or less visible."""
        counts = self.considered & (self.visibility >= min_visibility)
        if classes is not None:
            counts &= np.isin(self.classes, sorted(classes))
        rows = TrackedBoxes(self.frames, self.ids, self.boxes)
        return rows.select(counts), rows.select(~counts)


def read_mot(path: Path) -> MotTruth:
    """Read a truth file, which may be empty; raises ConfigError with the line that cannot be used."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot read the truth {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the truth {path} is not a text file (byte {error.start} is not UTF-8)") from error
    return parse_mot(text, str(path))


def parse_mot(text: str, name: str) -> MotTruth:
    """Parse the text of a MOT file called `name`, as `read_mot` does."""
    rows: list[list[Number]] = []
    lines: dict[tuple[Number, Number], int] = {}
    for number, cells in enumerate(csv.reader(text.splitlines()), start=1):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            row = _row(cells)
        except ValueError as error:
            raise ConfigError(f"{name}, line {number}: {error} (expected {','.join(COLUMNS)})") from error
        first = lines.setdefault((row[0], row[1]), number)
        if first != number:
            raise ConfigError(
                f"{name}, line {number}: id {row[1]} is in frame {row[0]} a second time (first in line {first})"
            )
        rows.append(row)
    whole = np.array([(row[0], row[1], row[7]) for row in rows], np.int64).reshape(-1, 3)
    table = np.array(rows, np.float64).reshape(-1, len(COLUMNS))
    boxes = np.hstack([table[:, 2:4], table[:, 2:4] + table[:, 4:6]]).astype(np.float32)
    return MotTruth(whole[:, 0], whole[:, 1], boxes, table[:, 6] != 0, whole[:, 2], table[:, 8])


def _row(cells: list[str]) -> list[Number]:
    """The nine numbers of a line; raises ValueError saying what is wrong with which column."""
    if not REQUIRED <= len(cells) <= len(COLUMNS):
        raise ValueError(f"{len(cells)} columns")
    row: list[Number] = [1] * len(COLUMNS)
    for place, (column, cell) in enumerate(zip(COLUMNS, cells, strict=False)):
        row[place] = _integer(column, cell.strip()) if column in WHOLE else _number(column, cell.strip())
    if row[0] < 1:
        raise ValueError(f"frame {row[0]}; frames count from 1")
    for place in range(2, 6):
        if abs(row[place]) >= MAX_PX:
            raise ValueError(f"{COLUMNS[place]} {row[place]:g} is no number of pixels")
    if row[4] <= 0 or row[5] <= 0:
        raise ValueError(f"a box of {row[4]:g} x {row[5]:g} pixels")
    if not 0 <= row[8] <= 1:
        raise ValueError(f"visibility {row[8]:g} is not in [0, 1]")
    return row


def _integer(column: str, cell: str) -> int:
    """Digits, or a decimal such as `7.0` that is exact."""
    if re.fullmatch(r"[+-]?[0-9]+", cell):
        whole = int(cell)
    else:
        value = _number(column, cell)
        if not value.is_integer():
            raise ValueError(f"{column} {value:g} is not a whole number")
        if abs(value) >= EXACT:
            raise ValueError(f"{column} {cell} is more than a decimal can tell from its neighbours (write all digits)")
        whole = int(value)
    if not -(2**63) <= whole < 2**63:
        raise ValueError(f"{column} {cell} does not fit into 64 bits")
    return whole


def _number(column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"{column} '{cell}' is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{column} '{cell}' is not finite")
    return value
