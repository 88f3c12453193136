"""A writer that does not wait for a log beyond this machine: commits are held in memory and written behind.

While the log is away they pile up to a limit; then the oldest are dropped, whole commits at a time, and counted. A
commit that the log can never take, or whose writing fails again and again for a reason that nobody foresaw, is given up
and counted too; those behind it are written. The inference thread never waits.
"""

import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from deploy.log.base import Log, Record, Writer
from ingest.clock import Clock, SystemClock
from ingest.errors import FencedError, LogError, RefusedRecordError, SpentWriterError

logger = logging.getLogger(__name__)

RETRY_S = 1.0
LONGEST_RETRY_S = 5.0
CLOSING_RETRY_S = 0.05
"""Pause between attempts while closing, where somebody waits for a few seconds at most."""
ATTEMPTS = 3
"""Attempts at a commit that fails for a reason nobody foresaw; the last one by a new writer."""
BATCH = 500
"""Most records that are written together."""


@dataclass(frozen=True, slots=True)
class _PendingCommit:
    """A commit that is not written yet."""

    records: tuple[Record, ...]
    state: Mapping[str, bytes | None]
    position: int | None

    @property
    def size(self) -> int:
        return sum(len(record.value) + len(record.key) for record in self.records) + 64


class SpooledWriter:
    """Writer as one owner that is written behind by a thread of its own.

    Claiming raises what the log raises. `commit` raises FencedError once it is known that another process has taken
    over; an unreachable log it does not notice: `dropped` counts the records that were given up. `state` is what was
    committed here, written or not.
    """

    def __init__(self, log: Log, owner: str, *, limit_bytes: float, clock: Clock | None = None) -> None:
        self._log = log
        self._owner = owner
        self._limit_bytes = limit_bytes
        self._clock = clock or SystemClock()
        self._writer: Writer = log.claim(owner)
        self._generation = self._writer.generation
        self._position = self._writer.position
        self._state = dict(self._writer.state)
        self._pending: deque[_PendingCommit] = deque()
        self._pending_bytes = 0
        self._writing = 0  # commits at the front that are being written just now
        self._alone = 0  # commits at the front that are written one by one: a batch with them has failed
        self._failures = 0  # in a row, unforeseen, of the first commit
        self._unforeseen = 0  # in a row, of any
        self._changed = threading.Condition()
        self._closing = False
        self._abandoned = threading.Event()
        self._fenced: FencedError | None = None
        self._away_since_s: float | None = None
        self._dropped_before = 0  # the log went away
        self._full = False  # the limit has been met, and that was said
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=f"spool {owner}", daemon=True)
        self._thread.start()

    @property
    def generation(self) -> int:
        return self._generation

    @property
    def position(self) -> int:
        return self._position

    @property
    def state(self) -> Mapping[str, bytes]:
        return MappingProxyType(self._state)

    @property
    def pending_records(self) -> int:
        """Records that are not written yet."""
        with self._changed:
            return sum(len(each.records) for each in self._pending)

    def commit(
        self,
        records: Sequence[Record],
        *,
        state: Mapping[str, bytes | None] | None = None,
        position: int | None = None,
    ) -> None:
        if self._fenced is not None:
            raise self._fenced
        held = _PendingCommit(tuple(records), dict(state or {}), position)
        with self._changed:
            self._pending.append(held)
            self._pending_bytes += held.size
            self._drop_oldest()
            self._changed.notify_all()
        self._position = self._position if position is None else position
        for key, value in held.state.items():
            if value is None:
                self._state.pop(key, None)
            else:
                self._state[key] = value

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what is held, for at most this long; what is left then is dropped and counted."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        self._abandoned.set()
        left = self.pending_records
        if left:
            self.dropped += left
            logger.warning("'%s': %d records could not be written before the end and are lost", self._owner, left)
            return
        try:
            self._writer.close()
        except Exception as error:  # all is written: nothing is lost by it
            logger.warning("'%s' could not be closed: %s", self._owner, _words(error))

    # What is held

    def _drop_oldest(self) -> None:
        """Drop the oldest commits beyond the limit."""
        while self._pending_bytes > self._limit_bytes and len(self._pending) - self._writing > 1:
            if not self._full:
                self._full = True
                logger.warning("'%s': the log has been away for too long; the oldest records are dropped", self._owner)
            self._drop(self._writing)

    def _drop(self, place: int) -> None:
        """Give up the records of a held commit; the next one inherits its state, since later state builds on it."""
        oldest = self._pending[place]
        heir = self._pending[place + 1] if len(self._pending) > place + 1 else _PendingCommit((), {}, None)
        position = oldest.position if heir.position is None else heir.position
        inherited = _PendingCommit(heir.records, {**oldest.state, **heir.state}, position)
        if len(self._pending) > place + 1:
            self._pending[place + 1] = inherited
            del self._pending[place]
        else:
            self._pending[place] = inherited
        self._pending_bytes += inherited.size - heir.size - oldest.size
        self.dropped += len(oldest.records)

    def _next_batch(self) -> list[_PendingCommit]:
        if self._alone:
            return [self._pending[0]] if self._pending else []
        batch: list[_PendingCommit] = []
        count = 0
        for each in self._pending:
            count += len(each.records)
            if batch and count > BATCH:
                break
            batch.append(each)
        return batch

    # The thread that writes

    def _run(self) -> None:
        while self._fenced is None and not self._abandoned.is_set():
            with self._changed:
                # Step 1: wait for a batch; while it is being written, none of it is dropped
                self._changed.wait_for(lambda: self._pending or self._closing)
                batch = self._next_batch()
                self._writing = len(batch)
            if not batch:
                return
            try:
                # Step 2: write it, and on an error decide between waiting, giving up, and trying again
                self._write(batch)
            except FencedError as error:
                self._fenced = error
            except RefusedRecordError as error:
                self._after_refusal(batch, error)
            except LogError as error:
                self._wait_for_the_log(error)
            except BaseException as error:  # whatever it is, this thread is the only one that writes
                self._after_unforeseen(batch, error)
            else:
                self._note_written(batch)

    def _write(self, batch: list[_PendingCommit]) -> None:
        state: dict[str, bytes | None] = {}
        position: int | None = None
        for each in batch:
            state.update(each.state)
            position = each.position if each.position is not None else position
        self._writer.commit([record for each in batch for record in each.records], state=state, position=position)

    def _note_written(self, batch: list[_PendingCommit]) -> None:
        if self._away_since_s is not None:
            away_s = self._clock.monotonic_s() - self._away_since_s
            lost = self.dropped - self._dropped_before
            logger.info("'%s': the log is back after %.1f s; %d records were lost meanwhile", self._owner, away_s, lost)
        self._away_since_s, self._full = None, False
        self._failures = self._unforeseen = 0
        self._alone = max(0, self._alone - len(batch))
        with self._changed:
            self._writing = 0
            for each in batch:
                self._pending.popleft()
                self._pending_bytes -= each.size

    def _put_back(self) -> None:
        with self._changed:
            self._writing = 0
            self._drop_oldest()

    def _wait_for_the_log(self, error: LogError) -> None:
        """Try again with the same writer, which notices if somebody has taken over meanwhile; replace a spent one."""
        if self._away_since_s is None:
            logger.warning("'%s': %s; observations are held in memory meanwhile", self._owner, error)
            self._away_since_s, self._dropped_before = self._clock.monotonic_s(), self.dropped
        self._put_back()
        if isinstance(error, SpentWriterError):
            self._reclaim()
        else:
            self._abandoned.wait(RETRY_S)

    def _after_refusal(self, batch: list[_PendingCommit], error: RefusedRecordError) -> None:
        """Find the commit that the log does not take, and give it up."""
        self._put_back()
        if len(batch) > 1:
            self._alone = len(batch)
        else:
            self._give_up(batch[0], error)

    def _after_unforeseen(self, batch: list[_PendingCommit], error: BaseException) -> None:
        """Try again, one commit at a time; at last with a new writer; then give the commit up."""
        self._put_back()
        self._unforeseen += 1
        if self._unforeseen == 1:
            logger.warning("'%s': %s; it is written again", self._owner, _words(error))
            logger.debug("'%s': where it was", self._owner, exc_info=error)
        self._alone = max(self._alone, len(batch))
        self._failures += len(batch) == 1
        if self._failures >= ATTEMPTS:
            self._give_up(batch[0], error)
        self._abandoned.wait(self._pause_s())
        if self._failures == ATTEMPTS - 1:
            self._reclaim()

    def _give_up(self, commit: _PendingCommit, error: BaseException) -> None:
        """Give a commit up for good; its state goes on with the next one."""
        self._failures, self._alone = 0, max(0, self._alone - 1)
        with self._changed:
            if self._pending[0] is not commit:  # has been dropped meanwhile, to make room
                return
            self._drop(0)
            if self._pending[0] == _PendingCommit((), {}, None):
                self._pending_bytes -= self._pending.popleft().size
        logger.warning(
            "'%s': %d records are given up, the log does not take them: %s (what follows is written)",
            self._owner,
            len(commit.records),
            _words(error),
        )

    def _pause_s(self) -> float:
        if self._closing:
            return CLOSING_RETRY_S
        return min(RETRY_S * 2.0 ** (self._unforeseen - 1), LONGEST_RETRY_S)

    def _reclaim(self) -> None:
        """Claim a new writer once the log answers; observations of its generation are those of a new epoch."""
        warned = False
        while not self._abandoned.wait(CLOSING_RETRY_S if self._closing else RETRY_S):
            try:
                self._writer = self._log.claim(self._owner)
                self._generation = self._writer.generation
                return
            except FencedError as error:
                self._fenced = error
                return
            except LogError:
                continue
            except BaseException as error:  # as in `_run`
                if not warned:
                    logger.warning("'%s' cannot be claimed again yet: %s", self._owner, _words(error))
                warned = True


def _words(error: BaseException) -> str:
    """An error of any kind, on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
