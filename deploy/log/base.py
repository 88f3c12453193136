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

    def kept_s(self, topic: str) -> float | None:
        """Seconds after which records of a topic are removed, read or not; None where they stay, or nobody may know."""
        ...

    def close(self) -> None: ...
