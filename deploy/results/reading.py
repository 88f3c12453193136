"""Records of a log as values, for programs that consume what Corridor writes: SQLite and Kafka alike."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from associate.trajectory import TrajectoryEvent
from associate.trajectory import decode as decode_event
from deploy.log.base import Log
from deploy.log.decoding import BATCH, Undecoded
from deploy.log.observations import without_repetitions
from deploy.log.opening import open_log
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from embed.observation import Observation
from embed.observation import Record as ObservationRecord
from embed.observation import decode as decode_message
from ingest.clock import SystemClock

logger = logging.getLogger(__name__)

POLL_S = 0.1
"""Pause of a reader that follows before it asks for more."""

Value = TypeVar("Value")


def read_events(log: str | Path, *, follow: bool = False) -> Iterator[TrajectoryEvent]:
    """Iterate over the trajectory events of a log, in their order.

    log: `sqlite:PATH`, `kafka://HOST:PORT[,HOST:PORT]`, or the path of a SQLite log. follow: wait for further events
    at the end instead of stopping there. Raises ConfigError at once for a log that does not exist, LogError for one
    that cannot be read. Records that are no events are left out, and a warning at the end counts them by reason; with
    `follow` the first one is also said when it comes.
    """
    return _values(_open(log), TRAJECTORIES, decode_event, follow)


def read_observations(log: str | Path, *, follow: bool = False) -> Iterator[Observation]:
    """Iterate over the observations of a log, once, in their order; ticks, gaps and controls are passed over.

    Parameters and errors as for `read_events`. `embed.observation.unpack_vector(observation.vector)` is the embedding,
    (dim,) float32 of norm 1; only those of equal `observation.encoder` may be compared.
    """
    records: Iterator[ObservationRecord] = _values(_open(log), OBSERVATIONS, decode_message, follow)
    return (message for message in without_repetitions(records) if isinstance(message, Observation))


def log_url(log: str | Path) -> str:
    """The URL of a log that is named by one, or by the path of a SQLite log."""
    return f"sqlite:{log}" if isinstance(log, Path) or ":" not in log else log


def _open(log: str | Path) -> Log:
    return open_log(log_url(log), must_exist=True)


def _values(log: Log, topic: str, decode: Callable[[bytes], Value], follow: bool) -> Iterator[Value]:
    clock, offset, undecoded = SystemClock(), 0, Undecoded()
    try:
        while True:
            stored = log.read(topic, offset, BATCH)
            for record in stored:
                offset = record.offset
                value = undecoded.decode(topic, record, decode)
                if value is not None:
                    yield value
                elif follow and undecoded.total == 1:
                    logger.warning("%s", str(undecoded))
            if not stored:
                if not follow:
                    return
                clock.sleep(POLL_S)
    finally:
        log.close()
        if undecoded.total > (1 if follow else 0):
            logger.warning("%s", str(undecoded))
