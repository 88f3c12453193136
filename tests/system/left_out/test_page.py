"""The table of docs/left-out.md, walked: every row is a case that counts, says and ends as the row has it."""

import re
from pathlib import Path

import pytest

from tests.system.left_out import cameras, commands, data_sets, logs, recordings
from tests.system.left_out.page import Row, pattern, rows
from tests.system.left_out.seen import Case

ROWS = rows()
PARTS = (recordings, cameras, data_sets, logs, commands)
CASES: dict[str, Case] = {key: case for part in PARTS for key, case in part.CASES.items()}


def test_every_row_has_a_case_and_every_case_a_row() -> None:
    assert list(ROWS) == list(CASES), "in the same order, too"
    assert len(CASES) == sum(len(part.CASES) for part in PARTS)


def test_a_count_is_in_a_counter_or_in_the_line() -> None:
    uncounted = [row.key for row in ROWS.values() if row.counter is None and r"[\d.]+" not in row.line]
    named = [row.key for row in ROWS.values() if row.key in uncounted and r"\S+" in row.line]
    assert uncounted == named, "a line without a number names what it is about"


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_it_is_counted_said_and_ends_so(row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = CASES[row.key](tmp_path, monkeypatch)
    assert re.search(row.line, seen.said), seen.said
    assert seen.code == row.code, seen.said
    if row.counter is not None:
        assert seen.counts.get(row.counter, 0) > 0, seen.counts


@pytest.mark.parametrize(
    ("line", "said", "fits"),
    [
        ("N of N are late", "2 of 30 are late", True),
        ("N of N are late", "some of 30 are late", False),
        ("camera NAME (N s)", "camera 'a' (1.5 s)", True),
        ("first ... N last", "first and second, and 3 last", True),
        ("No frame", "No frame", True),
    ],
)
def test_a_line_of_the_page_is_a_pattern(line: str, said: str, fits: bool) -> None:
    assert bool(re.search(pattern(line), said)) is fits
