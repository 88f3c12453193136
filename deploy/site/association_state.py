"""The state that association has left on a log: whether this version can go on with it, and how to do without it."""

from collections.abc import Mapping

from deploy.log.base import Log
from deploy.log.sqlite_log import SqliteWriter
from deploy.log.topics import DEAD_LETTERS, IDENTITIES, OBSERVATIONS, TRAJECTORIES
from ingest.errors import ConfigError

FORMAT = 2
FORMAT_TABLE = "format"
"""Table of state, `format|NUMBER`, whose only row association writes with its first commit."""

OUTPUTS = (TRAJECTORIES, IDENTITIES, DEAD_LETTERS)


def owner_of(zone: str) -> str:
    """The name under which a zone's association writes."""
    return f"zone/{zone}"


def check_format(state: Mapping[str, bytes], zone: str) -> None:
    """Raise ConfigError, with the command that helps, for state of another version."""
    if not state or f"{FORMAT_TABLE}|{FORMAT}" in state:
        return
    rows = sorted(key.partition("|")[2] for key in state if key.partition("|")[0] == FORMAT_TABLE)
    found = f"format {rows[0]}" if rows else "an earlier version"
    raise ConfigError(
        f"the log's state of zone '{zone}' is of {found}, which this Corridor (format {FORMAT}) cannot go on with; "
        "make it anew from the observations: corridor associate --rebuild FILE"
    )


def start_anew(log: Log, zone: str, after: int = 0) -> int | None:
    """Make association forget everything, so that it reads the observations after an offset; raises ConfigError.

    On a SQLite log its events and dead letters go, too, in the same transaction; returns None then. On Kafka, which
    keeps events for longer than observations, they stay; returns the offset after which the new ones come. A running
    association of the zone is fenced.
    """
    end = log.end(OBSERVATIONS)
    if after > end:
        raise ConfigError(f"--from {after} is beyond the end of the topic {OBSERVATIONS}, {end}")
    writer = log.claim(owner_of(zone))
    if isinstance(writer, SqliteWriter):
        writer.start_anew(OUTPUTS, position=after)
        return None
    writer.commit([], state=dict.fromkeys(writer.state), position=after)
    writer.close()
    return log.end(TRAJECTORIES)
