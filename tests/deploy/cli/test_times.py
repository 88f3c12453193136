"""Times in options are ISO 8601, and nothing is one by accident."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from deploy.cli.times import parse_time
from ingest.errors import ConfigError
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-01", datetime(2026, 3, 1)),
        ("20260301", datetime(2026, 3, 1)),
        ("2026-03-01t07:00z", datetime(2026, 3, 1, 7, tzinfo=UTC)),
        ("2026-03-01 07:00:00.5+01:00", datetime(2026, 3, 1, 7, 0, 0, 500_000, timezone(timedelta(hours=1)))),
    ],
)
def test_iso_times_are_taken(text: str, at: datetime) -> None:
    parsed = parse_time("--since", text)
    assert (parsed, parsed.tzinfo is None) == (at, at.tzinfo is None)


@pytest.mark.parametrize("text", ["300", "2026", "1712123012", "1712123012345", "noon", "", "2026-13-01", "01.03.2026"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--since '.*' is no time \(2026-03-01T07:00, UTC unless it says"):
        parse_time("--since", text)


def test_no_option_leaves_its_time_to_a_library() -> None:
    """Which reads bare numbers as Unix seconds."""
    sources = {path: path.read_text() for path in (ROOT / "deploy" / "cli").rglob("*.py")}
    assert sum("Annotated[" in text for text in sources.values()) > 20
    assert [path for path, text in sources.items() if re.search(r"Annotated\[\s*datetime", text)] == []
