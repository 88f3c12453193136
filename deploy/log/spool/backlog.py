"""The backlog of a process: what has been said and is not on the log yet, in memory as far as it is being sent.

The spool has all of it, so that a kill loses nothing; beyond the window it is only there. Where the disk takes no more,
the window alone goes on, and what has no place in it is given up and counted.
"""

import logging
from collections import Counter, deque
from collections.abc import Sequence

from deploy.log.base import Addition
from deploy.log.spool.file import Spool, Waiting
from ingest.errors import LogError

logger = logging.getLogger(__name__)

WINDOW = 2000
"""Most records that are in memory and unacknowledged: the client sets no bound of its own."""

ADOPTING_S = 0.05
"""Wait for a file that a living process has, while what is said here waits too."""

KEPT = 0.9
"""Share of the limit that is kept where it is exceeded: every loss begins a new epoch of its camera."""


class Backlog:
    """Records in order, with how many of each owner wait (`waiting`) and were given up (`dropped`).

    `limit_bytes` bounds all that waits: beyond it the oldest that are not being sent are given up.
    """

    def __init__(self, spool: Spool, *, limit_bytes: float) -> None:
        self.spool = spool
        self.dropped = Counter[str]()
        self._limit_bytes = limit_bytes
        self.waiting, self._bytes = spool.held()
        self._last = spool.last()
        self._window: deque[Waiting] = deque()
        self._beyond = self.waiting.total()  # records that are on the disk alone
        self._only_here: set[int] = set()  # numbers of records that the disk did not take
        self._acknowledged = self._forgotten = 0
        self._warned: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._window) or self._beyond > 0

    @property
    def catching_up(self) -> bool:
        """True while there is more than the window holds."""
        return self._beyond > 0

    def add(self, additions: Sequence[tuple[Addition, int]]) -> None:
        """Take records, each with the time when it was said, Unix nanoseconds."""
        said = [Waiting(self._last + place, *each) for place, each in enumerate(additions, 1)]
        if not said and self._forgotten == self._acknowledged:
            return
        self._last += len(said)
        try:
            self.spool.put(said, forget_up_to=self._acknowledged)
            self._forgotten = self._acknowledged
            self._warned.discard("disk")
        except LogError as error:
            said = self._keep_in_memory(said, error)
        for each in said:
            self.waiting[each.addition.owner] += 1
            self._bytes += each.addition.size
        room = 0 if self._beyond else WINDOW - len(self._window)
        self._window.extend(said[:room])
        self._beyond += len(said[room:])
        if self._bytes > self._limit_bytes and self._beyond:
            self._drop_oldest()

    def adopt(self, owners: frozenset[str], *, limit_bytes: float) -> None:
        """Take over what ended processes have left of further owners, to be sent before anything they say here."""
        self._limit_bytes = limit_bytes
        try:
            before, bytes_before = self.spool.held()
            self.spool.take_over(owners, after=self._last, wait_s=ADOPTING_S)
            held, bytes_held = self.spool.held()
            self._last = max(self._last, self.spool.last())
        except LogError as error:
            self._warn("adopting", "%s; what other processes have left waits there", error)
            return
        taken = held - before
        self.waiting.update(taken)
        self._beyond += taken.total()
        self._bytes += bytes_held - bytes_before

    def next(self, place: int) -> list[Waiting]:
        """The records of the window from a place on, after it was filled from the disk."""
        if self._beyond and len(self._window) < WINDOW:
            begin = self._window[-1].sequence if self._window else self._acknowledged
            found = self.spool.after(begin, WINDOW - len(self._window))
            self._window.extend(found)
            self._beyond = max(0, self._beyond - len(found)) if found else 0
        return [self._window[at] for at in range(place, len(self._window))]

    def acknowledge(self, count: int) -> None:
        """The first records of the window are on the log."""
        for _ in range(count):
            self._remove_first()

    def give_up_first(self) -> Addition:
        """The first record of the window will never be on the log; returns it."""
        first = self._remove_first().addition
        self.dropped[first.owner] += 1
        return first

    def close(self) -> None:
        """Leave on the disk what waits; what the disk did not take is given up."""
        try:
            self.spool.put([], forget_up_to=self._acknowledged)
        except LogError as error:
            logger.warning("%s; records that are on the log already will be sent once more", error)
        for each in self._window:
            if each.sequence in self._only_here:
                self.waiting[each.addition.owner] -= 1
                self.dropped[each.addition.owner] += 1
        self.spool.close()

    def _remove_first(self) -> Waiting:
        first = self._window.popleft()
        self.waiting[first.addition.owner] -= 1
        self._bytes -= first.addition.size
        self._only_here.discard(first.sequence)
        self._acknowledged = first.sequence
        return first

    def _keep_in_memory(self, said: Sequence[Waiting], error: LogError) -> list[Waiting]:
        """Those for which there is room in the window; the others are given up."""
        self._warn("disk", "%s; observations are held in memory, as far as there is room", error)
        room = 0 if self._beyond else WINDOW - len(self._window)
        self._only_here.update(each.sequence for each in said[:room])
        self.dropped.update(each.addition.owner for each in said[room:])
        return list(said[:room])

    def _drop_oldest(self) -> None:
        begin = self._window[-1].sequence if self._window else self._acknowledged
        try:
            dropped, freed = self.spool.drop_oldest(begin, int(self._bytes - KEPT * self._limit_bytes))
        except LogError as error:
            self._warn("disk", "%s", error)
            return
        self._warn("limit", "the log has been away for too long; the oldest records are dropped")
        self.dropped.update(dropped)
        self.waiting.subtract(dropped)
        self._beyond -= dropped.total()
        self._bytes -= freed

    def _warn(self, kind: str, words: str, *values: object) -> None:
        """Warn once of each kind."""
        if kind not in self._warned:
            self._warned.add(kind)
            logger.warning(words, *values)
