"""Retention beside what runs: with `keep_days` on this machine, and nowhere else."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deploy.log.base import Record
from deploy.log.retention import background as module
from deploy.log.retention.background import log_retention
from deploy.log.retention.by_age import SqliteRetention
from deploy.log.settings import LogSettings
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import TRAJECTORIES
from ingest.clock import NS, ManualClock
from ingest.errors import LogError


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteLog]:
    """A log with a record of long ago, and retention that looks often."""
    monkeypatch.setattr(module, "EVERY_S", 0.01)
    with closing(SqliteLog(tmp_path / "log.db", clock=ManualClock(10**9 * NS))) as log:
        log.claim("zone/zone").commit([Record(TRAJECTORIES, "k", b"of 2001")])
        yield log


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come about"
        time.sleep(0.01)


def test_old_records_go_while_the_site_runs(log: SqliteLog, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), log_retention(LogSettings(url=f"sqlite:{log.path}", keep_days=2.0)):
        wait_for(lambda: bool(caplog.messages))
    assert not log.read(TRAJECTORIES, 0, 10)
    assert caplog.messages == ["removed records older than 2 days: 1 of trajectories"]


@pytest.mark.parametrize("url", ["sqlite:{}", "kafka://127.0.0.1:1"])
def test_nothing_goes_unasked(log: SqliteLog, url: str) -> None:
    with log_retention(LogSettings(url=url.format(log.path))):
        time.sleep(0.1)
    assert log.read(TRAJECTORIES, 0, 10)


def test_a_log_that_cannot_be_written_is_tried_again(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sweep, faults = SqliteRetention.sweep, [LogError("the disk is full")]

    def full_at_first(self: SqliteRetention) -> object:
        if faults:
            raise faults.pop()
        return sweep(self)

    monkeypatch.setattr(SqliteRetention, "sweep", full_at_first)
    with caplog.at_level(logging.INFO), log_retention(LogSettings(url=f"sqlite:{log.path}", keep_days=2.0)):
        wait_for(lambda: len(caplog.messages) == 2)
    assert caplog.messages[0] == "old records stay for now: the disk is full"
