"""Times in options: ISO 8601, and nothing that is one by accident."""

import re
from datetime import datetime

from ingest.errors import ConfigError

THIS_MACHINE = "of this machine's zone"
_DATE = re.compile(r"\d{4}(-\d\d-\d\d|\d{4})([T ].+)?", re.ASCII)
"""A date, alone or with a time; `fromisoformat` would take 1712123012345 for a day of 1712."""


def parse_starts_at(text: str | None) -> datetime | None:
    """The time of `--starts-at`, of this machine's zone where it names none; raises ConfigError for what is no time."""
    return None if text is None else parse_time("--starts-at", text, THIS_MACHINE)


def parse_time(option: str, text: str, zone: str = "UTC") -> datetime:
    """The time that an option gives, without a zone where it names none; raises ConfigError for what is no time.

    zone: the one that is meant where none is named, in words.
    """
    try:
        if not _DATE.fullmatch(text.upper()):
            raise ValueError(text)
        return datetime.fromisoformat(text.upper())
    except ValueError:
        raise ConfigError(
            f"{option} '{text}' is no time (2026-03-01T07:00, {zone} unless it says Z or +01:00)"
        ) from None
