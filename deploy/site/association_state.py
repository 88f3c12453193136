"""The state that association has left on a log: whether this version can go on with it, and how to do without it."""

from collections.abc import Mapping
from hashlib import blake2b

import msgspec

from associate.settings import AssociateSettings
from deploy.log.base import Log
from deploy.log.sqlite_log import SqliteWriter
from deploy.log.topics import DEAD_LETTERS, IDENTITIES, OBSERVATIONS, TOPOLOGY, TRAJECTORIES
from ingest.errors import ConfigError

SUM_KEY = "sum|state"
"""Row of state that says what all of it has to be; no table of association's."""

FORMAT = 2
FORMAT_TABLE = "format"
"""Table of state, `format|NUMBER`, whose only row association writes with its first commit."""

OUTPUTS = (TRAJECTORIES, IDENTITIES, TOPOLOGY, DEAD_LETTERS)


def owner_of(zone: str) -> str:
    """The name under which a zone's association writes."""
    return f"zone/{zone}"


def read_state(log: Log, zone: str, *, also: str = "") -> Mapping[str, bytes]:
    """Read the state of a zone's association; raises ConfigError, with what is `also` to be said, where it has none."""
    state = log.state_of(owner_of(zone))
    if not state:
        raise ConfigError(
            f"association of zone '{zone}' has read nothing of this log yet (corridor associate FILE){also}"
        )
    return state


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


class StateSum(msgspec.Struct, frozen=True, kw_only=True):
    """What the state of a zone is after a commit: JSON.

    rows: number of its rows. digest: XOR over all rows of a hash of name and value, 64 bits, hexadecimal.
    settings: hash of the settings that it was made with. topic: id of the topic of which the position is.
    """

    rows: int = 0
    digest: str = f"{0:016x}"
    settings: str = ""
    topic: str = ""

    def changed(self, before: Mapping[str, bytes], changes: Mapping[str, bytes | None]) -> "StateSum":
        """The sum after some changes of rows."""
        rows, digest = self.rows, int(self.digest, 16)
        for name, value in changes.items():
            for sign, row in ((-1, before.get(name)), (1, value)):
                if row is not None:
                    rows += sign
                    digest ^= _hash(name.encode(), row)
        return msgspec.structs.replace(self, rows=rows, digest=f"{digest:016x}")


def settings_hash(settings: AssociateSettings) -> str:
    """A hash by which it is known that settings have changed."""
    return f"{_hash(b'settings', msgspec.json.encode(settings)):016x}"


def split_sum(stored: Mapping[str, bytes]) -> tuple[dict[str, bytes], StateSum | None]:
    """The rows of state, and what they have to be; None in state of before there was a sum."""
    rows = {name: value for name, value in stored.items() if name != SUM_KEY}
    return rows, msgspec.json.decode(stored[SUM_KEY], type=StateSum) if SUM_KEY in stored else None


def check_whole(stored: Mapping[str, bytes], zone: str, topic: str) -> StateSum:
    """The sum of what is stored; raises ConfigError where rows are missing, or the position is of another topic.

    topic: id of the topic of observations as it is now.
    """
    rows, expected = split_sum(stored)
    found = StateSum().changed({}, rows)
    if expected is None:
        return found
    if (expected.rows, expected.digest) != (found.rows, found.digest):
        raise ConfigError(
            f"the log's state of zone '{zone}' is not whole: {found.rows} rows of {expected.rows}, or others than were "
            "committed (was a topic cleaned by hand?); make it anew from the observations: "
            "corridor associate --rebuild FILE"
        )
    if expected.topic != topic:
        raise ConfigError(
            f"the topic {OBSERVATIONS} was made anew since zone '{zone}' has read from it, so that its position is of "
            "another one; begin with its first record: corridor associate --rebuild FILE"
        )
    return expected


def _hash(name: bytes, value: bytes) -> int:
    return int.from_bytes(blake2b(value, digest_size=8, key=blake2b(name, digest_size=32).digest()).digest(), "big")


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
