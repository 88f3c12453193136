"""Copies of recordings with the vehicles drawn in: boxes, track ids and labels."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from deploy.results.drawing import colour_of, draw_box
from detect.detections import Detections
from detect.detector import BatchDetector
from detect.tracking import Tracker
from ingest.clock import NS
from ingest.errors import ConfigError, SourceError
from ingest.frame import Frame, Image
from ingest.source import VideoSource
from ingest.video import VideoWriter

USUAL_RATE = 25
MAX_RATE = 120


@dataclass(frozen=True, slots=True)
class Outline:
    """Frames of a recording and their rate a second, as far as its file says; 0 frames where it does not."""

    frames: int
    frames_per_s: int


@dataclass(frozen=True, slots=True)
class Annotation:
    """Frames that were drawn, different tracks in them, and why there are no more, if the recording broke off."""

    frames: int
    tracks: int
    broken: str | None = None


def outline_of(path: Path) -> Outline:
    """Estimate how long a recording is from what its file says, without reading it."""
    video = cv2.VideoCapture(str(path))
    frames, rate = video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)
    video.release()
    plausible = 1 <= rate <= MAX_RATE
    return Outline(max(0, int(frames)), round(rate) if plausible else USUAL_RATE)


def annotate(
    source: VideoSource,
    detector: BatchDetector,
    tracker: Tracker,
    out: Path,
    frames_per_s: int,
    report: Callable[[int], None],
) -> Annotation:
    """Write the frames of a source with its vehicles drawn in, at their times, to an MP4; closes the source.

    report: called with the frames so far; what it raises ends the work, and nothing is left of it. The file has its
    name only when it is whole; what came before a recording broke off is whole. Raises SourceError where there is no
    frame at all, ConfigError where the file cannot be written.
    """
    unfinished = out.with_name(f"{out.stem}.unfinished{out.suffix}")
    drawing = _Drawing(unfinished, frames_per_s)
    broken = None
    try:
        with closing(source), closing(drawing):
            try:
                for frame in source.frames():
                    (found,) = detector([frame])
                    drawing.add(frame, tracker(frame, found))
                    report(drawing.frames)
            except SourceError as error:
                broken = str(error)
        if not drawing.frames:
            raise SourceError(broken or f"{out.stem}: there is no frame in it")
        unfinished.replace(out)
    except OSError as error:
        raise ConfigError(f"cannot write the video {out}: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return Annotation(drawing.frames, len(drawing.tracks), broken)


class _Drawing:
    """The video that is being written; it begins with the first frame, whose size it has."""

    def __init__(self, path: Path, frames_per_s: int) -> None:
        self.frames, self.tracks = 0, set[int]()
        self._path, self._rate = path, frames_per_s
        self._writer: VideoWriter | None = None
        self._size, self._first_ns, self._number = (0, 0), 0, -1

    def add(self, frame: Frame, tracked: Detections) -> None:
        """Draw the vehicles of a frame and write it."""
        if self._writer is None:
            width, height = frame.size
            self._size, self._first_ns = (max(width // 2 * 2, 2), max(height // 2 * 2, 2)), frame.captured_ns
            self._writer = VideoWriter(self._path, self._size, self._rate)
        at = round((frame.captured_ns - self._first_ns) / NS * self._rate)
        self._number = max(self._number + 1, at)
        self._writer.write(self._fitted(drawn(frame, tracked)), self._number)
        self.frames += 1
        self.tracks.update(tracked.track_ids.tolist())

    def close(self) -> None:
        """Finish the file, if one has been begun."""
        if self._writer is not None:
            self._writer.close()

    def _fitted(self, image: Image) -> Image:
        """The codec needs even sides, and all frames of one size."""
        width, height = self._size
        if image.shape[0] // 2 * 2 == height and image.shape[1] // 2 * 2 == width:
            return image[:height, :width]
        return np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), np.uint8)


def drawn(frame: Frame, tracked: Detections) -> Image:
    """A copy of the frame's image with the box, the track id and the label of every vehicle."""
    image = frame.image.copy()
    for box, label, track in zip(tracked.boxes, tracked.labels, tracked.track_ids.tolist(), strict=True):
        left, top, right, bottom = (round(side) for side in box.tolist())
        draw_box(image, (left, top, right, bottom), f"#{track} {label}", colour_of(str(track)))
    return image
