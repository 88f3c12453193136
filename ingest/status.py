"""Status of an opened source, for telemetry, and the protocols of sources that have more than frames."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ingest.network.stream_clock import ClockStatus


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Frame counts, clock and notes of a session so far.

    clock: the state of a network camera's clock; None for a recording. decoded: frames. left_out: frames that were
    not delivered, by reason (`ingest.decoding.left_out`). notes: what the operator should know of the source, in whole
    sentences.
    """

    clock: ClockStatus | None = None
    decoded: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@runtime_checkable
class KeyFrameDecoding(Protocol):
    """A source that can decode key frames only."""

    @property
    def key_interval_s(self) -> float | None: ...

    def decode_key_frames_only(self, on: bool) -> None: ...


@runtime_checkable
class StatusReporting(Protocol):
    """A source with a status, readable from any thread."""

    def status(self) -> SourceStatus: ...
