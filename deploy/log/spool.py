"""A writer that does not wait for a log beyond this machine: commits are held in memory and written behind.

While the log is away they pile up to a limit; then the oldest are dropped, whole commits at a time, and counted. The
inference thread never waits.
"""

import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from deploy.log.base import Log, Record, Writer
from ingest.errors import FencedError, LogError, SpentWriterError

logger = logging.getLogger(__name__)

RETRY_S = 1.0
BATCH = 500
"""Records that are written together at most."""


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
    """The right to write as one owner, written behind by a thread of its own.

    Claiming raises what the log raises. `commit` raises FencedError once it is known that another process has taken
    over; an unreachable log it does not notice: `dropped` counts the records that were given up. `state` is what was
    committed here, written or not.
    """

    def __init__(self, log: Log, owner: str, *, limit_bytes: float) -> None:
        self._log = log
        self._owner = owner
        self._limit_bytes = limit_bytes
        self._writer: Writer = log.claim(owner)
        self._generation = self._writer.generation
        self._position = self._writer.position
        self._state = dict(self._writer.state)
        self._pending: deque[_PendingCommit] = deque()
        self._pending_bytes = 0
        self._writing = 0  # commits at the front that are being written just now
        self._changed = threading.Condition()
        self._closing = False
        self._abandoned = threading.Event()
        self._fenced: FencedError | None = None
        self._away = False
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
        else:
            self._writer.close()

    def _drop_oldest(self) -> None:
        """Drop the oldest commits beyond the limit; their state is carried over, since later state builds on it."""
        while self._pending_bytes > self._limit_bytes and len(self._pending) - self._writing > 1:
            oldest, heir = self._pending[self._writing], self._pending[self._writing + 1]
            inherited = _PendingCommit(heir.records, {**oldest.state, **heir.state}, heir.position or oldest.position)
            self._pending[self._writing + 1] = inherited
            del self._pending[self._writing]
            self._pending_bytes += inherited.size - heir.size - oldest.size
            if not self.dropped:
                logger.warning("'%s': the log has been away for too long; the oldest records are dropped", self._owner)
            self.dropped += len(oldest.records)

    def _run(self) -> None:
        while self._fenced is None and not self._abandoned.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closing)
                batch = self._next_batch()
                self._writing = len(batch)
            if not batch:
                return
            try:
                self._write(batch)
            except FencedError as error:
                self._fenced = error
                return
            except LogError as error:
                self._wait_for_the_log(error)
                continue
            self._away = False
            with self._changed:
                self._writing = 0
                for each in batch:
                    self._pending.popleft()
                    self._pending_bytes -= each.size

    def _next_batch(self) -> list[_PendingCommit]:
        batch: list[_PendingCommit] = []
        count = 0
        for each in self._pending:
            count += len(each.records)
            if batch and count > BATCH:
                break
            batch.append(each)
        return batch

    def _write(self, batch: list[_PendingCommit]) -> None:
        state: dict[str, bytes | None] = {}
        position: int | None = None
        for each in batch:
            state.update(each.state)
            position = each.position if each.position is not None else position
        self._writer.commit([record for each in batch for record in each.records], state=state, position=position)

    def _wait_for_the_log(self, error: LogError) -> None:
        """The same writer tries again, since it notices if somebody has taken over meanwhile; a spent one cannot."""
        if not self._away:
            logger.warning("'%s': %s; observations are held in memory meanwhile", self._owner, error)
        self._away = True
        with self._changed:
            self._writing = 0
            self._drop_oldest()
        if isinstance(error, SpentWriterError):
            self._reclaim()
        else:
            self._abandoned.wait(RETRY_S)

    def _reclaim(self) -> None:
        """A new writer once the log answers; observations of its generation are those of a new epoch."""
        while not self._abandoned.wait(RETRY_S):
            try:
                self._writer = self._log.claim(self._owner)
                self._generation = self._writer.generation
                return
            except FencedError as error:
                self._fenced = error
                return
            except LogError:
                continue
