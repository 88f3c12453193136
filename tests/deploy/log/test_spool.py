"""The writer that does not wait: what is held, what is dropped, what is said of it."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from deploy.log import spool
from deploy.log.base import Log, Record, StoredRecord, Writer
from deploy.log.spool import SpooledWriter
from deploy.log.sqlite_log import SqliteLog
from ingest.errors import FencedError, LogError, RefusedRecordError, SpentWriterError


class Failing:
    """A log that can be away: a real one behind it, a switch, and scripts of what commits and claims raise.

    The scripts are asked before every commit and every claim but the first; None lets it pass.
    """

    def __init__(self, path: Path) -> None:
        self.inner = SqliteLog(path)
        self.away = threading.Event()
        self.at_commit: Callable[[Sequence[Record]], BaseException | None] = lambda records: None
        self.at_claim: Callable[[], BaseException | None] = lambda: None
        self.claims = 0

    def claim(self, owner: str) -> Writer:
        self.claims += 1
        if self.away.is_set():
            raise LogError("the log is away")
        if self.claims > 1 and (error := self.at_claim()) is not None:
            raise error
        return FailingWriter(self, self.inner.claim(owner))

    def read(self, topic: str, after: int, limit: int) -> list[StoredRecord]:
        return self.inner.read(topic, after, limit)

    def end(self, topic: str) -> int:
        return self.inner.end(topic)

    def kept_s(self, topic: str) -> float | None:
        return self.inner.kept_s(topic)

    def close(self) -> None:
        self.inner.close()


class FailingWriter:
    """Its writer, which as Kafka's is spent after a failure: whatever is committed then is refused."""

    def __init__(self, log: Failing, inner: Writer) -> None:
        self._log = log
        self._inner = inner
        self.generation, self.position, self.state, self.dropped = inner.generation, inner.position, inner.state, 0
        self._spent = False

    def commit(
        self,
        records: Sequence[Record],
        *,
        state: Mapping[str, bytes | None] | None = None,
        position: int | None = None,
    ) -> None:
        if self._spent:
            raise SpentWriterError("this writer has failed before")
        if self._log.away.is_set():
            self._spent = True
            raise LogError("the log is away")
        if (error := self._log.at_commit(records)) is not None:
            self._spent = isinstance(error, LogError) and not isinstance(error, RefusedRecordError)
            raise error
        self._inner.commit(records, state=state, position=position)

    def close(self) -> None: ...


def record(number: int) -> Record:
    return Record("observations", "a", f"{number:04d}".encode().ljust(1000, b"."))


def numbers(log: Log) -> list[int]:
    return [int(stored.value[:4]) for stored in log.read("observations", 0, 100_000)]


def once(*errors: BaseException) -> Callable[..., BaseException | None]:
    """A script: these errors, one a call, then none."""
    left = list(errors)
    return lambda *_: left.pop(0) if left else None


def refusing(*poison: int, error: BaseException) -> Callable[[Sequence[Record]], BaseException | None]:
    """A script: commits with one of these records never pass."""
    return lambda records: error if any(int(each.value[:4]) in poison for each in records) else None


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that a test need not wait for."""
    monkeypatch.setattr(spool, "RETRY_S", 0.01)
    monkeypatch.setattr(spool, "LONGEST_RETRY_S", 0.05)


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


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "error",
    [
        ValueError("odd"),
        OSError(28, "no space"),
        MemoryError(),
        SystemExit(3),
        KeyError("x"),
        SpentWriterError("spent"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("times", [1, 2])
def test_an_error_that_passes_loses_nothing(
    tmp_path: Path, error: BaseException, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    log = Failing(tmp_path / "log.db")
    log.at_commit = once(*[error] * times)
    writer = SpooledWriter(log, "camera/a", limit_bytes=1e8)
    for number in range(300):
        writer.commit([record(number)], state={"at": str(number).encode()}, position=number)
    writer.close()
    assert numbers(log) == list(range(300))
    assert writer.dropped == 0
    again = log.inner.claim("camera/a")
    assert (again.state["at"], again.position) == (b"299", 299)
    assert len([line for line in caplog.messages if str(error) in line]) == 1


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("error", "claims"),
    [(RuntimeError("never this one"), 3), (RefusedRecordError("too large"), 1)],
    ids=["unforeseen", "refused"],
)
def test_what_the_log_never_takes_is_given_up_and_counted_and_the_rest_is_written(
    tmp_path: Path, error: BaseException, claims: int, caplog: pytest.LogCaptureFixture
) -> None:
    log = Failing(tmp_path / "log.db")
    log.at_commit = refusing(700, 701, error=error)
    writer = SpooledWriter(log, "camera/a", limit_bytes=1e8)
    for number in range(1000):
        writer.commit([record(number)], state={f"key{number}": b"x"}, position=number)
    for _ in range(200):
        if numbers(log)[-1:] == [999]:
            break
        threading.Event().wait(0.1)
    writer.close()
    assert numbers(log) == [number for number in range(1000) if number not in (700, 701)]
    assert writer.dropped == 2
    assert log.claims == claims  # a writer that may be broken is replaced; one that refuses is not broken
    assert len(log.inner.claim("camera/a").state) == 1000
    given_up = [line for line in caplog.messages if "given up" in line]
    assert len(given_up) == 2
    assert all(str(error) in line and "1 records" in line for line in given_up)


@pytest.mark.usefixtures("hasty")
def test_the_last_commit_can_be_given_up_too(tmp_path: Path) -> None:
    log = Failing(tmp_path / "log.db")
    log.at_commit = refusing(2, error=RuntimeError("never"))
    writer = SpooledWriter(log, "camera/a", limit_bytes=1e6)
    for number in range(3):
        writer.commit([record(number)], state={"at": str(number).encode()})
    writer.close()
    assert numbers(log) == [0, 1]
    assert (writer.dropped, writer.pending_records) == (1, 0)
    assert log.inner.claim("camera/a").state["at"] == b"2"


@pytest.mark.usefixtures("hasty")
def test_a_claim_that_fails_for_an_unforeseen_reason_is_tried_again(tmp_path: Path) -> None:
    log = Failing(tmp_path / "log.db")
    log.at_commit = once(SpentWriterError("spent"))
    log.at_claim = once(ValueError("odd"), LogError("away"), SystemExit(1))
    writer = SpooledWriter(log, "camera/a", limit_bytes=1e6)
    for number in range(10):
        writer.commit([record(number)])
    writer.close()
    assert numbers(log) == list(range(10))
    assert (writer.dropped, writer.generation, log.claims) == (0, 2, 5)


def test_a_writer_that_cannot_be_closed_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: FailingWriter) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(FailingWriter, "close", fail)
    log = Failing(tmp_path / "log.db")
    writer = SpooledWriter(log, "camera/a", limit_bytes=1e6)
    writer.commit([record(0)])
    writer.close()
    assert numbers(log) == [0]


@pytest.mark.usefixtures("hasty")
def test_the_end_of_an_outage_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = Failing(tmp_path / "log.db")
    writer = SpooledWriter(log, "camera/a", limit_bytes=1e6)
    log.away.set()
    with caplog.at_level(logging.INFO):
        for number in range(20):
            writer.commit([record(number)])
        while not any("held in memory" in line for line in caplog.messages):
            threading.Event().wait(0.01)
        log.away.clear()
        writer.close()
    lines = [line for line in caplog.messages if "back after" in line]
    assert len(lines) == 1
    assert lines[0].endswith("0 records were lost meanwhile")
