"""Status of a network camera's session, for telemetry."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ingest.network.stream_clock import ClockStatus


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """Frame counts and clock of a session so far.

    decoded: frames. early: not delivered, they came before the camera's first report of its time. late: not delivered,
    their time did not rise. damaged: not delivered, or packets that gave no frame.
    """

    clock: ClockStatus
    decoded: int = 0
    early: int = 0
    late: int = 0
    damaged: int = 0


@runtime_checkable
class KeyFrameDecoding(Protocol):
    """A source that can decode key frames only."""

    @property
    def key_interval_s(self) -> float | None: ...

    def decode_key_frames_only(self, on: bool) -> None: ...


@runtime_checkable
class StatusReporting(Protocol):
    """A source with a status, readable from any thread."""

    def status(self) -> StreamStatus: ...
