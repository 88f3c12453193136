"""Times of answers and questions: RFC 3339 outside, Unix nanoseconds inside."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from embed.observation import LATEST_NS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Time = Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339 with an offset, `2026-05-04T08:00:00Z`.")]


def time_of(at_ns: int) -> datetime:
    """The time of Unix nanoseconds, to the microsecond."""
    return EPOCH + timedelta(microseconds=at_ns // 1000)


def ns_of(at: datetime) -> int:
    """Unix nanoseconds of a time; one that 64 bits do not hold becomes the nearest that they do."""
    at_ns = (at - EPOCH) // timedelta(microseconds=1) * 1000
    return max(-LATEST_NS, min(LATEST_NS, at_ns))
