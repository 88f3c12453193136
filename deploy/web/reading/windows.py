"""The time window of a report, and its steps."""

from typing import Annotated

import msgspec

from deploy.web.index.store import Index
from deploy.web.reading.times import Time, ns_of
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
    if end is not None:
        end_ns = ns_of(end)
    else:
        latest = index.row("SELECT max(leave_ns) AS at_ns FROM visits")
        end_ns = (0 if latest is None or latest["at_ns"] is None else latest["at_ns"]) + 1
    begin_ns = end_ns - DAY_NS if start is None else ns_of(start)
    if min(begin_ns, end_ns) < -FURTHEST_NS or max(begin_ns, end_ns) > FURTHEST_NS:
        raise ConfigError("from, to: no time between the years 1678 and 2262")
    if begin_ns >= end_ns:
        raise ConfigError("to: is not after from")
    if end_ns - begin_ns > LONGEST_NS:
        raise ConfigError("from: more than 31 days before to")
    step_ns = minutes * 60 * NS
    if (end_ns - begin_ns) // step_ns > MOST_STEPS:
        raise ConfigError(f"minutes: more than {MOST_STEPS} steps; make them longer")
    return Window(begin_ns, end_ns, step_ns)
