"""Images of linked vehicles: a video of all cameras side by side, and one row of crops a vehicle."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deploy.log.base import Log
from deploy.log.observations import read_messages
from deploy.results.journeys import Journeys
from detect.detections import Detections
from embed.observation import Observation
from ingest.clock import NS
from ingest.errors import ConfigError
from ingest.frame import Frame, Image
from ingest.video import VideoWriter

FONT = cv2.FONT_HERSHEY_SIMPLEX
GRAY = (150, 150, 150)
INK = (235, 235, 235)
PAPER = (28, 28, 28)
CELL = (176, 120)
"""Width and height of a crop in the sheet of vehicles, pixels."""


@dataclass(frozen=True, slots=True)
class TrackletBox:
    """One tracklet's box in one frame: xyxy in pixels."""

    tracklet: str
    box: tuple[int, int, int, int]


@dataclass(slots=True)
class FrameAlbum:
    """Analysed frames, kept as JPEG: a tap for the perception worker."""

    frames: dict[str, list[tuple[int, NDArray[np.uint8]]]] = field(default_factory=lambda: defaultdict(list))

    def __call__(self, frame: Frame, found: Detections) -> None:
        del found  # boxes come from the log, where they have identities
        _, jpeg = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, 88])
        self.frames[frame.camera_id].append((frame.captured_ns, np.asarray(jpeg, np.uint8)))

    def at(self, camera_id: str, captured_ns: int) -> Image | None:
        """The last frame of a camera at that time."""
        shots = self.frames[camera_id]
        place = bisect_left(shots, captured_ns + 1, key=lambda shot: shot[0])
        return np.asarray(cv2.imdecode(shots[place - 1][1], cv2.IMREAD_COLOR), np.uint8) if place else None


def read_paths(log: Log) -> dict[str, dict[int, list[TrackletBox]]]:
    """By camera and capture time (microseconds): the boxes of all tracklets on a log."""
    paths: dict[str, dict[int, list[TrackletBox]]] = defaultdict(lambda: defaultdict(list))
    for observation in read_observations(log):
        for at in observation.path:
            box = (at.left // 10, at.top // 10, at.right // 10, at.bottom // 10)
            at_us = observation.first_ns // 1000 + at.offset_us
            paths[observation.camera][at_us].append(TrackletBox(observation.tracklet, box))
    return paths


def read_observations(log: Log) -> Iterator[Observation]:
    """Every observation of a log."""
    return (message for message in read_messages(log) if isinstance(message, Observation))


def write_mosaic(path: Path, album: FrameAlbum, log: Log, journeys: Journeys, *, frames_per_s: int = 8) -> None:
    """An MP4 of all cameras side by side; a vehicle has the same colour and number everywhere.

    Gray boxes are vehicles that only one camera saw.
    """
    paths = read_paths(log)
    cameras = sorted(album.frames)
    times = [at_ns for camera in cameras for at_ns, _ in album.frames[camera]]
    linked = {event.identity for event in journeys.linked}
    tile = (480, 270)
    writer = VideoWriter(path, (tile[0] * len(cameras), tile[1] + 30), frames_per_s)
    for at_ns in range(min(times), max(times) + 1, NS // frames_per_s):
        tiles = [_tile(album, camera, at_ns, paths[camera], journeys, linked, tile) for camera in cameras]
        footer = np.full((30, tile[0] * len(cameras), 3), PAPER, np.uint8)
        on_the_way = ", ".join(_on_the_way(journeys, at_ns)) or "-"
        _text(footer, f"t = {(at_ns - min(times)) / NS:5.1f} s    between cameras: {on_the_way}", (10, 20), INK)
        writer.write(np.vstack([np.hstack(tiles), footer]))
    writer.close()


def _tile(
    album: FrameAlbum,
    camera: str,
    at_ns: int,
    boxes: dict[int, list[TrackletBox]],
    journeys: Journeys,
    linked: set[str],
    size: tuple[int, int],
) -> Image:
    image = album.at(camera, at_ns)
    if image is None:
        return np.full((size[1], size[0], 3), PAPER, np.uint8)
    shots = album.frames[camera]
    shown_ns = shots[bisect_left(shots, at_ns + 1, key=lambda shot: shot[0]) - 1][0]
    for each in boxes.get(shown_ns // 1000, []):
        identity = journeys.identity_of.get(each.tracklet, "")
        _draw_box(image, each.box, identity, GRAY if identity not in linked else colour_of(identity))
    tile = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    _text(tile, camera, (10, 22), INK)
    return tile


def _on_the_way(journeys: Journeys, at_ns: int) -> Iterable[str]:
    """The identities that have left one view and are about to be seen in another."""
    for event in journeys.linked:
        for earlier, later in zip(event.visits[:-1], event.visits[1:], strict=True):
            if earlier.leave_ns < at_ns < later.enter_ns:
                yield f"{_short(event.identity)} ({earlier.camera} to {later.camera})"


def write_sheet(path: Path, album: FrameAlbum, log: Log, journeys: Journeys, *, rows: int = 40) -> None:
    """A PNG with one row a linked vehicle and one crop a camera, to see at a glance whether the links are right."""
    best = _largest_boxes(log)
    events = journeys.linked[:rows]
    columns = max((len(event.visits) for event in events), default=1)
    sheet = np.full((len(events) * (CELL[1] + 26) + 10, columns * (CELL[0] + 10) + 130, 3), PAPER, np.uint8)
    for row, event in enumerate(events):
        top = row * (CELL[1] + 26) + 6
        colour = colour_of(event.identity)
        _text(sheet, event.identity, (8, top + 55), colour)
        _text(sheet, event.label, (8, top + 75), INK)
        for column, visit in enumerate(event.visits):
            left = 110 + column * (CELL[0] + 10)
            tracklet = visit.observation.rpartition("|")[0]
            crop = _crop(album, visit.camera, *best[tracklet]) if tracklet in best else None
            if crop is not None:
                sheet[top : top + CELL[1], left : left + CELL[0]] = crop
            cv2.rectangle(sheet, (left - 1, top - 1), (left + CELL[0], top + CELL[1]), colour, 2)
            start_s, end_s = visit.enter_ns / NS, visit.leave_ns / NS
            _text(sheet, f"{visit.camera}  {start_s:.1f}-{end_s:.1f} s", (left, top + CELL[1] + 15), INK)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), sheet):
        raise ConfigError(f"cannot write the image {path} (is the disk full?)")


def _largest_boxes(log: Log) -> dict[str, tuple[int, tuple[int, int, int, int]]]:
    """By tracklet: the time in microseconds and the box where most of it was to be seen."""
    best: dict[str, tuple[int, tuple[int, int, int, int]]] = {}
    sizes: dict[str, float] = {}
    for observation in read_observations(log):
        width, height = observation.frame_size
        for at in observation.path:
            box = (at.left // 10, at.top // 10, at.right // 10, at.bottom // 10)
            whole = box[0] - 2 > 0 and box[1] - 2 > 0 and box[2] + 2 < width and box[3] + 2 < height
            size = (box[2] - box[0]) * (box[3] - box[1]) * (1.0 if whole else 0.1)
            if size > sizes.get(observation.tracklet, 0.0):
                sizes[observation.tracklet] = size
                best[observation.tracklet] = (observation.first_ns // 1000 + at.offset_us, box)
    return best


def _crop(album: FrameAlbum, camera: str, at_us: int, box: tuple[int, int, int, int]) -> Image | None:
    image = album.at(camera, (at_us + 1) * 1000)
    if image is None:
        return None
    left, top, right, bottom = box
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    scale = max((right - left) / CELL[0], (bottom - top) / CELL[1]) * 1.15
    source = np.array([[middle_x, middle_y], [middle_x + scale, middle_y], [middle_x, middle_y + scale]], np.float32)
    target = np.array([[CELL[0] / 2, CELL[1] / 2], [CELL[0] / 2 + 1, CELL[1] / 2], [CELL[0] / 2, CELL[1] / 2 + 1]])
    matrix = cv2.getAffineTransform(source, target.astype(np.float32))
    return np.asarray(cv2.warpAffine(image, matrix, CELL, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def colour_of(identity: str) -> tuple[int, int, int]:
    """A BGR colour of its own for every identity: neighbours in number are far apart in hue."""
    number = int(identity.rpartition("-")[2] or 0)
    hue = round(number * 0.618034 * 180) % 180
    blue, green, red = cv2.cvtColor(np.array([[[hue, 190, 255]]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0].tolist()
    return blue, green, red


def _short(identity: str) -> str:
    return f"#{identity.rpartition('-')[2]}"


def _draw_box(image: Image, box: tuple[int, int, int, int], identity: str, colour: tuple[int, int, int]) -> None:
    left, top, right, bottom = box
    cv2.rectangle(image, (left, top), (right, bottom), colour, 2)
    if identity:
        label = _short(identity)
        (width, _), _ = cv2.getTextSize(label, FONT, 0.6, 2)
        cv2.rectangle(image, (left, max(top - 20, 0)), (left + width + 6, max(top, 20)), colour, -1)
        cv2.putText(image, label, (left + 3, max(top - 5, 15)), FONT, 0.6, (20, 20, 20), 2, cv2.LINE_AA)


def _text(image: Image, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(image, text, at, FONT, 0.5, colour, 1, cv2.LINE_AA)
