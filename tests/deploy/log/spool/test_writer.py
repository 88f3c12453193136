"""The writer that does not wait: what is held, what is given up, what is said of it."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from deploy.log.base import Addition, Record
from deploy.log.spool import backlog as backlog_module
from deploy.log.spool import writer as spooled_writer
from deploy.log.spool.backlog import Backlog
from deploy.log.spool.file import Spool
from deploy.log.spool.writer import SpooledWriter, SpoolThread
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import ASSOCIATION_STATE, OBSERVATIONS
from embed.observation import CameraEpoch, Tick, decode, encode
from ingest.clock import NS, ManualClock
from ingest.errors import FencedError, LogError, RefusedRecordError

CAMERAS = ("a", "b")
SOON_S = 20.0


class Outlet:
    """A log that can be away or wedged: what is sent comes onto it and is acknowledged, as far as scripts let it.

    `at_send` is asked before every sending; `lose_replies`: what comes onto the log is not acknowledged.
    """

    def __init__(self) -> None:
        self.written: list[Addition] = []
        self.away = threading.Event()
        self.at_send: Callable[[Sequence[Addition]], BaseException | None] = lambda additions: None
        self.lose_replies = False
        self.discarded = 0
        self._unanswered = 0

    def send(self, additions: Sequence[Addition]) -> None:
        if self.away.is_set():
            raise LogError("the log is away")
        if (error := self.at_send(additions)) is not None:
            raise error
        self.written += additions
        self._unanswered += len(additions)

    def acknowledged(self) -> int:
        if self._unanswered and self.lose_replies:
            self.lose_replies = False
            raise LogError("no acknowledgement")
        count, self._unanswered = self._unanswered, 0
        return count

    def discard(self) -> None:
        self.discarded += 1
        self._unanswered = 0


class Claimed:
    """Claims that another process takes away."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.error: Exception | None = None
        self.closed = False

    def lost(self) -> set[str]:
        if self.error is not None:
            raise self.error
        return self.taken

    def close(self) -> None:
        self.closed = True


class Worker:
    """A process with two cameras."""

    def __init__(self, folder: Path, *, limit_bytes: float = 1e8, started_ns: int = 1) -> None:
        self.outlet, self.claims = Outlet(), Claimed()
        owners = [f"camera/{camera}" for camera in CAMERAS]
        self.log = SqliteLog(folder / "claims.db")
        self.backlog = Backlog(Spool(folder, frozenset(owners), started_ns=started_ns), limit_bytes=limit_bytes)
        self.thread = SpoolThread(self.outlet, self.backlog, self.claims)
        self.writers = [SpooledWriter(self.thread, owner, self.log.claim(owner)) for owner in owners]
        self.thread.start()

    def say(self, *numbers: int) -> None:
        """Numbers, the even ones by the first camera, the odd ones by the second."""
        for number in numbers:
            self.writers[number % 2].commit([record(number)])

    def close(self, timeout_s: float = 10.0) -> None:
        closing = [threading.Thread(target=writer.close, args=(timeout_s,)) for writer in self.writers]
        for each in closing:
            each.start()
        for each in closing:
            each.join()

    @property
    def written(self) -> list[int]:
        return [int((it.value or b"")[:6]) for it in self.outlet.written if it.topic == OBSERVATIONS]


def record(number: int) -> Record:
    return Record(OBSERVATIONS, CAMERAS[number % 2], f"{number:06d}".encode().ljust(1000, b"."))


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def once(*errors: BaseException) -> Callable[..., BaseException | None]:
    """A script: these errors, one a call, then none."""
    left = list(errors)
    return lambda *_: left.pop(0) if left else None


def refusing(*poison: int, error: BaseException) -> Callable[[Sequence[Addition]], BaseException | None]:
    """A script: requests with one of these records never pass."""
    return lambda additions: error if any(int((it.value or b"")[:6]) in poison for it in additions) else None


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that a test need not wait for."""
    monkeypatch.setattr(spooled_writer, "RETRY_S", 0.01)
    monkeypatch.setattr(spooled_writer, "LINGER_S", 0.005)
    monkeypatch.setattr(spooled_writer, "CLAIMS_S", 0.02)


def test_what_two_cameras_say_is_written_in_the_order_in_which_they_say_it(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.say(*range(300))
    worker.close()
    assert worker.written == list(range(300))
    assert [writer.held for writer in worker.writers] == [0, 0]
    assert list(tmp_path.glob("*.spool")) == []
    assert worker.claims.closed


def test_state_comes_onto_the_log_after_its_records_and_not_with_each(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    writer = worker.writers[0]
    for number in range(0, 20, 2):
        writer.commit([record(number)], state={"progress": str(number).encode()})
    assert writer.state == {"progress": b"18"}
    writer.commit([], state={"progress": b"ended"})
    worker.close()
    states = [(it.key, it.value) for it in worker.outlet.written if it.topic == ASSOCIATION_STATE]
    assert states == [("camera/a|progress", b"ended")]
    assert worker.outlet.written[-1].topic == ASSOCIATION_STATE


def test_an_outage_loses_nothing_and_its_end_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker(tmp_path)
    worker.say(0)
    until(lambda: worker.written == [0])
    worker.outlet.away.set()
    with caplog.at_level(logging.INFO):
        worker.say(*range(1, 50))
        until(lambda: "are held in" in caplog.text)
        assert [writer.held for writer in worker.writers] == [24, 25]
        worker.outlet.away.clear()
        worker.say(50)
        until(lambda: len(worker.written) == 51)
        until(lambda: "is back after" in caplog.text)
    assert worker.written == list(range(51))
    assert next(line for line in caplog.messages if "back after" in line).endswith("0 records were lost meanwhile")
    assert len([line for line in caplog.messages if "are held in" in line]) == 1


def test_everything_unacknowledged_is_sent_again_from_the_first(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.outlet.lose_replies = True
    worker.say(*range(10))
    worker.close()
    repeated = len(worker.written) - 10
    assert 0 < repeated <= 10
    assert worker.written == [*range(repeated), *range(10)]
    assert worker.outlet.discarded


def test_more_than_the_window_waits_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "WINDOW", 10)
    worker = Worker(tmp_path)
    sent = []
    worker.outlet.at_send = lambda additions: sent.append(len(additions))
    worker.outlet.away.set()
    worker.say(*range(200))
    until(lambda: worker.backlog.waiting.total() == 200)
    worker.outlet.away.clear()
    worker.close()
    assert worker.written == list(range(200))
    assert max(sent) <= 10


def test_beyond_the_limit_the_oldest_go_and_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "WINDOW", 5)
    worker = Worker(tmp_path, limit_bytes=50_000)
    worker.outlet.away.set()
    for number in range(200):
        worker.say(number)
        until(lambda: not worker.thread._saying.total())
    dropped = [writer.dropped for writer in worker.writers]
    worker.outlet.away.clear()
    worker.close()
    assert len(worker.written) + sum(dropped) == 200
    assert worker.written == [*range(5), *range(200 - len(worker.written) + 5, 200)]
    assert 35 <= len(worker.written) <= 50
    assert abs(dropped[0] - dropped[1]) <= 1
    assert len([line for line in caplog.messages if "oldest records are dropped" in line]) == 1


def test_what_cannot_be_written_before_the_end_waits_for_the_next_process(tmp_path: Path) -> None:
    first = Worker(tmp_path)
    first.outlet.away.set()
    first.say(*range(5))
    first.close(timeout_s=0.2)
    assert [writer.held for writer in first.writers] == [3, 2]
    assert [writer.dropped for writer in first.writers] == [0, 0]
    second = Worker(tmp_path, started_ns=2)
    second.say(6)
    second.close()
    assert second.written == [0, 1, 2, 3, 4, 6]
    assert list(tmp_path.glob("*.spool")) == []


def test_a_camera_that_comes_later_says_first_what_an_ended_process_has_left_of_it(tmp_path: Path) -> None:
    first = Worker(tmp_path)
    first.outlet.away.set()
    first.say(1, 3)
    first.close(timeout_s=0.2)
    outlet = Outlet()
    thread = SpoolThread(outlet, Backlog(Spool(tmp_path, frozenset(), started_ns=2), limit_bytes=1e8), Claimed())
    thread.use()  # the process itself
    thread.start()
    a, b = (SpooledWriter(thread, f"camera/{camera}", first.log.claim(f"camera/{camera}")) for camera in CAMERAS)
    a.commit([record(0)])
    until(lambda: len(outlet.written) == 1)
    thread.adopt(frozenset({"camera/b"}), limit_bytes=1e8)
    b.commit([record(5)])
    # A camera that goes waits for nothing, and the others go on.
    b.close()
    a.commit([record(6)])
    a.close()
    thread.leave(10.0)
    said = [int((it.value or b"")[:6]) for it in outlet.written if it.topic == OBSERVATIONS]
    assert said == [0, 1, 3, 5, 6]
    assert (a.held, b.held, a.dropped, b.dropped) == (0, 0, 0, 0)
    assert list(tmp_path.glob("*.spool")) == []


def test_a_camera_that_was_taken_over_and_claimed_anew_goes_on(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.claims.taken = {"camera/a"}
    until(lambda: worker.thread.fenced)
    worker.claims.taken = set()
    until(lambda: not worker.thread.fenced)
    worker.say(0)
    worker.close()
    assert worker.written == [0]


def test_a_camera_that_is_taken_over_is_fenced_and_the_other_goes_on(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.claims.error = ValueError("odd")
    time.sleep(0.05)
    worker.claims.error = None
    worker.claims.taken = {"camera/a"}
    until(lambda: worker.thread.fenced)
    with pytest.raises(FencedError, match="camera/a"):
        worker.say(0)
    worker.say(1)
    worker.close()
    assert worker.written == [1]


@pytest.mark.parametrize(
    "error", [ValueError("odd"), OSError(28, "no space"), MemoryError(), SystemExit(3), LogError("away")]
)
@pytest.mark.parametrize("times", [1, 2])
def test_an_error_that_passes_loses_nothing(
    tmp_path: Path, error: BaseException, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(tmp_path)
    worker.outlet.at_send = once(*[error] * times)
    worker.say(*range(30))
    worker.close()
    assert worker.written == list(range(30))
    assert [writer.dropped for writer in worker.writers] == [0, 0]
    assert len([line for line in caplog.messages if str(error) in line]) == 1


@pytest.mark.parametrize("error", [RuntimeError("never this one"), RefusedRecordError("too large")])
def test_what_the_log_never_takes_is_given_up_and_the_rest_is_written(
    tmp_path: Path, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(tmp_path)
    worker.outlet.at_send = refusing(17, 40, error=error)
    worker.say(*range(50))
    worker.close()
    assert worker.written == [number for number in range(50) if number not in (17, 40)]
    assert [writer.dropped for writer in worker.writers] == [1, 1]
    assert len([line for line in caplog.messages if "given up" in line]) == 2


def test_after_a_record_was_given_up_records_go_together_again(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    sizes: list[int] = []
    refuse = refusing(1, error=RefusedRecordError("too large"))

    def at_send(additions: Sequence[Addition]) -> BaseException | None:
        sizes.append(len(additions))
        return refuse(additions)

    worker.outlet.away.set()
    worker.outlet.at_send = at_send
    worker.say(*range(4))
    worker.outlet.away.clear()
    until(lambda: worker.written == [0, 2, 3])
    sizes.clear()
    worker.outlet.away.set()
    worker.say(*range(4, 24))
    until(lambda: worker.outlet.discarded > 1)
    worker.outlet.away.clear()
    worker.close()
    assert worker.written == [0, 2, 3, *range(4, 24)]
    assert max(sizes) > 1, "one by one for ever"


def test_with_a_full_disk_the_log_is_still_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker(tmp_path)
    worker.backlog.spool._db.execute("PRAGMA max_page_count=1")
    worker.say(*range(100))
    worker.close()
    assert worker.written == list(range(100))
    assert len([line for line in caplog.messages if "is the disk full" in line and "in memory" in line]) == 1


def test_with_a_full_disk_and_no_log_what_has_no_room_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "WINDOW", 10)
    worker = Worker(tmp_path)
    worker.outlet.away.set()
    worker.backlog.spool._db.execute("PRAGMA max_page_count=1")
    worker.writers[0].commit([record(number) for number in range(0, 60, 2)])
    until(lambda: worker.writers[0].dropped == 20)
    worker.outlet.away.clear()
    until(lambda: worker.written == list(range(0, 20, 2)))
    worker.backlog.spool._db.execute("PRAGMA max_page_count=100000")
    worker.say(61)
    worker.close()
    assert worker.written == [*range(0, 20, 2), 61]


def test_at_the_end_what_is_only_in_memory_is_given_up_and_counted(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.outlet.away.set()
    worker.backlog.spool._db.execute("PRAGMA max_page_count=1")
    worker.writers[0].commit([record(number) for number in range(0, 24, 2)])
    worker.close(timeout_s=0.2)
    assert [(writer.held, writer.dropped) for writer in worker.writers] == [(0, 12), (0, 0)]


def test_a_tick_that_was_held_back_says_for_how_long(tmp_path: Path) -> None:
    clock = ManualClock(1000 * NS)
    outlet, owner = Outlet(), "camera/a"
    backlog = Backlog(Spool(tmp_path, frozenset({owner}), started_ns=1), limit_bytes=1e6)
    thread = SpoolThread(outlet, backlog, Claimed(), clock=clock)
    writer = SpooledWriter(thread, owner, SqliteLog(tmp_path / "claims.db").claim(owner))
    tick = Tick(camera="a", epoch=CameraEpoch(1, 0), sequence=0, at_ns=5, count=1)
    for waits_s in (0.5, 300.0, 0.0):
        writer.commit([Record(OBSERVATIONS, "a", encode(tick))])
        thread._put_down()
        clock.sleep(waits_s)
        thread._write()
    found = [decode(each.value or b"") for each in outlet.written]
    assert [each.behind_ns for each in found if isinstance(each, Tick)] == [0, 300 * NS, 0]
    assert Counter(found)[tick] == 2
