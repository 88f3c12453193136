"""The alarm of a reader that a log's retention is about to overtake."""

from pathlib import Path

import pytest

from deploy.log.base import Record, StoredRecord
from deploy.log.retention.alarm import RetentionAlarm
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS
from ingest.clock import NS, ManualClock

WEEK_S = 7 * 86_400.0
NOW_NS = 20_000 * 86_400 * NS


class KeepingLog(SqliteLog):
    """A log whose records go after a week, as on Kafka."""

    def kept_s(self, topic: str) -> float | None:
        return WEEK_S


def behind(days: float) -> StoredRecord:
    return StoredRecord(1, "north", b"", NOW_NS - round(days * 86_400 * NS))


SAID: dict[str, tuple[list[float], int]] = {
    "at the end of the log": ([0.0, 0.1, 3.4], 0),
    "half of the time is over": ([3.6], 1),
    "said once": ([3.6, 3.7, 5.0, 6.9], 1),
    "said again when it was better meanwhile": ([3.6, 1.0, 3.6], 2),
    "but not for coming and going at the limit": ([3.6, 3.4, 3.6], 1),
}


@pytest.mark.parametrize(("days", "times"), SAID.values(), ids=SAID)
def test_an_alarm(days: list[float], times: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = KeepingLog(tmp_path / "log.db")
    alarm = RetentionAlarm(log, OBSERVATIONS, ManualClock(NOW_NS))
    for each in days:
        alarm.check(behind(each))
    log.close()
    assert len(caplog.messages) == times
    if times:
        assert (
            "association is 86.4 hours behind, and records of the topic observations are removed after 168.0"
            in (caplog.messages[0])
        )


def test_a_log_that_waits_for_its_readers_gives_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = SqliteLog(tmp_path / "log.db")
    log.claim("camera/north").commit([Record(OBSERVATIONS, "north", b"x")])
    RetentionAlarm(log, OBSERVATIONS, ManualClock(NOW_NS)).check(behind(1000.0))
    log.close()
    assert not caplog.messages
