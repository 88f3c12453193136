"""Images of linked vehicles: a video of all cameras side by side, and one row of crops a vehicle."""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from deploy.log.base import Log
from deploy.log.decoding import Undecoded
from deploy.log.observations import read_observations
from deploy.results.drawing import GRAY, INK, PAPER, colour_of, draw_box, draw_name, draw_text
from deploy.results.frame_album import FrameAlbum
from deploy.results.image_file import save_image
from deploy.results.journeys import Journeys, visited_cameras
from ingest.clock import NS
from ingest.errors import ConfigError
from ingest.frame import Image
from ingest.video import VideoWriter

CELL = (176, 120)
"""Width and height of a crop in the sheet of vehicles, pixels."""
TILE = (480, 270)
"""Width and height of a camera in the mosaic, pixels, unless there are too many of them."""
MAX_WIDTH = 3840
ROW_OF = 4
"""Cameras side by side; more of them become a square."""
FOOTER = 30
PAUSE_NS = 5 * NS
"""When no camera has a frame for so long, the mosaic goes on with the next one."""
MEDIA_TIME_NS = 86_400 * NS
"""Times below a day are media time, which begins at 0."""


@dataclass(frozen=True, slots=True)
class TrackletBox:
    """One tracklet's box in one frame: xyxy in pixels."""

    tracklet: str
    box: tuple[int, int, int, int]


Paths: TypeAlias = dict[str, dict[int, list[TrackletBox]]]
"""Boxes by camera and capture time in microseconds."""

ShownBox: TypeAlias = tuple[int, tuple[int, int, int, int]]
"""Capture time in microseconds, and a box, xyxy in pixels."""


@dataclass(frozen=True, slots=True)
class SheetRows:
    """Vehicles that a sheet shows, and of how many."""

    painted: int
    of: int


def read_paths(log: Log, undecoded: Undecoded | None = None) -> Paths:
    """Read the boxes of all tracklets on a log; `undecoded` as for `decoded`."""
    paths: Paths = defaultdict(lambda: defaultdict(list))
    for observation in read_observations(log, undecoded):
        for at in observation.path:
            box = (at.left // 10, at.top // 10, at.right // 10, at.bottom // 10)
            at_us = observation.first_ns // 1000 + at.offset_us
            paths[observation.camera][at_us].append(TrackletBox(observation.tracklet, box))
    return paths


def write_mosaic(path: Path, album: FrameAlbum, paths: Paths, journeys: Journeys, *, frames_per_s: int = 8) -> None:
    """An MP4 of all cameras side by side; a vehicle has the same colour and number everywhere.

    Gray boxes are vehicles that only one camera saw. It has its name only when it is whole. Raises ConfigError where
    it cannot be written.
    """
    cameras = album.cameras
    times_ns = sorted(at_ns for camera in cameras for at_ns in album.times_ns(camera))
    linked = {event.identity for event in journeys.linked}
    columns = len(cameras) if len(cameras) <= ROW_OF else math.ceil(math.sqrt(len(cameras)))
    tile = _tile_size(columns)
    unfinished = path.with_name(f"{path.stem}.unfinished{path.suffix}")
    size = (tile[0] * columns, tile[1] * math.ceil(len(cameras) / columns) + FOOTER)
    try:
        writer = VideoWriter(unfinished, size, frames_per_s)
        for at_ns in _moments(times_ns, NS // frames_per_s):
            tiles = [_tile(album, camera, at_ns, paths[camera], journeys, linked, tile) for camera in cameras]
            on_the_way = ", ".join(_on_the_way(journeys, at_ns)) or "-"
            line = f"t = {(at_ns - times_ns[0]) / NS:5.1f} s    between cameras: {on_the_way}"
            writer.write(_page(tiles, columns, size, line))
        writer.close()
        unfinished.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write the video {path}: {error.strerror or error}") from error


def _tile_size(columns: int) -> tuple[int, int]:
    """Width and height of one camera; even, as the codec needs them."""
    width = min(TILE[0], MAX_WIDTH // columns)
    return width // 2 * 2, width * TILE[1] // TILE[0] // 2 * 2


def _moments(times_ns: Sequence[int], step_ns: int) -> Iterator[int]:
    """Moments in even steps from the first of some sorted times to the last, without long pauses between them."""
    at_ns = times_ns[0]
    while True:
        yield at_ns
        place = bisect_right(times_ns, at_ns)
        if place == len(times_ns):
            return
        upcoming_ns = times_ns[place]
        at_ns = upcoming_ns if upcoming_ns - at_ns > PAUSE_NS else at_ns + step_ns


def _page(tiles: Sequence[Image], columns: int, size: tuple[int, int], line: str) -> Image:
    """One frame of the mosaic: tiles in rows, and a line below them."""
    page = np.full((size[1], size[0], 3), PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        height, width = tile.shape[:2]
        top, left = number // columns * height, number % columns * width
        page[top : top + height, left : left + width] = tile
    draw_text(page, line, (10, size[1] - 10), INK, within=size[0] - 20)
    return page


def _tile(
    album: FrameAlbum,
    camera: str,
    at_ns: int,
    boxes: dict[int, list[TrackletBox]],
    journeys: Journeys,
    linked: set[str],
    size: tuple[int, int],
) -> Image:
    shot = album.at(camera, at_ns)
    if shot is None:
        return np.full((size[1], size[0], 3), PAPER, np.uint8)
    shown_ns, image = shot
    # Boxes and numbers are drawn at the size of the tile, so that they are as thick and large for every camera.
    tile, scale, (left, top) = fit(image, size)
    for each in boxes.get(shown_ns // 1000, []):
        identity = journeys.identity_of.get(each.tracklet, "")
        colour = GRAY if identity not in linked else colour_of(identity)
        x0, y0, x1, y1 = (round(side * scale) for side in each.box)
        draw_box(tile, (left + x0, top + y0, left + x1, top + y1), _short(identity) if identity else "", colour)
    draw_name(tile, camera)
    return tile


def fit(image: Image, size: tuple[int, int]) -> tuple[Image, float, tuple[int, int]]:
    """An image within (width, height), its sides as they are to each other, on paper; the scale, and left and top."""
    height, width = image.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    tile = np.full((size[1], size[0], 3), PAPER, np.uint8)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    tile[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=how)
    return tile, scale, (left, top)


def _on_the_way(journeys: Journeys, at_ns: int) -> Iterable[str]:
    """The identities that have left one view and are about to be seen in another."""
    for event in journeys.linked:
        for earlier, later in zip(event.visits[:-1], event.visits[1:], strict=True):
            if earlier.leave_ns < at_ns < later.enter_ns:
                yield f"{_short(event.identity)} ({earlier.camera} to {later.camera})"


def write_sheet(
    path: Path, album: FrameAlbum, best: Mapping[str, ShownBox], journeys: Journeys, *, rows: int = 40
) -> SheetRows:
    """A PNG with one row a vehicle and one crop a camera, to see at a glance whether the links are right.

    Linked vehicles, or all of them where none is linked, as far as the album goes back; without any nothing is
    written. Raises ConfigError where it cannot be written.
    """
    seen = [event for event in journeys.latest.values() if visited_cameras(event)]
    began = {camera: album.times_ns(camera)[0] for camera in album.cameras}
    known = [
        event
        for event in journeys.linked or seen
        if any(visit.camera in began and visit.leave_ns >= began[visit.camera] for visit in event.visits)
    ]
    events = known[:rows]
    if not events:
        return SheetRows(0, 0)
    columns = max(len(event.visits) for event in events)
    sheet = np.full((len(events) * (CELL[1] + 26) + 10, columns * (CELL[0] + 10) + 130, 3), PAPER, np.uint8)
    first_ns = min(visit.enter_ns for event in events for visit in event.visits)
    began_ns = 0 if first_ns < MEDIA_TIME_NS else first_ns
    for row, event in enumerate(events):
        top = row * (CELL[1] + 26) + 6
        colour = colour_of(event.identity)
        draw_text(sheet, event.identity, (8, top + 55), colour, within=96)
        draw_text(sheet, event.label, (8, top + 75), INK, within=96)
        for column, visit in enumerate(event.visits):
            left = 110 + column * (CELL[0] + 10)
            tracklet = visit.tracklet
            crop = _crop(album, visit.camera, *best[tracklet]) if tracklet in best else None
            if crop is not None:
                sheet[top : top + CELL[1], left : left + CELL[0]] = crop
            cv2.rectangle(sheet, (left - 1, top - 1), (left + CELL[0], top + CELL[1]), colour, 2)
            start_s, end_s = (visit.enter_ns - began_ns) / NS, (visit.leave_ns - began_ns) / NS
            caption = f"{visit.camera}  {start_s:.1f}-{end_s:.1f} s"
            draw_text(sheet, caption, (left, top + CELL[1] + 15), INK, within=CELL[0])
    save_image(path, sheet)
    return SheetRows(len(events), len(known))


def largest_boxes(log: Log, undecoded: Undecoded | None = None) -> dict[str, ShownBox]:
    """By tracklet, the box where most of it was to be seen; `undecoded` as for `decoded`."""
    best: dict[str, ShownBox] = {}
    sizes: dict[str, float] = {}
    for observation in read_observations(log, undecoded):
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
    shot = album.at(camera, (at_us + 1) * 1000)
    if shot is None:
        return None
    _, image = shot
    left, top, right, bottom = box
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    scale = max((right - left) / CELL[0], (bottom - top) / CELL[1]) * 1.15
    source = np.array([[middle_x, middle_y], [middle_x + scale, middle_y], [middle_x, middle_y + scale]], np.float32)
    target = np.array([[CELL[0] / 2, CELL[1] / 2], [CELL[0] / 2 + 1, CELL[1] / 2], [CELL[0] / 2, CELL[1] / 2 + 1]])
    matrix = cv2.getAffineTransform(source, target.astype(np.float32))
    return np.asarray(cv2.warpAffine(image, matrix, CELL, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _short(identity: str) -> str:
    return f"#{identity.rpartition('-')[2]}"
