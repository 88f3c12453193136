"""Feeding an index from the log: observations, what association says of them, and what is to be forgotten."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from associate.sightings.sighting import Sighting, sighting_of
from associate.trajectory import TrajectoryEvent
from associate.trajectory import decode as decode_event
from deploy.log.base import Log, StoredRecord
from deploy.log.decoding import Undecoded
from deploy.log.observations import Epochs, read_observations
from deploy.log.topics import FORGOTTEN, OBSERVATIONS, TRAJECTORIES
from deploy.search.forgotten import decode as decode_forgotten
from deploy.search.opening import open_writer, place_of
from deploy.search.settings import SearchSettings
from deploy.search.watchlist.watcher import Watcher
from embed.observation import Message, Observation, TrackletState, decode
from ingest.clock import Clock, SystemClock
from ingest.errors import ConfigError, CorridorError, LogError

logger = logging.getLogger(__name__)

TOPICS = (FORGOTTEN, OBSERVATIONS, TRAJECTORIES)
POLL_S = 0.25
RETRY_S = 1.0
RETIRE_EVERY_S = 300.0


class Indexer:
    """Feeds the index of a log, from where the index stands; raises ConfigError for an index of another log.

    undecoded: records that are nothing of their topic. useless: closed tracklets whose vector is none. replaced: those
    of an owner that had been replaced when it said so, which association does not heed either.
    """

    def __init__(self, log: Log, settings: SearchSettings, *, clock: Clock | None = None, batch: int = 1000) -> None:
        self._log, self._batch, self._clock = log, batch, clock or SystemClock()
        self.writer = open_writer(settings)
        self.undecoded = Undecoded()
        self.useless = self.replaced = 0
        self._retired_s: float | None = None
        self._epochs = Epochs(self.writer.epochs())
        for topic in TOPICS:
            position, end = self.writer.position(topic), log.end(topic)
            if position > end:
                self.writer.close()
                raise ConfigError(
                    f"the sightings index in {place_of(settings)} has read the topic {topic} up to offset {position}, "
                    f"and this log ends at {end}: it is of another log (make it anew: corridor index FILE --rebuild)"
                )

    @property
    def counts(self) -> Counter[str]:
        """What became of sightings, by the names of `IndexWriter`."""
        return self.writer.counts

    def step(self) -> int:
        """Take in one batch of each topic, all in one transaction; returns how many records there were."""
        stored = {topic: self._log.read(topic, self.writer.position(topic), self._batch) for topic in TOPICS}
        if any(stored.values()):
            sightings = [each for record in stored[OBSERVATIONS] if (each := self._sighting(record)) is not None]
            events = [event for record in stored[TRAJECTORIES] if (event := self._event(record)) is not None]
            forgotten = [
                tracklet
                for record in stored[FORGOTTEN]
                if (tombstone := self.undecoded.decode(FORGOTTEN, record, decode_forgotten)) is not None
                for tracklet in tombstone.tracklets
            ]
            positions = {topic: records[-1].offset for topic, records in stored.items() if records}
            self.writer.take(sightings, events, positions, forgotten, self._epochs.latest)
        self._retire()
        return sum(map(len, stored.values()))

    def _sighting(self, record: StoredRecord) -> Sighting | None:
        message = self.undecoded.decode(OBSERVATIONS, record, decode)
        if not isinstance(message, Message):
            return None
        if self._epochs.replaced(message):
            self.replaced += isinstance(message, Observation) and message.state is TrackletState.CLOSED
            return None
        if not isinstance(message, Observation):
            return None
        try:
            return sighting_of(message, record.appended_ns)
        except ValueError as error:
            self.useless += 1
            if self.useless == 1:
                logger.warning("%s is not indexed: %s", message.tracklet, error)
            return None

    def _event(self, record: StoredRecord) -> TrajectoryEvent | None:
        return self.undecoded.decode(TRAJECTORIES, record, decode_event)

    def _retire(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._retired_s is None or now_s - self._retired_s >= RETIRE_EVERY_S:
            self._retired_s = now_s
            if gone := self.writer.retire(self._clock.now_ns()):
                logger.info("%d sightings are over the index's age or size and are deleted", gone)

    def mend(self) -> int:
        """Write damaged segments anew from the log; returns how many sightings that has no more."""
        return self.writer.mend(lambda: read_observations(self._log, self.undecoded))

    def drain(self) -> None:
        """Take in all that is on the log now."""
        ends = {topic: self._log.end(topic) for topic in TOPICS}
        while any(self.writer.position(topic) < end for topic, end in ends.items()) and self.step():
            pass

    def run(self, stop: threading.Event, *, patient: bool, watch: Callable[[], int] = lambda: 0) -> None:
        """Follow the log until `stop` is set; with `patient` a log that is away is waited for.

        watch: takes its turn after each batch, and returns how many records it read.
        """
        away = False
        while not stop.is_set():
            try:
                taken = max(self.step(), watch())
            except LogError as error:
                if not patient:
                    raise
                if not away:
                    logger.warning("%s; the sightings index waits for it", error)
                away = True
                stop.wait(RETRY_S)
                continue
            away = False
            if taken < self._batch:
                stop.wait(POLL_S)

    def close(self) -> None:
        self.writer.close()


@contextmanager
def indexed(log: Log, settings: SearchSettings, zone: str, *, patient: bool) -> Iterator[Callable[[], str]]:
    """Keep the index up to date in a thread beside a block, with the watchlist, and take in the rest at its end.

    Whatever is wrong with the index, the block goes on; the value says at the end what that was. patient: as for `run`.
    """
    if not settings.index:
        yield lambda: ""
        return
    indexer, stop, problems = Indexer(log, settings), threading.Event(), list[str]()
    watcher = Watcher(log, zone, settings, indexer.undecoded)

    def work(step: Callable[[], None]) -> None:
        try:
            step()
        except (CorridorError, OSError) as error:
            problems.append(f"the sightings index is not up to date: {error} (corridor index FILE goes on)")
            logger.warning("%s", problems[-1])

    thread = threading.Thread(
        target=work, args=(lambda: indexer.run(stop, patient=patient, watch=watcher.step),), name="sightings index"
    )
    thread.start()
    try:
        yield lambda: "; ".join(problems)
    finally:
        stop.set()
        thread.join()
        if not problems:
            work(indexer.drain)
            work(watcher.drain)
        watcher.close()
        indexer.close()
