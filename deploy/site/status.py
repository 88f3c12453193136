"""Status of every camera of a process: for the screen, and as a file for monitoring."""

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np

from deploy.site.cameras.runtime import CameraRuntime
from deploy.site.foundation import FoundationDetector
from deploy.site.perception_worker import PerceptionWorker
from detect.detector import BatchDetector
from ingest.clock import NS, Clock
from ingest.redact import redact

EXPIRES_S = 10.0
"""Time after which a file that is written every second is of a process that has ended or hangs."""


class FoundationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The decisions of a large detector's budget on a camera's frames, by reason, and its use by all cameras together.

    key_frames: those that the large detector saw (`first`, `new`, `unsure`, `stale`); spared: those that it did not
    (`still`, `explained`, `over_budget`, `failed`). all_calls, frames_a_call, time_share: of the whole process.
    """

    key_frames: dict[str, int]
    spared: dict[str, int]
    all_calls: int
    frames_a_call: float
    time_share: float


class CameraStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Counters since the process started, and the state now.

    decoded = skipped + dropped + analysed + failed, but for the frame that is just being worked on. `waited_p95_ms`:
    how long frames waited for the inference thread. `clock`: where capture times come from; `clock_suspect`: why
    they are not the camera's own; `lag_ms`: arrival after capture. `left_out`: frames that the source decoded and did
    not deliver, by reason (docs/left-out.md), beside `decoded`; `notes`: sentences on the source, such as which of its
    videos is read. `unwritten`: observations whose numbers are none; `given_up`: records that the log did not take, or
    that did not fit while it was away; `held`: those that wait in the spool. `foundation`: None without a large
    detector.
    """

    camera: str
    state: str
    sessions: int
    decoded: int
    skipped: int
    dropped: int
    analysed: int
    failed: int
    asked_fps: float
    analyse_fps: float
    waited_p95_ms: float | None = None
    lost: dict[str, int] = {}
    clock: str | None = None
    clock_suspect: str | None = None
    lag_ms: float | None = None
    drift_ms: float | None = None
    unwritten: int = 0
    given_up: int = 0
    held: int = 0
    left_out: dict[str, int] = {}
    notes: tuple[str, ...] = ()
    foundation: FoundationStatus | None = None
    error: str | None = None


def camera_statuses(worker: PerceptionWorker) -> list[CameraStatus]:
    """One status a camera, in the order of the configuration."""
    return [_status(worker, runtime) for runtime in worker.runtimes.values()]


def _status(worker: PerceptionWorker, runtime: CameraRuntime) -> CameraStatus:
    feed = runtime.feed
    # A recording's frames wait for those of the others, on purpose.
    ages_s = worker.waited_s(runtime.camera.id) if runtime.camera.live else []
    stream = feed.stream()
    clock = stream.clock if stream is not None else None
    return CameraStatus(
        camera=runtime.camera.id,
        state="taken over" if runtime.fenced else feed.state.value,
        sessions=feed.counts.opened,
        decoded=feed.counts.decoded,
        skipped=feed.counts.skipped,
        dropped=worker.dropped(runtime.camera.id),
        analysed=runtime.analysed,
        failed=runtime.failed,
        asked_fps=feed.asked_fps,
        analyse_fps=round(feed.analyse_fps, 2),
        waited_p95_ms=round(float(np.percentile(ages_s, 95)) * 1000, 1) if ages_s else None,
        lost=dict(feed.counts.lost),
        clock=clock.clock.value if clock is not None else None,
        clock_suspect=clock.suspect or None if clock is not None else None,
        lag_ms=clock.lag_ms if clock is not None else None,
        drift_ms=clock.drift_ms if clock is not None else None,
        unwritten=runtime.unwritten,
        given_up=runtime.writer.dropped,
        held=runtime.writer.held,
        left_out=dict(feed.left_out()),
        notes=stream.notes if stream is not None else (),
        foundation=_foundation(worker.detector, runtime.camera.id),
        error=redact(str(feed.error)) if feed.error is not None else None,
    )


def _foundation(detector: BatchDetector, camera_id: str) -> FoundationStatus | None:
    if not isinstance(detector, FoundationDetector):
        return None
    counts, usage = detector.counts(camera_id), detector.usage()
    return FoundationStatus(
        key_frames={"first": counts.first, "new": counts.new, "unsure": counts.unsure, "stale": counts.stale},
        spared={
            "still": counts.still,
            "explained": counts.explained,
            "over_budget": counts.over_budget,
            "failed": counts.failed,
        },
        all_calls=usage.calls,
        frames_a_call=round(usage.frames_a_call, 2),
        time_share=round(usage.share, 4),
    )


def write_status(path: Path, worker: PerceptionWorker, clock: Clock) -> None:
    """Replace the file by the present statuses, a JSON list; a reader never sees half of one.

    Each has the `pid` that wrote it, and `at` and `expires`: after that it says nothing any more of a camera.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    at = datetime.fromtimestamp(clock.now_ns() / NS, UTC)
    stamp = {"at": at, "expires": at + timedelta(seconds=EXPIRES_S), "pid": os.getpid()}
    written = [msgspec.to_builtins(status) | stamp for status in camera_statuses(worker)]
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(msgspec.json.encode(written))
    partial.replace(path)
