"""Frames that a source decodes and does not deliver, counted by reason."""

from collections.abc import Mapping
from enum import StrEnum


class LeftOut(StrEnum):
    """The reason for which a frame is not delivered."""

    UNTIMED = "untimed"
    LATE = "late"
    STRAY = "stray"
    DAMAGED = "damaged"
    EARLY = "early"
    OTHER_VIDEO = "other_video"


WORDS: dict[str, str] = {
    LeftOut.UNTIMED: "without a time stamp",
    LeftOut.LATE: "whose time does not rise",
    LeftOut.STRAY: "whose time is far off and was not confirmed by the next ones",
    LeftOut.DAMAGED: "damaged",
    LeftOut.EARLY: "from before the camera's first sender report",
    LeftOut.OTHER_VIDEO: "of other videos in the file, cover images included",
}
"""Each reason as the end of "N frames ..."."""


def in_words(left_out: Mapping[str, int]) -> str:
    """`119 frames left out: 100 whose time does not rise, 19 damaged`; empty if there are none."""
    reasons = [f"{count} {WORDS[reason]}" for reason, count in left_out.items() if count]
    total = sum(left_out.values())
    return f"{total} frame{'s' if total != 1 else ''} left out: {', '.join(reasons)}" if reasons else ""
