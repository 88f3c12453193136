"""How a network camera's session goes; what telemetry reads."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ingest.network.stream_clock import ClockStatus


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How a session has gone so far; for telemetry.

    decoded: pictures. early: not delivered, they came before the camera had told its time. late: not delivered,
    their time did not rise. damaged: not delivered, or packets that gave no picture.
    """

    clock: ClockStatus
    decoded: int = 0
    early: int = 0
    late: int = 0
    damaged: int = 0


@runtime_checkable
class Sparing(Protocol):
    """A source that can be told to decode key pictures only."""

    @property
    def key_interval_s(self) -> float | None: ...

    def spare(self, on: bool) -> None: ...


@runtime_checkable
class Reporting(Protocol):
    """A source that can say how it goes, from any thread."""

    def status(self) -> StreamStatus: ...
