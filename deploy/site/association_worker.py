"""Observations to trajectories: reads the log, runs the associator, commits its events with its state and position."""

import base64
import logging
import threading
from collections import Counter
from collections.abc import Callable

import msgspec

from associate.associator import Associator
from associate.trajectory import TrajectoryEvent
from associate.trajectory import encode as encode_event
from deploy.log.base import Log, Record, StoredRecord
from deploy.log.topics import DEAD_LETTERS, IDENTITIES, OBSERVATIONS, TRAJECTORIES
from embed.observation import decode

logger = logging.getLogger(__name__)

POLL_S = 0.05
REASON_WORDS = 4
"""Warnings are distinguished by the first words of their reason, so that each kind is logged once."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be used: JSON on the topic `dead-letters`, with the record itself in base64."""

    topic: str
    offset: int
    key: str
    reason: str
    record: str


class AssociationWorker:
    """The association of one zone; exactly one process owns it, a second one takes it over.

    Every commit holds the events, the changed state and the position, so that a restart goes on as if nothing had
    happened. `step` does one batch and returns how many records it read.
    """

    def __init__(self, log: Log, zone: str, associator: Associator, *, batch: int = 500) -> None:
        self._log = log
        self._associator = associator
        self._writer = log.claim(f"zone/{zone}")
        self._batch = batch
        self._warned_reasons: set[str] = set()
        self.counts: Counter[str] = Counter()
        associator.restore(self._writer.state)

    @property
    def position(self) -> int:
        """The offset of the last observation that has been taken in."""
        return self._writer.position

    def step(self) -> int:
        stored = self._log.read(OBSERVATIONS, self._writer.position, self._batch)
        if not stored:
            return 0
        records: list[Record] = []
        for record in stored:
            records += self._process(record)
        self._writer.commit(records, state=self._associator.changes(), position=stored[-1].offset)
        return len(stored)

    def run(self, stop: threading.Event, *, finished: Callable[[], bool] = lambda: False, once: bool = False) -> None:
        """Work until `stop` is set, or until `finished` says that nothing more will come and all has been read.

        With `once` what is on the log now is all that will come.
        """
        while not stop.is_set():
            no_more = finished() or (once and self.caught_up)
            if self.step() == 0:
                if no_more:
                    return
                stop.wait(POLL_S)

    @property
    def caught_up(self) -> bool:
        """Whether all that is on the log now has been taken in."""
        return self.position >= self._log.end(OBSERVATIONS)

    def drain(self) -> None:
        """Take in what is on the log now."""
        end = self._log.end(OBSERVATIONS)
        while self.position < end and self.step():
            pass

    def _process(self, record: StoredRecord) -> list[Record]:
        self.counts["records"] += 1
        try:
            message = decode(record.value)
        except ValueError as error:
            return [self._dead_letter(record, str(error))]
        refusal = self._associator.refuse(message)
        if refusal is not None:
            return [self._dead_letter(record, refusal)]
        events = self._associator.update(message)
        self.counts["events"] += len(events)
        return [entry for event in events for entry in _event_records(event)]

    def _dead_letter(self, record: StoredRecord, reason: str) -> Record:
        self.counts["dead_letters"] += 1
        kind = " ".join(reason.split()[:REASON_WORDS])
        if kind not in self._warned_reasons:
            self._warned_reasons.add(kind)
            logger.warning("observation %d of %s set aside as a dead letter: %s", record.offset, record.key, reason)
        letter = DeadLetter(
            topic=OBSERVATIONS,
            offset=record.offset,
            key=record.key,
            reason=reason,
            record=base64.b64encode(record.value).decode(),
        )
        return Record(DEAD_LETTERS, f"{OBSERVATIONS}/{record.offset}", msgspec.json.encode(letter))


def _event_records(event: TrajectoryEvent) -> list[Record]:
    encoded = encode_event(event)
    return [Record(TRAJECTORIES, event.identity, encoded), Record(IDENTITIES, event.identity, encoded)]
