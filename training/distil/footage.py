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
from ingest.opening import check_source, open_camera
from ingest.redact import redact
from ingest.source import VideoSource
from training.checkpoint import write_atomically

COMPLETE = "complete"
QUALITY = 95
WAIT_S = 0.5
PATIENCE_S = 30.0
"""A camera that has not given a frame by then is not there."""


@dataclass(frozen=True, slots=True)
class Kept:
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
        """As a camera would deliver it."""
        return Frame(self.camera_id, 0, self.captured_ns, ClockQuality.FILE, self.image())


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of every camera: frames a second of its own time, and how many at most."""

    frames_per_s: float
    frames: int


Tell = Callable[[int, int], None]
"""Hears how much is done, of how much."""


def kept_frames(folder: Path, camera_id: str) -> list[Kept]:
    """The frames of a camera, in order of time."""
    paths = (folder / camera_id).glob("*.jpg")
    return sorted((Kept(camera_id, int(path.stem), path) for path in paths), key=lambda kept: kept.captured_ns)


def record(
    cameras: Sequence[Camera], folder: Path, wanted: Wanted, clock: Clock, tell: Tell, stopped: Callable[[], bool]
) -> list[str]:
    """Keep frames of every camera, until all are complete or it is stopped; returns what went wrong on the way.

    Raises ConfigError for a source that cannot be, SourceError where a camera gives no frame at all.
    """
    missing = [camera for camera in cameras if not (folder / camera.id / COMPLETE).exists()]
    for camera in missing:
        check_source(camera)
    mailbox = Mailbox(clock)
    recordings = {camera.id: _Recording(_feed(camera, mailbox, clock, wanted), folder, wanted) for camera in missing}
    before = sum(len(kept_frames(folder, camera.id)) for camera in cameras if camera not in missing)
    began_s = clock.monotonic_s()
    for recording in recordings.values():
        recording.feed.start()
    try:
        while not stopped() and not all(recording.done for recording in recordings.values()):
            for recording in recordings.values():
                if not recording.done:
                    recording.feed.watch()
                if not recording.count and clock.monotonic_s() - began_s > PATIENCE_S:
                    raise recording.nothing()
            for delivery in mailbox.take(WAIT_S):
                recording = recordings[delivery.camera_id]
                recording.take(delivery)
                if recording.done:
                    recording.feed.stop()
                    mailbox.shut(delivery.camera_id)
            here = sum(each.count for each in recordings.values())
            ahead = sum(wanted.frames - each.count for each in recordings.values() if not each.done)
            tell(before + here, before + here + ahead)
    finally:
        for camera_id, recording in recordings.items():
            recording.feed.stop()
            mailbox.shut(camera_id)
    return [str(recording.error) for recording in recordings.values() if recording.error is not None]


def _feed(camera: Camera, mailbox: Mailbox, clock: Clock, wanted: Wanted) -> CameraFeed:
    def opened(after_ns: int | None) -> VideoSource:
        return open_camera(camera, starts_ns=0, after_ns=after_ns)

    return CameraFeed(camera, opened, mailbox, clock, analyse_fps=wanted.frames_per_s)


class _Recording:
    """How far a camera is."""

    def __init__(self, feed: CameraFeed, folder: Path, wanted: Wanted) -> None:
        self.feed = feed
        self.done = False
        self.error: CorridorError | None = None
        self._folder, self._wanted = folder / feed.camera.id, wanted
        # A recording is read from its beginning again, and comes by the same frames; a live camera's moments are gone.
        self.count = 0 if feed.camera.finite else len(kept_frames(folder, feed.camera.id))

    def take(self, delivery: Delivery) -> None:
        """Keep a frame; or it is the end, which is an error where there was none."""
        if delivery.frame is not None:
            path = self._folder / f"{delivery.frame.captured_ns}.jpg"
            if not path.exists():
                write_atomically(path, _jpeg(delivery.frame.image))
            self.count += 1
        elif self.feed.camera.finite:
            self.error = delivery.error
            if not self.count:
                raise self.nothing()
            self.done = True
        self.done |= self.count >= self._wanted.frames
        if self.done:
            write_atomically(self._folder / COMPLETE, b"")

    def nothing(self) -> SourceError:
        """What is said of a camera without a frame."""
        camera, error = self.feed.camera, self.error or self.feed.error
        why = str(error) if error is not None else f"camera '{camera.id}': {redact(camera.source)} gave no frame"
        return SourceError(why)


def _jpeg(image: Image) -> bytes:
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return coded.tobytes()
