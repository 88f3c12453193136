"""The writer of all live cameras of a process, which do not wait for a log beyond this machine.

What they commit is put into one backlog, in the order in which it is said, and written behind by one thread. A commit
is not atomic and may come onto the log twice; a reader drops what is there already by its count, and what comes from an
owner that was replaced by its epoch.
"""

import logging
import threading
from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from deploy.log.base import Addition, Appender, Record, Writer
from deploy.log.observations import with_delay
from deploy.log.spool.backlog import Backlog
from deploy.log.spool.file import Waiting
from deploy.log.topics import ASSOCIATION_STATE, OBSERVATIONS
from ingest.clock import NS, Clock, SystemClock
from ingest.errors import FencedError, LogError, RefusedRecordError

logger = logging.getLogger(__name__)

LINGER_S = 0.05
"""Least time between two requests to the log: their number, not that of records, decides what they cost."""
CATCHING_UP_S = 0.005
RETRY_S = 0.5
CLOSING_RETRY_S = 0.05
"""Pause between attempts while closing, where somebody waits for a few seconds at most."""
ATTEMPTS = 3
"""Attempts at a record that fails for a reason nobody foresaw."""
CLAIMS_S = 2.0
"""Seconds between two looks at whether a camera has been taken over."""
STATE_S = 5.0
"""Seconds between two states of a camera on the log: where a recording goes on after a restart."""
BEHIND_S = 2.0
"""Wait in the spool from which a tick says that its camera is behind."""
LARGEST_QUEUE = 100_000
"""Most records that wait for a disk that hangs."""


class Claims(Protocol):
    """Owners that a process has claimed; `lost`: those that another one has claimed since."""

    def lost(self) -> Collection[str]: ...

    def close(self) -> None: ...


class SpoolThread:
    """The thread that writes behind, for the cameras of a process, and a second one that watches their claims."""

    def __init__(
        self,
        appender: Appender,
        backlog: Backlog,
        claims: Claims,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.fenced = set[str]()
        self._appender = appender
        self._backlog = backlog
        self._claims = claims
        self._changed = threading.Condition()
        self._said: deque[tuple[Addition, int]] = deque()
        self._adopting: deque[tuple[frozenset[str], float]] = deque()
        self._saying = Counter[str]()  # records by owner that the thread has not taken yet
        self._unsaid = Counter[str]()  # and those that it never could
        self._sent = 0  # records at the front of the window that the appender has
        self._alone = 0  # records at the front that are sent one by one: one of them may be refused
        self._failures = 0  # in a row, unforeseen
        self._away_since_s: float | None = None
        self._dropped_before = 0
        self._users = 0
        self._closing = False
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (("spool", self._run), ("spool claims", self._watch_claims))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def use(self) -> None:
        """One camera more; the last one that leaves ends the thread."""
        self._users += 1

    def adopt(self, owners: frozenset[str], *, limit_bytes: float) -> None:
        """Owners more, before they say anything: what ended processes have left of them is written first."""
        with self._changed:
            self._adopting.append((owners, limit_bytes))
            self._changed.notify_all()

    def say(self, additions: Sequence[Addition]) -> None:
        """Take records to be written, in this order; returns at once."""
        now_ns = self.clock.now_ns()
        with self._changed:
            for addition in additions:
                self._said.append((addition, now_ns))
                self._saying[addition.owner] += 1
            while len(self._said) > LARGEST_QUEUE:
                addition, _ = self._said.popleft()
                self._saying[addition.owner] -= 1
                self._unsaid[addition.owner] += 1
            self._changed.notify_all()

    def waiting(self, owner: str) -> int:
        """Records of an owner that are not on the log yet."""
        return self._saying[owner] + self._backlog.waiting[owner]

    def dropped(self, owner: str) -> int:
        """Records of an owner that were given up."""
        return self._unsaid[owner] + self._backlog.dropped[owner]

    def leave(self, timeout_s: float) -> None:
        """One camera less. The last one to leave ends the thread, once everything is written or the time is over."""
        with self._changed:
            self._users -= 1
            if self._users > 0:
                return
            self._closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._saying.total() and not self._backlog, timeout_s)
        self._ended.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout_s)
        self._appender.discard()
        self._claims.close()
        self._backlog.close()

    # The thread

    def _run(self) -> None:
        while not self._ended.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._said or self._adopting or self._backlog or self._ended.is_set())
            self._put_down()
            self._ended.wait(self._write())
        self._put_down()

    def _put_down(self) -> None:
        """Take what was said into the backlog."""
        with self._changed:
            said, adopting = list(self._said), list(self._adopting)
            self._said.clear()
            self._adopting.clear()
        for owners_to_adopt, limit_bytes in adopting:
            self._backlog.adopt(owners_to_adopt, limit_bytes=limit_bytes)
        owners = Counter(addition.owner for addition, _ in said)
        try:
            self._backlog.add(said)
        except BaseException as error:  # whatever it is, this thread is the only one that writes
            logger.warning("%d records are given up, the spool does not take them: %s", len(said), _words(error))
            self._unsaid.update(owners)
        with self._changed:  # only now, so that each counts at every moment
            self._saying.subtract(owners)
            self._changed.notify_all()

    def _write(self) -> float:
        """Send what there is room for and note what has come onto the log; returns the seconds until the next time."""
        try:
            limit = 1 if self._alone else None
            fresh = self._backlog.next(self._sent)[: None if limit is None else max(0, limit - self._sent)]
            if fresh:
                self._appender.send([self._stamped(each) for each in fresh])
                self._sent += len(fresh)
            self._note(self._appender.acknowledged())
        except RefusedRecordError as error:
            self._after_refusal(error)
        except LogError as error:
            return self._wait_for_the_log(error)
        except BaseException as error:  # whatever it is, this thread is the only one that writes
            return self._after_unforeseen(error)
        if self._closing or self._alone or self._backlog.catching_up:
            return CATCHING_UP_S
        return LINGER_S

    def _stamped(self, waiting: Waiting) -> Addition:
        """A record as it is sent now: a tick that has waited says for how long."""
        addition, waited_ns = waiting.addition, self.clock.now_ns() - waiting.said_ns
        if waited_ns < BEHIND_S * NS or addition.topic != OBSERVATIONS or addition.value is None:
            return addition
        return Addition(addition.owner, addition.topic, addition.key, with_delay(addition.value, waited_ns))

    def _note(self, count: int) -> None:
        """Note how many records have come onto the log."""
        if not count:
            return
        self._backlog.acknowledge(count)
        self._sent -= count
        self._alone = max(0, self._alone - count)
        self._failures = 0
        if self._away_since_s is not None:
            away_s = self.clock.monotonic_s() - self._away_since_s
            lost = self._backlog.dropped.total() - self._dropped_before
            logger.info("the log is back after %.1f s; %d records were lost meanwhile", away_s, lost)
            self._away_since_s = None

    def _wait_for_the_log(self, error: LogError) -> float:
        self._sent = 0
        self._appender.discard()
        if self._away_since_s is None:
            logger.warning("%s; observations are held in %s meanwhile", error, self._backlog.spool.path)
            self._away_since_s, self._dropped_before = self.clock.monotonic_s(), self._backlog.dropped.total()
        return CLOSING_RETRY_S if self._closing else RETRY_S

    def _after_refusal(self, error: RefusedRecordError) -> None:
        """Find the record that the log does not take, and give it up."""
        was_alone, self._sent = self._alone > 0, 0
        if was_alone:
            self._give_up(error)
        else:
            self._alone = len(self._backlog.next(0))

    def _after_unforeseen(self, error: BaseException) -> float:
        """Send again, record by record; after some attempts give the first one up."""
        self._sent = 0
        self._appender.discard()
        self._failures += 1
        if self._failures == 1:
            logger.warning("%s; it is written again", _words(error))
            logger.debug("where it was", exc_info=error)
        was_alone = self._alone > 0
        self._alone = max(self._alone, len(self._backlog.next(0)))
        if was_alone and self._failures >= ATTEMPTS:
            self._give_up(error)
        return CLOSING_RETRY_S if self._closing else RETRY_S

    def _give_up(self, error: BaseException) -> None:
        """Give the first record up for good."""
        given_up = self._backlog.give_up_first()
        self._alone, self._failures = max(0, self._alone - 1), 0
        logger.warning(
            "'%s': a record is given up, the log does not take it: %s (what follows is written)",
            given_up.owner,
            _words(error),
        )

    def _watch_claims(self) -> None:
        warned = False
        while not self._ended.wait(CLAIMS_S):
            try:
                self.fenced = set(self._claims.lost())  # one that was claimed anew since is not lost any more
            except LogError:
                continue  # it is away, which the other thread says
            except Exception as error:  # of the log's client: cameras go on
                if not warned:
                    logger.warning("whether cameras have been taken over cannot be seen: %s", _words(error))
                warned = True


class SpooledWriter:
    """Writer of one camera over the thread of its process.

    `commit` raises FencedError once it is known that another process has claimed the camera; an unreachable log it
    does not notice: `dropped` counts the records that were given up, `held` those that wait.
    """

    def __init__(self, thread: SpoolThread, owner: str, claimed: Writer) -> None:
        self._thread = thread
        self._owner = owner
        self._generation = claimed.generation
        self._state = dict(claimed.state)
        self._unwritten: dict[str, bytes | None] = {}
        self._state_s = thread.clock.monotonic_s()
        thread.use()

    @property
    def generation(self) -> int:
        return self._generation

    @property
    def position(self) -> int:
        return 0

    @property
    def state(self) -> Mapping[str, bytes]:
        return MappingProxyType(self._state)

    @property
    def dropped(self) -> int:
        return self._thread.dropped(self._owner)

    @property
    def held(self) -> int:
        return self._thread.waiting(self._owner)

    def commit(
        self,
        records: Sequence[Record],
        *,
        state: Mapping[str, bytes | None] | None = None,
        position: int | None = None,
    ) -> None:
        if position is not None:
            raise LogError(f"'{self._owner}' reads nothing, so that it has no position to commit")
        if self._owner in self._thread.fenced:
            raise FencedError(f"'{self._owner}' is owned by another process now; stop one of the two")
        for key, value in (state or {}).items():
            self._unwritten[key] = value
            self._state.pop(key, None)
            if value is not None:
                self._state[key] = value
        said = [Addition(self._owner, record.topic, record.key, record.value) for record in records]
        # The state is for a restart: after its records, and not with every one of them.
        if not records or self._thread.clock.monotonic_s() - self._state_s >= STATE_S:
            said += self._take_state()
        self._thread.say(said)

    def beat(self) -> None:
        """Do nothing: nobody stands by for a camera."""

    def close(self, timeout_s: float = 10.0) -> None:
        """Have everything written, for at most this long; what is left then waits in the spool (`held`)."""
        if self._owner not in self._thread.fenced:
            self._thread.say(self._take_state())
        self._thread.leave(timeout_s)

    def _take_state(self) -> list[Addition]:
        changed, self._unwritten = self._unwritten, {}
        self._state_s = self._thread.clock.monotonic_s()
        return [
            Addition(self._owner, ASSOCIATION_STATE, f"{self._owner}|{key}", value) for key, value in changed.items()
        ]


def _words(error: BaseException) -> str:
    """An error of any kind, on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
