"""Cameras of the city as recordings with their truth: one process a camera, complete files only."""

import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty

from ingest.errors import ConfigError, CorridorError, SourceError
from ingest.synthetic.camera.spec import CameraSpec, Projection
from ingest.synthetic.source import SyntheticCamera
from ingest.synthetic.world.presets import Preset, find_camera
from ingest.synthetic.world.trace import read_trace_header
from ingest.synthetic.world.truth_file import (
    BOXES_ENDING,
    TIMES_ENDING,
    TRUTH_ENDING,
    TruthHeader,
    TruthWriter,
    read_frames,
    read_truth_header,
)

VIDEO_ENDING = ".mp4"
KEY_INTERVAL_S = 2
"""Time from one key frame to the next, as surveillance cameras are set."""

_REPORT_EVERY = 10
_POLL_S = 0.2

FrameReport = Callable[[str, int], None]
"""Called with the name of a camera and the number of its frames that have been gone through."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One camera to be recorded: its preset as the user named it, where to, from when, how long and how fine."""

    preset: str
    index: int
    folder: Path
    starts_ns: int
    seconds: float
    bits_per_s: int

    @property
    def camera(self) -> str:
        """The name of its files, and the camera's id wherever it is used."""
        return camera_id(find_camera(self.preset, self.index)[0], self.index)

    @property
    def video(self) -> Path:
        """The video file."""
        return self.folder / f"{self.camera}{VIDEO_ENDING}"

    @property
    def truth(self) -> Path:
        """The truth file; the last one to appear."""
        return self.folder / f"{self.camera}{TRUTH_ENDING}"

    def first_ns(self) -> int:
        """Time from the beginning to the capture of its first frame, nanoseconds: a camera may be dark then."""
        first = next(read_frames(self.truth), None)
        return first.captured_ns - self.starts_ns if first is not None else 0

    def table(self) -> tuple[str, str, datetime | None]:
        """Entry for `configuration`; the recording begins when the camera's clock has its first frame captured."""
        first = next(read_frames(self.truth), None)
        if first is None or first.camera_ns == 0:
            return self.camera, str(self.video.resolve()), None
        return self.camera, str(self.video.resolve()), _EPOCH + timedelta(microseconds=first.camera_ns // 1000)

    @property
    def frames(self) -> int:
        """Number of frames it goes through, those of an outage as well."""
        return round(self.seconds * find_camera(self.preset, self.index)[1].fps)

    @property
    def done(self) -> bool:
        """True where it has been made before, with the same arguments."""
        if not all((self.folder / f"{self.camera}{ending}").is_file() for ending in _ENDINGS):
            return False
        try:
            return read_truth_header(self.truth) == header_of(self)
        except ConfigError:
            return False


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENDINGS = (VIDEO_ENDING, BOXES_ENDING, TIMES_ENDING, TRUTH_ENDING)


def camera_id(preset: Preset, index: int) -> str:
    """Name a camera of the city: `rush-hour-3`; one of a preset file after the file."""
    name = re.sub("[^A-Za-z0-9_-]", "-", Path(preset.name).stem)[:48].lstrip("-_")
    return f"{name or 'city'}-{index}"


def surveillance_bits_per_s(width: int, height: int) -> int:
    """Usual bit rate of such cameras: 150 kbit/s at 352x288, 500 at 640x360, from there on by the pixel."""
    pixels = width * height
    least, middle = 352 * 288, 640 * 360
    if pixels >= middle:
        return round(500_000 * pixels / middle)
    return max(50_000, round(150_000 + 350_000 * (pixels - least) / (middle - least)))


def configuration(cameras: Sequence[tuple[str, str, datetime | None]], *, log: Path | None = None) -> str:
    """The `[[cameras]]` of `corridor run`: id, source and, where media time does not begin in 1970, when it begins.

    log: a file for the `[log]`, if it is not to be that of the configuration's name.
    """
    tables = []
    for camera, source, starts_at in cameras:
        table = f"[[cameras]]\nid = {json.dumps(camera)}\nsource = {json.dumps(source)}\n"
        tables.append(table + (f"starts_at = {starts_at.isoformat()}\n" if starts_at else ""))
    if log is not None:
        tables.append(f"[log]\nurl = {json.dumps(f'sqlite:{log.resolve()}')}\n")
    return "\n".join(tables)


def header_of(recording: Recording) -> TruthHeader:
    """Make the header of a recording's truth, which is known before it is made."""
    preset, spec = find_camera(recording.preset, recording.index)
    return TruthHeader(
        camera=recording.camera,
        source=f"city://{recording.preset}/{recording.index}",
        seed=preset.seed,
        traffic=read_trace_header(preset.trace).source,
        trace=hashlib.sha256(preset.trace.read_bytes()).hexdigest(),
        width=spec.width,
        height=spec.height,
        fps=spec.fps,
        starts_ns=recording.starts_ns,
        seconds=recording.seconds,
        pose=spec.pose,
        focal_px=_focal_px(spec),
        centre_px=(spec.width / 2, spec.height / 2),
        clock=spec.clock,
        dark=spec.dark,
        weather=preset.weather,
        bits_per_s=recording.bits_per_s,
    )


def _focal_px(spec: CameraSpec) -> float:
    return round(float(Projection(spec.pose, spec.width, spec.height).focal_px), 4)


def record(recording: Recording, report: FrameReport = lambda camera, frames: None) -> None:
    """Render one camera to its files; they appear when they are complete."""
    from ingest.video import VideoWriter  # loads the codecs: only who records needs them

    _, spec = find_camera(recording.preset, recording.index)
    part = _part(recording)
    shutil.rmtree(part, ignore_errors=True)
    source = SyntheticCamera(recording.preset, recording.index, recording.camera, start_ns=recording.starts_ns)
    video = VideoWriter(
        part / recording.video.name,
        (spec.width, spec.height),
        spec.fps,
        key_interval=KEY_INTERVAL_S * spec.fps,
        bits_per_s=recording.bits_per_s,
    )
    with TruthWriter(part, header_of(recording)) as truth:
        for frame in source.frames():
            if frame.sequence >= recording.frames:
                break
            video.write(frame.image, frame.sequence)
            truth.write(source.truth(frame.sequence))
            if frame.sequence % _REPORT_EVERY == 0:
                report(recording.camera, frame.sequence)
    source.close()
    video.close()
    for ending in _ENDINGS:
        (part / f"{recording.camera}{ending}").replace(recording.folder / f"{recording.camera}{ending}")
    part.rmdir()
    report(recording.camera, recording.frames)


def record_all(recordings: Sequence[Recording], processes: int, report: FrameReport) -> None:
    """Record cameras side by side, each in a process of its own; what is cut short leaves nothing behind.

    Raises SourceError where a camera cannot be recorded.
    """
    context = multiprocessing.get_context("spawn")
    reports: Queue[tuple[str, int | str]] = context.Queue()
    waiting = list(reversed(recordings))
    running: dict[SpawnProcess, Recording] = {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                recording = waiting.pop()
                process = context.Process(target=_record_in_process, args=(recording, reports), daemon=True)
                process.start()
                running[process] = recording
            _forward_reports(reports, report)
            for process in [each for each in running if not each.is_alive()]:
                _forward_reports(reports, report)
                recording = running.pop(process)
                if process.exitcode:
                    _discard(recording)
                    raise SourceError(f"recording camera '{recording.camera}' ended with code {process.exitcode}")
    finally:
        for process, recording in running.items():
            process.terminate()
            process.join()
            _discard(recording)


def _forward_reports(reports: "Queue[tuple[str, int | str]]", report: FrameReport) -> None:
    """Forward the reports of the processes; raises SourceError where one says that it cannot go on."""
    with suppress(Empty):
        camera, content = reports.get(timeout=_POLL_S)
        while True:
            if isinstance(content, str):
                raise SourceError(f"cannot record camera '{camera}': {content}")
            report(camera, content)
            camera, content = reports.get_nowait()


def _record_in_process(recording: Recording, reports: "Queue[tuple[str, int | str]]") -> None:
    """The life of a process. Ctrl-C reaches all processes of a terminal; the first one decides.

    Where the first one was killed nobody waits for the recording: it is given up.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def report(camera: str, frames: int) -> None:
        if parent is not None and not parent.is_alive():
            _discard(recording)
            os._exit(1)
        reports.put((camera, frames))

    try:
        record(recording, report)
    except (CorridorError, OSError) as error:
        reports.put((recording.camera, str(error)))


def _part(recording: Recording) -> Path:
    """Folder of a recording's files as long as they are not complete."""
    return recording.folder / f".{recording.camera}.part"


def _discard(recording: Recording) -> None:
    shutil.rmtree(_part(recording), ignore_errors=True)
