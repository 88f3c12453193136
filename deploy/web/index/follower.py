"""The thread that follows the log into the index, and hands the newest events to those who listen."""

import logging
import threading
from collections import deque
from sqlite3 import Connection

from associate.trajectory import decode as decode_event
from deploy.log.base import Log, StoredRecord
from deploy.log.decoding import Undecoded
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.web.index.fold import fold_event, fold_record
from deploy.web.index.store import FOLLOWED, Index, keep_undecoded
from embed.observation import decode as decode_record
from ingest.errors import LogError
from ingest.redact import redact

logger = logging.getLogger(__name__)

PAGE = 500
"""Records in one transaction: a reader of the index, and association on the same disk, wait for no more."""
POLL_S = 0.1
RETRY_S = 1.0
LEAVE_S = 5.0
WAIT_S = 3.0
RECENT = 2000
"""Events that are kept for listeners; who is further behind reads the log."""


class Follower:
    """Follows the log in a thread. problem: why nothing new comes, if that is so."""

    def __init__(self, log: Log, index: Index) -> None:
        self.problem: str | None = None
        self.caught_up = False
        self.undecoded = Undecoded()
        self._log, self._index = log, index
        for topic in FOLLOWED:
            known = index.undecoded(topic)
            if known is not None:
                self.undecoded.go_on(topic, known)
        self._recent: deque[StoredRecord] = deque(maxlen=RECENT)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="index", daemon=True)

    @property
    def closing(self) -> bool:
        """True once the server is to end."""
        return self._stop.is_set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread, and all who listen, to end."""
        self._stop.set()

    def close(self) -> None:
        self.stop()
        self._thread.join(LEAVE_S)

    def events_after(self, offset: int, limit: int) -> list[StoredRecord]:
        """Read the records of events after an offset that the index has taken in: from memory, or from the log."""
        recent = list(self._recent)
        end = self._index.position(TRAJECTORIES)
        if offset >= end:
            return []
        if recent and recent[0].offset <= offset + 1:
            return [record for record in recent if record.offset > offset][:limit]
        return [record for record in self._log.read(TRAJECTORIES, offset, limit) if record.offset <= end]

    def wait_for(self, control: str) -> bool:
        """Wait for the index to have a control that was just put on the log; False where that takes too long."""
        for _ in range(round(WAIT_S / POLL_S)):
            if self._index.row("SELECT 1 FROM controls WHERE id = ?", (control,)) is not None:
                return True
            if self._stop.wait(POLL_S):
                break
        return False

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                taken = self.step()
            except LogError as error:
                self._fail(redact(str(error)))
                continue
            except Exception as error:  # the index is no reason to end the process that it runs in
                logger.exception("the index could not take in the log")
                self._fail(f"{type(error).__name__}: {error}")
                continue
            self.problem = None
            if not taken:
                self.caught_up = True
                self._stop.wait(POLL_S)

    def _fail(self, problem: str) -> None:
        if problem != self.problem:
            logger.warning("%s", problem)
        self.problem = problem
        self._stop.wait(RETRY_S)

    def step(self) -> int:
        """Take in a page of every topic; returns the number of records."""
        # Observations first: an event's tracklets are known when it comes.
        return self._step(OBSERVATIONS) + self._step(TRAJECTORIES)

    def _step(self, topic: str) -> int:
        """Take in one page of a topic; returns its number of records."""
        after = self._index.position(topic)
        stored = self._log.read(topic, after, PAGE)
        if not stored:
            return 0
        with self._index.page(topic, after, stored) as db:
            if db is not None:
                for each in stored:
                    self._fold(db, topic, each)
                keep_undecoded(db, topic, self.undecoded)
        if topic == TRAJECTORIES:
            self._recent.extend(stored)
        return len(stored)

    def _fold(self, db: Connection, topic: str, stored: StoredRecord) -> None:
        if topic == TRAJECTORIES:
            event = self.undecoded.decode(topic, stored, decode_event)
            if event is not None:
                fold_event(db, event)
            return
        record = self.undecoded.decode(topic, stored, decode_record)
        if record is not None:
            fold_record(db, stored, record)
