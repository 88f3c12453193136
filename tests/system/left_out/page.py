"""The table of docs/left-out.md, row by row."""

import re
from dataclasses import dataclass

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "left-out.md"
COLUMNS = ("case", "source or reader", "what is left out", "counted in", "said", "exit code")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the name of a counter, or none where the count stands in the line; the line as a pattern; the code."""

    key: str
    counter: str | None
    line: str
    code: int | None


def rows() -> dict[str, Row]:
    """All rows by their key, in the order of the page."""
    found: dict[str, Row] = {}
    for cells in _cells():
        if len(cells) != len(COLUMNS):
            raise AssertionError(f"a row of {len(cells)} cells: {cells}")
        (key,), counters, lines = _code(cells[0]), _code(cells[3]), _code(cells[4])
        assert key not in found, f"{key} is there twice"
        assert len(lines) == 1, f"{key}: one line in code type, not {lines}"
        code = None if cells[5] == "-" else int(cells[5])
        found[key] = Row(key, counters[0] if counters else None, pattern(lines[0]), code)
    return found


def pattern(line: str) -> str:
    """A line of the page as a regular expression: N is a number, NAME a word, ... anything."""
    words = re.escape(line).replace(re.escape("..."), ".*")
    return re.sub(r"\bN\b", r"[\\d.]+", re.sub(r"\bNAME\b", r"\\S+", words))


def _cells() -> list[list[str]]:
    lines = PAGE.read_text().splitlines()
    begin = lines.index(f"| {' | '.join(COLUMNS)} |")
    table = []
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def _code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)
