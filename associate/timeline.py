"""Whose event time can be true: messages checked against when they came onto the log, and against each other.

A clock that is hours ahead would make every other camera look idle, and one message from another century would close
every identity. Such messages are refused by name, from the log alone, so that a replay refuses the same.
"""

from collections.abc import Iterable

from associate.reorder import CameraClock
from embed.observation import Message
from ingest.clock import NS

AHEAD_S = 120.0
"""Most that a camera's clock may be ahead of the log's."""

APART_S = 3600.0
"""Most that cameras may be ahead of live ones, or apart from the first live one."""

RECORDED_APART_S = 86_400.0
"""Most that recordings may be apart."""

BEHIND_S = 7 * 86_400.0
"""Most that a camera may be behind the others, catching up."""


def is_live(message: Message, appended_ns: int | None) -> bool:
    """True where a message came onto the log when it says it was made."""
    return bool(appended_ns) and abs(message.at_ns - (appended_ns or 0)) <= AHEAD_S * NS


def out_of_time(message: Message, appended_ns: int | None, clocks: Iterable[CameraClock], *, live: bool) -> str | None:
    """The reason why a message's time cannot be true; None if it can.

    live: a camera of the zone was live at some time. Recordings are compared with each other alone, at whatever time
    they are played.
    """
    if is_live(message, appended_ns):
        return None
    others = [clock.latest.at_ns for clock in clocks if clock.camera != message.camera]
    ahead_s = (message.at_ns - (appended_ns or message.at_ns)) / NS
    if ahead_s > AHEAD_S and live:
        return _said(message, f"{_time(ahead_s)} ahead of the log's", "set it")
    if not others:
        return None
    apart_s = (message.at_ns - max(others)) / NS
    if apart_s > (APART_S if live else RECORDED_APART_S):
        return _said(message, f"{_time(apart_s)} ahead of the other cameras'", "set it, or give it starts_at")
    if -apart_s > (BEHIND_S if live else RECORDED_APART_S):
        return _said(message, f"{_time(-apart_s)} behind the other cameras'", "set it, or give it starts_at")
    return None


def left_behind(message: Message, clocks: Iterable[CameraClock]) -> list[str]:
    """The cameras that are too far from the first live message to be of one timeline with it."""
    return [
        clock.camera
        for clock in clocks
        if clock.camera != message.camera and abs(clock.latest.at_ns - message.at_ns) > APART_S * NS
    ]


def _said(message: Message, how: str, what: str) -> str:
    return f"clock of camera '{message.camera}' is {how}: {what}"


def _time(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    for unit, length in (("years", 365.25 * 86_400), ("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
