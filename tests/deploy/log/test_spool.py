"""The writer that does not wait: what is held, what is dropped, what is said of it."""

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from deploy.log.base import Log, Record, StoredRecord, Writer
from deploy.log.spool import SpooledWriter
from deploy.log.sqlite_log import SqliteLog
from ingest.errors import FencedError, LogError


class Failing:
    """A log that can be away: a real one behind it, and a switch."""

    def __init__(self, path: Path) -> None:
        self.inner = SqliteLog(path)
        self.away = threading.Event()

    def claim(self, owner: str) -> Writer:
        if self.away.is_set():
            raise LogError("the log is away")
        return FailingWriter(self, self.inner.claim(owner))

    def read(self, topic: str, after: int, limit: int) -> list[StoredRecord]:
        return self.inner.read(topic, after, limit)

    def end(self, topic: str) -> int:
        return self.inner.end(topic)

    def close(self) -> None:
        self.inner.close()


class FailingWriter:
    """Its writer, which is spent after a failure."""

    def __init__(self, log: Failing, inner: Writer) -> None:
        self._log = log
        self._inner = inner
        self.generation, self.position, self.state, self.dropped = inner.generation, inner.position, inner.state, 0

    def commit(
        self,
        records: Sequence[Record],
        *,
        state: Mapping[str, bytes | None] | None = None,
        position: int | None = None,
    ) -> None:
        if self._log.away.is_set():
            raise LogError("the log is away")
        self._inner.commit(records, state=state, position=position)

    def close(self) -> None: ...


def record(number: int) -> Record:
    return Record("observations", "a", f"{number:04d}".encode().ljust(1000, b"."))


def numbers(log: Log) -> list[int]:
    return [int(stored.value[:4]) for stored in log.read("observations", 0, 100_000)]


def test_everything_is_written_in_order(tmp_path: Path) -> None:
    log = Failing(tmp_path / "log.db")
    writer = SpooledWriter(log, "camera/a", limit_bytes=1e6)
    for number in range(100):
        writer.commit([record(number)], state={"at": str(number).encode()}, position=number)
    writer.close()
    assert numbers(log) == list(range(100))
    again = log.claim("camera/a")
    assert (again.state["at"], again.position, again.generation) == (b"99", 99, 2)


def test_an_outage_within_the_limit_loses_nothing(tmp_path: Path) -> None:
    log = Failing(tmp_path / "log.db")
    writer = SpooledWriter(log, "camera/a", limit_bytes=1e6)
    writer.commit([record(0)])
    log.away.set()
    for number in range(1, 50):
        writer.commit([record(number)])
    log.away.clear()
    writer.commit([record(50)])
    for _ in range(100):
        if numbers(log) == list(range(51)):
            break
        threading.Event().wait(0.1)
    writer.close()
    assert numbers(log) == list(range(51))
    assert writer.dropped == 0


def test_beyond_the_limit_the_oldest_go_and_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = Failing(tmp_path / "log.db")
    writer = SpooledWriter(log, "camera/a", limit_bytes=20_000)
    log.away.set()
    with caplog.at_level(logging.WARNING):
        for number in range(200):
            writer.commit([record(number)], state={f"key{number}": b"x"})
        assert writer.pending_records < 30
        log.away.clear()
        for _ in range(100):
            if writer.pending_records == 0:
                break
            threading.Event().wait(0.1)
    writer.close()
    written = numbers(log)
    assert written == sorted(set(written))
    assert written[-1] == 199
    assert len(written) + writer.dropped == 200
    assert len(log.claim("camera/a").state) == 200  # state is carried over whatever is dropped
    assert len([line for line in caplog.messages if "oldest records are dropped" in line]) == 1


def test_what_cannot_be_written_before_the_end_is_counted(tmp_path: Path) -> None:
    log = Failing(tmp_path / "log.db")
    writer = SpooledWriter(log, "camera/a", limit_bytes=1e6)
    log.away.set()
    writer.commit([record(0), record(1)])
    writer.close(timeout_s=0.2)
    assert writer.dropped == 2


def test_a_new_owner_fences(tmp_path: Path) -> None:
    log = Failing(tmp_path / "log.db")
    writer = SpooledWriter(log, "camera/a", limit_bytes=1e6)
    log.claim("camera/a")

    def commit_for_a_while() -> None:
        for _ in range(100):
            writer.commit([record(0)])
            threading.Event().wait(0.05)

    with pytest.raises(FencedError):
        commit_for_a_while()
