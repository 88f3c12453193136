"""The log port: what perception and association need of a durable log, and no more.

A log has topics of ordered records. A writer owns a name: taking the name over raises its generation and fences
every earlier owner. A commit is atomic: records, the owner's state and the position it has consumed up to are all
there after it, or none of them is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """Record to be appended to a topic.

    appended_ns: append time of a record that is copied from another log, Unix nanoseconds; the log's clock if None.
    """

    topic: str
    key: str
    value: bytes
    appended_ns: int | None = None


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record with its place in its topic; offsets rise, and may have gaps.

    appended_ns: when it was appended, Unix nanoseconds by the clock of its writer, in whole milliseconds.
    """

    offset: int
    key: str
    value: bytes
    appended_ns: int


@dataclass(frozen=True, slots=True)
class Addition:
    """A record to be appended outside any commit, in an owner's name; `value` None deletes a compacted topic's key."""

    owner: str
    topic: str
    key: str
    value: bytes | None

    @property
    def size(self) -> int:
        """Bytes, roughly as they are stored."""
        return len(self.key) + len(self.value or b"") + 64


class Appender(Protocol):
    """Appends in order, not exactly once: what is unacknowledged at an error has to be sent again.

    Both methods raise LogError where the log is away, RefusedRecordError where it never takes one of the records.
    """

    def send(self, additions: Sequence[Addition]) -> None:
        """Hand records over; they come onto the log in this order."""
        ...

    def acknowledged(self) -> int:
        """Count the records that have come onto the log since the last call, in the order of sending."""
        ...

    def discard(self) -> None:
        """Give up what is unacknowledged."""
        ...


class Writer(Protocol):
    """The right to write as one owner.

    `generation` is 1 for the first owner of a name and rises with every takeover. `position` and `state` are what
    the last commit under this name left: 0 and empty at first.
    """

    @property
    def generation(self) -> int: ...

    @property
    def position(self) -> int: ...

    @property
    def state(self) -> Mapping[str, bytes]: ...

    def commit(
        self,
        records: Sequence[Record],
        *,
        state: Mapping[str, bytes | None] | None = None,
        position: int | None = None,
    ) -> None:
        """Append records, change state (None deletes a key) and move the position, all or nothing.

        Raises FencedError if another process has claimed the name, LogError if nothing could be written.
        """
        ...

    @property
    def dropped(self) -> int:
        """Records that were committed here and given up, because the log was away for too long."""
        ...

    @property
    def held(self) -> int:
        """Records that wait on this machine until the log takes them, after `close` for the next process."""
        ...

    def beat(self) -> None:
        """Tell those who stand by to take the owner's place that it is there; to be called once a second.

        Raises as `commit`.
        """
        ...

    def close(self) -> None:
        """Write what is not written yet, as far as that can be done soon, and let go."""
        ...


class Log(Protocol):
    """A durable log."""

    def claim(self, owner: str) -> Writer:
        """Become the owner of a name; earlier owners are fenced from this moment."""
        ...

    def read(self, topic: str, after: int, limit: int) -> list[StoredRecord]:
        """Read up to `limit` records with an offset greater than `after`, in order; at once, even if there are none."""
        ...

    def end(self, topic: str) -> int:
        """Offset that no record of a topic is beyond; 0 if it has none."""
        ...

    def topic_id(self, topic: str) -> str:
        """Id that a topic was given when it was made, by which one that was made anew is known; empty without any."""
        ...

    def state_of(self, owner: str) -> Mapping[str, bytes]:
        """State of an owner as of its latest commit, for those who look on: nobody is fenced. Empty if it has none."""
        ...

    def kept_s(self, topic: str) -> float | None:
        """Seconds after which records of a topic are removed, read or not; None where they stay, or nobody may know."""
        ...

    def close(self) -> None: ...
