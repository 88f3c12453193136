"""Observations to trajectories: reads the log, runs the associator, commits its events with its state and position."""

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from associate.associator import Associator, Blame
from associate.roads.records import Alarm
from associate.roads.records import encode as encode_road
from associate.trajectory import TrajectoryEvent
from associate.trajectory import encode as encode_event
from deploy.log.append_times import UNKNOWN_NS
from deploy.log.base import Log, Record, StoredRecord, Writer
from deploy.log.dead_letters import dead_letter, too_large
from deploy.log.retention.alarm import RetentionAlarm
from deploy.log.topics import DEAD_LETTERS, IDENTITIES, OBSERVATIONS, TOPOLOGY, TRAJECTORIES
from deploy.site.association_state import (
    SUM_KEY,
    StateSum,
    check_format,
    check_whole,
    owner_of,
    settings_hash,
    split_sum,
)
from embed.observation import Control, decode
from ingest.clock import Clock, SystemClock
from ingest.errors import CorridorError, FencedError, LogError

logger = logging.getLogger(__name__)

POLL_S = 0.05
REASON_WORDS = 4
"""Warnings are distinguished by the first words of their reason, so that each kind is logged once."""

LEFT_OUT = {
    "left_behind": "%d cameras had another time than the first live one; what they said before is left out",
    "came_too_late": "%d corrections are about sightings that association has forgotten; they change nothing",
}

STUCK_S = 30.0
"""Time in one step after which association is not thought to work any more."""

LOOK_BACK = 100_000
"""A message may wait in association for as many records as its reordering holds."""


class AssociationWorker:
    """The association of one zone; exactly one process owns it, a second one takes it over.

    Every commit holds the events, the changed state and the position, so that a restart goes on as if nothing had
    happened. A message on which association raises an error is set aside from the state before it, so that the others
    go on as if it had never been. `step` does one batch and returns how many records it read.
    """

    def __init__(
        self,
        log: Log,
        zone: str,
        associator: Associator,
        *,
        batch: int = 500,
        claim: Callable[[], Writer] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._log = log
        self._associator = associator
        self._writer = claim() if claim is not None else log.claim(owner_of(zone))
        check_format(self._writer.state, zone)
        self._sum = self._checked_sum(zone)
        self._batch = batch
        self._warned_reasons: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()  # with the last commit
        self._alarm = RetentionAlarm(log, OBSERVATIONS)
        self._clock = clock or SystemClock()
        self._stepped_s = self._clock.monotonic_s()
        self._fenced: FencedError | None = None
        associator.restore(split_sum(self._writer.state)[0])
        if left := associator.counts["of_other_bins"]:
            logger.warning(
                "zone %s: %d travel times are of another version or of other windows; they are learned anew", zone, left
            )

    @property
    def position(self) -> int:
        """The offset of the last observation that has been taken in."""
        return self._writer.position

    def _checked_sum(self, zone: str) -> StateSum:
        """The sum of the restored state, with the present settings; says where those have changed."""
        topic, settings = self._log.topic_id(OBSERVATIONS), settings_hash(self._associator.settings)
        found = check_whole(self._writer.state, zone, topic)
        if found.settings not in ("", settings):
            logger.info("zone %s: its settings have changed; links from now on are made with the new ones", zone)
        return msgspec.structs.replace(found, settings=settings, topic=topic)

    def step(self) -> int:
        stored = self._log.read(OBSERVATIONS, self._writer.position, self._batch)
        if stored:
            self._alarm.check(stored[0])
        ahead = stored
        while ahead:
            ahead = ahead[self._advance(ahead) :]
        return len(stored)

    def _advance(self, stored: Sequence[StoredRecord]) -> int:
        """Take in and commit the records up to the first that brings association to an error, or that one alone.

        Returns how many they were.
        """
        records: list[Record] = []
        # Step 1: take in record by record
        for place, record in enumerate(stored):
            try:
                records += self._process(record)
            except Exception as error:
                # Step 2: at a record's error go back to the last commit; the records before it are committed alone
                if _concerns_all(error):
                    raise
                blamed = self._associator.blamed
                self._restore()
                return self._advance(stored[:place]) if place else self._take_apart(record, blamed, error)
        # Step 3: events, state and position in one commit
        self._commit(records, stored[-1].offset)
        return len(stored)

    def _take_apart(self, record: StoredRecord, blamed: Blame | None, error: Exception) -> int:
        """Take in one record without the messages that bring association to an error; commit, and return 1.

        What is to blame may have come long before, and have waited in the state until now.
        """
        message = decode(record.value)
        aside: dict[str, Blame] = {}
        letters: list[Record] = []
        # Step 1: set aside what is to blame, with a dead letter of its own
        while blamed is not None and blamed.id not in aside and blamed.id != message.id:
            aside[blamed.id] = blamed
            letters.append(self._dead_letter(self._find(blamed, record.offset), _reason(error)))
            try:
                # Step 2: take the record in without it; another message may be to blame then
                events = [event for each in aside.values() for event in self._associator.set_aside(each)]
                events += self._associator.update(message, record.appended_ns)
                return self._commit_apart(record, letters + self._records_of(events))
            except Exception as another:
                if _concerns_all(another):
                    raise
                blamed, error = self._associator.blamed, another
                self._restore()
        # Step 3: no other message is left to blame, so the record itself is set aside
        return self._commit_apart(record, [self._dead_letter(record, _reason(error))])

    def _commit_apart(self, record: StoredRecord, records: list[Record]) -> int:
        self.counts["records"] += 1
        self.counts["dead_letters"] += sum(each.topic == DEAD_LETTERS for each in records)
        self._commit(records, record.offset)
        return 1

    def _warn_of_what_was_left(self) -> None:
        """Say once of each kind what association could not heed."""
        for name, words in LEFT_OUT.items():
            if self._associator.counts[name] and name not in self._warned_reasons:
                self._warned_reasons.add(name)
                logger.warning(words, self._associator.counts[name])

    def _commit(self, records: Sequence[Record], position: int) -> None:
        self._warn_of_what_was_left()
        changes = self._associator.changes()
        changed = self._sum.changed(self._writer.state, changes)
        self._writer.commit(records, state={**changes, SUM_KEY: msgspec.json.encode(changed)}, position=position)
        self._sum = changed
        self._counted = Counter(self.counts)

    def _restore(self) -> None:
        """Restore state and counters as of the last commit."""
        self._associator.restore(split_sum(self._writer.state)[0])
        self.counts = Counter(self._counted)

    def _find(self, message: Blame, before: int) -> StoredRecord:
        """The record that a message came in, up to an offset; an empty one where the log does not have it any more."""
        end = before
        while end > max(0, before - LOOK_BACK):
            begin = max(0, end - self._batch)
            for record in self._log.read(OBSERVATIONS, begin, self._batch):
                if record.offset <= before and _id_of(record) == message.id:
                    return record
            end = begin
        return StoredRecord(before, message.camera, b"", UNKNOWN_NS)

    def run(self, stop: threading.Event, *, finished: Callable[[], bool] = lambda: False, once: bool = False) -> None:
        """Work until `stop` is set, or until `finished` says that nothing more will come and all has been read.

        With `once` what is on the log now is all that will come.
        """
        while not stop.is_set():
            self._stepped_s = self._clock.monotonic_s()
            if self._fenced is not None:
                raise self._fenced
            no_more = finished() or (once and self.caught_up)
            if self.step() == 0:
                if no_more:
                    return
                stop.wait(POLL_S)

    def beat(self) -> None:
        """Tell those who stand by that association works, if it does; from another thread, once a second."""
        if self._clock.monotonic_s() - self._stepped_s > STUCK_S:
            return
        try:
            self._writer.beat()
        except FencedError as error:
            self._fenced = error
        except LogError as error:
            logger.debug("no beat: %s", error)  # association meets it, too

    def close(self) -> None:
        """Let go of the zone, so that one who stands by takes it at once."""
        self._writer.close()

    @property
    def generation(self) -> int:
        """The zone's owners so far, this one among them."""
        return self._writer.generation

    @property
    def caught_up(self) -> bool:
        """True where all that is on the log now has been taken in; on Kafka the end may be behind the last record."""
        return self.position >= self._log.end(OBSERVATIONS) or not self._log.read(OBSERVATIONS, self.position, 1)

    def drain(self) -> None:
        """Take in what is on the log now."""
        end = self._log.end(OBSERVATIONS)
        while self.position < end and self.step():
            pass

    def _process(self, record: StoredRecord) -> list[Record]:
        self.counts["records"] += 1
        refusal, message = too_large(record), None
        if refusal is None:
            try:
                message = decode(record.value)
                self.counts["controls"] += isinstance(message, Control)
                refusal = self._associator.refuse(message, record.appended_ns)
            except ValueError as error:
                refusal = str(error)
        if refusal is not None or message is None:
            self.counts["dead_letters"] += 1
            return [self._dead_letter(record, str(refusal))]
        return self._records_of(self._associator.update(message, record.appended_ns))

    def _records_of(self, events: Sequence[TrajectoryEvent]) -> list[Record]:
        self.counts["events"] += len(events)
        return [entry for event in events for entry in _event_records(event)] + self._road_records()

    def _road_records(self) -> list[Record]:
        said = self._associator.take_roads()
        for each in said:
            if isinstance(each, Alarm):
                self._sound(each)
        return [Record(TOPOLOGY, each.key, encode_road(each)) for each in said]

    def _sound(self, alarm: Alarm) -> None:
        """Say that something is not as it was, or is again; both are records of the topic `topology`."""
        if alarm.over:
            logger.info("over: %s", alarm)
            return
        if alarm.at_ns == alarm.since_ns:
            self.counts[alarm.kind] += 1
            logger.warning("%s", alarm)

    def _dead_letter(self, record: StoredRecord, reason: str) -> Record:
        kind = " ".join(reason.split()[:REASON_WORDS])
        if kind not in self._warned_reasons:
            self._warned_reasons.add(kind)
            logger.warning(
                "observation %d of %s set aside as a dead letter: %s", record.offset, record.key[:80], reason[:300]
            )
        return dead_letter(record, reason)


def _event_records(event: TrajectoryEvent) -> list[Record]:
    encoded = encode_event(event)
    return [Record(TRAJECTORIES, event.identity, encoded), Record(IDENTITIES, event.identity, encoded)]


def _id_of(record: StoredRecord) -> str | None:
    try:
        return decode(record.value).id
    except ValueError:
        return None


def _concerns_all(error: Exception) -> bool:
    """True for an error of no single message: Corridor's own are about log and settings; memory is short for all."""
    return isinstance(error, CorridorError | MemoryError)


def _reason(error: Exception) -> str:
    """Words for an error, the same on every replay: objects have other addresses then."""
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return f"association raised {re.sub('0x[0-9a-f]+', '0x…', words)}"
