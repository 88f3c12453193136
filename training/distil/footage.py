"""The frames that are labelled and learned from, as files: FOLDER/CAMERA/NANOSECONDS.jpg.

Recordings are read as fast as they can be, cameras at their own pace, all of them side by side. What is there already
is not written again, so that a recording that was interrupted goes on; COMPLETE beside the frames says that a camera's
are all there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from ingest.camera import Camera
from ingest.clock import Clock
from ingest.errors import ConfigError, CorridorError, SourceError
from ingest.feed import CameraFeed
from ingest.frame import ClockQuality, Frame, Image
from ingest.mailbox import Delivery, Mailbox
from ingest.open_camera import check_source, open_camera
from ingest.redact import redact_source
from ingest.source import VideoSource
from training.encoder.checkpoint import write_atomically

COMPLETE = "complete"
QUALITY = 95
WAIT_S = 0.5
PATIENCE_S = 30.0
"""A camera that has not given a frame by then is not there; one that gave some before is still waited for."""


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """A frame on the disk."""

    camera_id: str
    captured_ns: int
    path: Path

    @property
    def name(self) -> str:
        """CAMERA/NANOSECONDS, which is what labels are kept under."""
        return f"{self.camera_id}/{self.captured_ns}"

    def image(self) -> Image:
        """(H, W, 3) uint8 BGR; raises ConfigError where the file cannot be read."""
        image = cv2.imread(str(self.path))
        if image is None:
            raise ConfigError(f"the frame {self.path} cannot be read (delete its folder, and record it anew)")
        return image  # type: ignore[return-value]  # uint8, as imread's default flags have it

    def frame(self) -> Frame:
        """Read the frame as a camera would deliver it."""
        return Frame(self.camera_id, 0, self.captured_ns, ClockQuality.FILE, self.image())


@dataclass(frozen=True, slots=True)
class RecordingTarget:
    """Footage to record of every camera: frames a second of its own time, and their largest number."""

    frames_per_s: float
    frames: int


OnProgress = Callable[[int, int], None]
"""Called with how much is done, of how much."""

Notify = Callable[[str], None]
"""Called with a line for the operator."""


def recorded_frames(folder: Path, camera_id: str) -> list[RecordedFrame]:
    """The frames of a camera, in order of time."""
    paths = (folder / camera_id).glob("*.jpg")
    return sorted(
        (RecordedFrame(camera_id, int(path.stem), path) for path in paths), key=lambda recorded: recorded.captured_ns
    )


def record(
    cameras: Sequence[Camera],
    folder: Path,
    target: RecordingTarget,
    clock: Clock,
    on_progress: OnProgress,
    notify: Notify,
    stopped: Callable[[], bool],
) -> None:
    """Keep frames of every camera, until all are done or it is stopped.

    Raises ConfigError for a source that cannot be, SourceError where a camera gives no frame at all.
    """
    missing = [camera for camera in cameras if not (folder / camera.id / COMPLETE).exists()]
    for camera in missing:
        check_source(camera)
    mailbox = Mailbox(clock)
    recordings = {
        camera.id: _Recording(_feed(camera, mailbox, clock, target), folder, target, clock, notify)
        for camera in missing
    }
    before = sum(len(recorded_frames(folder, camera.id)) for camera in cameras if camera not in missing)
    for recording in recordings.values():
        recording.feed.start()
    try:
        while not stopped() and not all(recording.done for recording in recordings.values()):
            for recording in recordings.values():
                if not recording.done:
                    recording.watch()
            for delivery in mailbox.take(WAIT_S):
                recording = recordings[delivery.camera_id]
                recording.take(delivery)
                if recording.done:
                    recording.feed.stop()
                    mailbox.shut(delivery.camera_id)
            here = sum(each.count for each in recordings.values())
            ahead = sum(target.frames - each.count for each in recordings.values() if not each.done)
            on_progress(before + here, before + here + ahead)
    finally:
        for camera_id, recording in recordings.items():
            recording.feed.stop()
            mailbox.shut(camera_id)


def _feed(camera: Camera, mailbox: Mailbox, clock: Clock, target: RecordingTarget) -> CameraFeed:
    def opened(after_ns: int | None) -> VideoSource:
        return open_camera(camera, starts_ns=0, after_ns=after_ns)

    return CameraFeed(camera, opened, mailbox, clock, analyse_fps=target.frames_per_s)


class _Recording:
    """Progress of a camera's recording."""

    def __init__(self, feed: CameraFeed, folder: Path, target: RecordingTarget, clock: Clock, notify: Notify) -> None:
        self.feed = feed
        self.done = False
        self._clock, self._notify = clock, notify
        self._decoded, self._heard_s, self._missed = 0, clock.monotonic_s(), False
        self._folder, self._target = folder / feed.camera.id, target
        # A recording is read from its beginning again, and comes by the same frames; a live camera's moments are gone.
        self.count = 0 if feed.camera.finite else len(recorded_frames(folder, feed.camera.id))

    def watch(self) -> None:
        """Call now and then: says so when a live camera is away; raises SourceError for a camera that never was there.

        A recording may be held up by another one, which is nothing to report.
        """
        self.feed.watch()
        decoded, now_s = self.feed.counts.decoded, self._clock.monotonic_s()
        if decoded > self._decoded:
            self._decoded, self._heard_s, self._missed = decoded, now_s, False
        elif now_s - self._heard_s > PATIENCE_S and not self._missed:
            if not decoded and not self.count:
                raise SourceError(self._why(self.feed.error))
            if not self.feed.camera.finite:
                self._missed = True
                self._notify(f"{self._why(self.feed.error)}; still waiting")

    def take(self, delivery: Delivery) -> None:
        """Keep a frame; or it is a recording's end, which is a SourceError where there was none.

        One that breaks off is done, but not complete.
        """
        if delivery.frame is not None:
            path = self._folder / f"{delivery.frame.captured_ns}.jpg"
            if not path.exists():
                write_atomically(path, _jpeg(delivery.frame.image))
            self.count += 1
        elif self.feed.camera.finite:
            if not self.count:
                raise SourceError(self._why(delivery.error or self.feed.error))
            self.done = True
            if delivery.error is not None:
                self._notify(str(delivery.error))
                return
        self.done |= self.count >= self._target.frames
        if self.done:
            write_atomically(self._folder / COMPLETE, b"")

    def _why(self, error: CorridorError | None) -> str:
        camera = self.feed.camera
        return f"camera '{camera.id}': {redact_source(camera.source)} gives no frame" if error is None else str(error)


def _jpeg(image: Image) -> bytes:
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return coded.tobytes()
