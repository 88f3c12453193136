"""Records of a log as values, for programs that consume what Corridor writes: SQLite and Kafka alike."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from associate.trajectory import TrajectoryEvent
from associate.trajectory import decode as decode_event
from deploy.log.address import log_url
from deploy.log.base import Log
from deploy.log.decoding import BATCH, Undecoded
from deploy.log.observations import without_repetitions
from deploy.log.opening import open_log
from deploy.log.settings import LogSettings
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.site.config import load_config
from deploy.site.site_log import open_site_log
from embed.observation import Observation
from embed.observation import Record as ObservationRecord
from embed.observation import decode as decode_message
from ingest.clock import SystemClock

logger = logging.getLogger(__name__)

POLL_S = 0.1
"""Pause of a reader that follows before it asks for more."""

LogName = str | Path | LogSettings
"""A URL, a path of a SQLite log or of a configuration, or the `[log]` table of one that was read."""

Value = TypeVar("Value")


def read_events(log: LogName, *, follow: bool = False) -> Iterator[TrajectoryEvent]:
    """Iterate over the trajectory events of a log, in their order.

    log: `sqlite:PATH`, `kafka://HOST:PORT[,HOST:PORT]`, the path of a SQLite log, or of the configuration (`.toml`)
    whose log it is, or `config.log` of that. follow: wait for further events at the end instead of stopping there.
    Raises ConfigError at once for a log that does not exist, LogError for one that cannot be read. Records that are no
    events are left out, and a warning at the end counts them by reason; with `follow` the first one is also said when
    it comes.
    """
    return _values(open_named_log(log), TRAJECTORIES, decode_event, follow)


def read_observations(log: LogName, *, follow: bool = False) -> Iterator[Observation]:
    """Iterate over the observations of a log, once, in their order; ticks, gaps and controls are passed over.

    Parameters and errors as for `read_events`. `embed.observation.unpack_vector(observation.vector)` is the embedding,
    (dim,) float32 of norm 1; only those of equal `observation.encoder` may be compared.
    """
    records: Iterator[ObservationRecord] = _values(open_named_log(log), OBSERVATIONS, decode_message, follow)
    return (message for message in without_repetitions(records) if isinstance(message, Observation))


def open_named_log(log: LogName) -> Log:
    """Open a log that is there already, by any of its names; raises as `read_events`."""
    if isinstance(log, LogSettings):
        return open_log(log, must_exist=True)
    if str(log).endswith(".toml"):
        return open_site_log(load_config(Path(log)), Path(log), must_exist=True)
    return open_log(f"sqlite:{log}" if isinstance(log, Path) else log_url(log), must_exist=True)


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
