"""The time window of a report, and its steps."""

from datetime import datetime
from typing import Annotated

import msgspec

from deploy.web.index.store import Index
from deploy.web.reading.times import Time, ns_of, time_of
from embed.observation import LATEST_NS
from ingest.clock import NS
from ingest.errors import ConfigError

DAY_NS = 24 * 3600 * NS
LONGEST_NS = 31 * DAY_NS
FURTHEST_NS = LATEST_NS - 2 * DAY_NS
"""Unix nanoseconds; a day to either side still fits into 64 bits."""
MOST_STEPS = 9000

Minutes = Annotated[int, msgspec.Meta(ge=1, le=1440)]


class Window(msgspec.Struct, frozen=True):
    """A window of event time in steps, Unix nanoseconds: begin, end (without it), length of a step."""

    begin_ns: int
    end_ns: int
    step_ns: int

    def step_of(self, at_ns: int) -> int:
        """The beginning of the step that a time is in."""
        return at_ns // self.step_ns * self.step_ns


def window_of(index: Index, start: Time | None, end: Time | None, minutes: int) -> Window:
    """The window that was asked for; without an end up to now by the cameras, without a start the day before that.

    Raises ConfigError for one that is empty, or longer than 31 days.
    """
    latest_ns = _latest_ns(index) if end is None else None
    end_ns = (latest_ns or 0) + 1 if end is None else ns_of(end)
    begin_ns = end_ns - DAY_NS if start is None else ns_of(start)
    if min(begin_ns, end_ns) < -FURTHEST_NS or max(begin_ns, end_ns) > FURTHEST_NS:
        raise ConfigError("from, to: no time between the years 1678 and 2262")
    if begin_ns >= end_ns:
        raise ConfigError(_without_end("after", start, latest_ns) if end is None else "to: is not after from")
    if end_ns - begin_ns > LONGEST_NS:
        far = "more than 31 days before"
        raise ConfigError(_without_end(far, start, latest_ns) if end is None else f"from: {far} to")
    step_ns = minutes * 60 * NS
    if (end_ns - begin_ns) // step_ns > MOST_STEPS:
        raise ConfigError(f"minutes: more than {MOST_STEPS} steps; make them longer")
    return Window(begin_ns, end_ns, step_ns)


def _latest_ns(index: Index) -> int | None:
    latest = index.row("SELECT max(leave_ns) AS at_ns FROM visits")
    return None if latest is None else latest["at_ns"]


def _without_end(where: str, start: datetime | None, latest_ns: int | None) -> str:
    """The error of a start where no end was given; times are in the start's zone."""
    assert start is not None  # a day before the end is neither after it nor far from it
    if latest_ns is None:
        return f"from: {_words(start)}, but there is no sighting yet at which a report without to could end"
    ends = _words(time_of(latest_ns).astimezone(start.tzinfo))
    return f"from: {_words(start)} is {where} the last sighting, {ends}, at which a report without to ends"


def _words(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
