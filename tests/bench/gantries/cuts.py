"""Two windows of one recording, one of them altered, as the recordings of two cameras; and what is true in them."""

import hashlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.clock import NS
from ingest.frame import Image
from ingest.video import RecordedVideo, VideoWriter
from tests.bench.tracking import CACHE, DATA, follow_ours, load_clip
from training.scoring.tracks import TrackedBoxes
from training.scoring.truth import read_mot

OFFSET_S = 20.0
"""The downstream camera's recording starts this much later: it is that much further down the road."""
INSIDE = 0.5
"""A true box counts in a window that holds at least this share of its area; below that it is ignored."""
LEAST_STAY_S = 0.5
"""A vehicle that counts in a window for less than this is ignored there."""
_LAYOUT = 2
"""Of the window videos; another number makes them anew."""
VEHICLES = frozenset({1, 2, 3, 5})
"""Cars, trucks, buses, vans: the detector hardly finds motorbikes (class 4), so they are ignored."""

Truth = Literal["human", "tracker"]


@dataclass(frozen=True, slots=True)
class Look:
    """What another camera makes of a scene: out = gain * (in ** gamma), and so on, in the order of the fields.

    balance: factors of blue, green, red. contrast about middle grey. lift: grey levels added. blur_px: sigma of a
    Gaussian. noise: sigma in grey levels. jpeg: quality of a coarse re-encoding before the video's own.
    """

    name: str
    gamma: float = 1.0
    gain: float = 1.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    lift: float = 0.0
    blur_px: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None

    def of(self, image: Image, rng: np.random.Generator) -> Image:
        """The altered picture, (H, W, 3) uint8 BGR."""
        light = 255.0 * self.gain * (image.astype(np.float32) / 255.0) ** self.gamma
        light = light * np.array(self.balance, np.float32)
        light = self.contrast * (light - 128.0) + 128.0 + self.lift
        if self.blur_px:
            light = np.asarray(cv2.GaussianBlur(light, (0, 0), self.blur_px), np.float32)
        if self.noise:
            light = light + rng.normal(0.0, self.noise, light.shape).astype(np.float32)
        altered = np.clip(light, 0, 255).astype(np.uint8)
        if self.jpeg is not None:
            altered = cv2.imdecode(cv2.imencode(".jpg", altered, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg])[1], 1)
        return np.asarray(altered, np.uint8)


PLAIN = Look("as it is")
DARK = Look("darker", gamma=1.4, gain=0.85)
WARM = Look("warmer, harder", balance=(0.85, 1.0, 1.12), contrast=1.2)
HAZY = Look("hazy, soft", contrast=0.7, lift=20.0, blur_px=1.0)
COLD = Look("colder, coarse", balance=(1.12, 1.0, 0.88), jpeg=25)
BRIGHT = Look("brighter, noisy", gain=1.25, noise=8.0)

Window = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the picture."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A recording cut in two: vehicles pass from `upstream` to `downstream`.

    gap_s: how long they take from leaving the one window to entering the other, at least and at most, as somebody who
    knows the road would put it; below zero, since long vehicles are in both. zoom: of the clip's picture, for small
    ones. `look` is that of the `altered` side. rate_fps: analysed frames a second; the system's default, but for the
    motorway.
    """

    clip: str
    name: str
    upstream: Window
    downstream: Window
    gap_s: tuple[float, float]
    zoom: float
    look: Look
    altered: Literal["up", "down"] = "down"
    rate_fps: float = 8.0

    @property
    def id(self) -> str:
        return f"{self.clip}-{self.name}".replace(" ", "-")

    def window(self, side: str) -> Window:
        return self.upstream if side == "up" else self.downstream

    def shown(self, side: str) -> Look:
        return self.look if side == self.altered else PLAIN


_JAM, _WALWORTH = "jamcam_06514", "jamcam_03604"
_WOOD, _MOTORWAY, _STREET, _PARK = "jamcam_08926", "highway_960x540", "overhead_640x360", "carpark_768x432"
_QUEUE, _FREE = (-1.0, 3.0), (-1.0, 2.0)

CUTS = (
    Cut(_JAM, "across at 32 %", (0.30, 0.0, 1.0, 0.30), (0.30, 0.34, 1.0, 1.0), _QUEUE, 2.0, DARK),
    Cut(_JAM, "down at 70 %", (0.36, 0.18, 0.70, 0.85), (0.72, 0.35, 1.0, 1.0), _QUEUE, 2.0, WARM, "up"),
    Cut(_JAM, "across at 14 %", (0.45, 0.0, 1.0, 0.16), (0.25, 0.18, 0.90, 0.60), _QUEUE, 2.0, HAZY),
    Cut(_WALWORTH, "across at 52 %", (0.48, 0.10, 1.0, 0.50), (0.48, 0.54, 1.0, 1.0), _QUEUE, 2.0, COLD),
    Cut(_WALWORTH, "across at 62 %", (0.48, 0.20, 1.0, 0.60), (0.48, 0.64, 1.0, 1.0), _QUEUE, 2.0, BRIGHT, "up"),
    Cut(_WALWORTH, "across at 70 %", (0.48, 0.30, 1.0, 0.68), (0.48, 0.72, 1.0, 1.0), _QUEUE, 2.0, DARK),
    Cut(_WOOD, "across at 60 %", (0.0, 0.60, 1.0, 1.0), (0.40, 0.15, 1.0, 0.56), _QUEUE, 2.0, WARM),
    Cut(_MOTORWAY, "across at 21 %", (0.30, 0.02, 0.85, 0.20), (0.0, 0.23, 0.95, 1.0), _FREE, 1.0, HAZY, rate_fps=15.0),
    Cut(_MOTORWAY, "across at 26 %", (0.30, 0.02, 0.85, 0.25), (0.0, 0.28, 0.95, 1.0), _FREE, 1.0, COLD, "up", 15.0),
    Cut(_MOTORWAY, "across at 34 %", (0.25, 0.02, 0.90, 0.33), (0.0, 0.36, 0.95, 1.0), _FREE, 1.0, DARK, rate_fps=15.0),
    Cut(_STREET, "near lanes at 40 %", (0.0, 0.30, 0.38, 1.0), (0.42, 0.30, 1.0, 1.0), _FREE, 1.0, DARK),
    Cut(_STREET, "near lanes at 50 %", (0.0, 0.30, 0.47, 1.0), (0.53, 0.30, 1.0, 1.0), _FREE, 1.0, WARM, "up"),
    Cut(_STREET, "near lanes at 60 %", (0.0, 0.30, 0.58, 1.0), (0.62, 0.30, 1.0, 1.0), _FREE, 1.0, COLD),
    Cut(_STREET, "far lanes at 50 %", (0.53, 0.0, 1.0, 0.32), (0.0, 0.0, 0.47, 0.32), _FREE, 1.0, HAZY, "up"),
    Cut(_STREET, "far lanes at 40 %", (0.42, 0.0, 1.0, 0.32), (0.0, 0.0, 0.38, 0.32), _FREE, 1.0, BRIGHT),
    Cut(_PARK, "towards us", (0.0, 0.0, 0.42, 0.47), (0.0, 0.53, 0.42, 1.0), _QUEUE, 1.0, DARK),
    Cut(_PARK, "from us", (0.38, 0.53, 0.80, 1.0), (0.38, 0.0, 0.80, 0.47), _QUEUE, 1.0, HAZY, "up"),
)
HUMAN = (_JAM, _WALWORTH)
"""Clips with a person's truth."""


def clip_path(clip: str) -> Path:
    return DATA / "video" / f"{clip}.mp4"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a window lies in the clip's picture, and by how much it is moved in the picture of its camera (pixels)."""

    left: int
    top: int
    right: int
    bottom: int
    moved: tuple[int, int]


def place(cut: Cut, side: str, size: tuple[int, int]) -> Place:
    """The window of one side. It is moved so that vehicles leave and enter over the picture's edge, not a mask's."""
    width, height = size
    left, right = (round(edge * width) for edge in cut.window(side)[::2])
    top, bottom = (round(edge * height) for edge in cut.window(side)[1::2])
    other_left, other_top, other_right, other_bottom = cut.window("down" if side == "up" else "up")
    across, down = 0, 0
    if bottom <= other_top * height:
        down = height - bottom
    elif top >= other_bottom * height:
        down = -top
    elif right <= other_left * width:
        across = width - right
    elif left >= other_right * width:
        across = -left
    return Place(left, top, right, bottom, (across, down))


def window_video(cut: Cut, side: str) -> Path:
    """The recording of one side, from the cache where it was made before.

    The picture has the size of the clip's (times `zoom`), since the detector squeezes any picture into a square:
    otherwise the window would change how large and how wide its vehicles look to it. What the window leaves is black.
    """
    key = repr((_LAYOUT, cut.upstream, cut.downstream, side, cut.zoom, cut.shown(side))).encode()
    digest = hashlib.sha256(key + clip_path(cut.clip).read_bytes()).hexdigest()[:12]
    path = CACHE / "gantries" / f"{cut.id}-{side}-{digest}.mp4".replace("%", "")
    if path.exists():
        return path
    size = load_clip(cut.clip).size
    at, shown, rng = place(cut, side, size), cut.shown(side), np.random.default_rng(0)
    zoomed = (round(size[0] * cut.zoom), round(size[1] * cut.zoom))
    part = path.with_name(f"part-{path.name}")
    writer = VideoWriter(part, zoomed, round(rate_fps(cut.clip)))
    for frame in RecordedVideo(clip_path(cut.clip), cut.clip).frames():
        window = shown.of(frame.image[at.top : at.bottom, at.left : at.right], rng)
        image = np.zeros_like(frame.image)
        top, left = at.top + at.moved[1], at.left + at.moved[0]
        image[top : top + len(window), left : left + window.shape[1]] = window
        writer.write(np.asarray(cv2.resize(image, zoomed, interpolation=cv2.INTER_CUBIC), np.uint8))
    writer.close()
    part.replace(path)
    return path


def rate_fps(clip: str) -> float:
    return NS / float(np.median(np.diff(load_clip(clip).times_ns)))


@cache
def whole_truth(clip: str, truth: Truth) -> tuple[TrackedBoxes, TrackedBoxes]:
    """Of the uncut picture: the vehicles that count, and boxes that are ignored.

    `tracker`: our own detector and tracker on every frame; each of its tracks counts as a vehicle.
    """
    if truth == "human":
        return read_mot(DATA / "video" / "gt_mot" / f"{clip}.gt.txt").split(VEHICLES)
    found = load_clip(clip)
    return follow_ours(found, list(range(len(found.times_ns)))), TrackedBoxes.of([])


def in_window(tracks: TrackedBoxes, at: Place, zoom: float) -> tuple[TrackedBoxes, TrackedBoxes]:
    """Boxes of the clip as a window's camera shows them: those with enough inside, and the others that it cuts."""
    corners = (at.left, at.top, at.right, at.bottom)
    clipped = np.clip(tracks.boxes, corners[:2] * 2, corners[2:] * 2).astype(np.float32)
    share = _areas(clipped) / np.maximum(_areas(tracks.boxes), 1e-6)
    shown = replace(tracks, boxes=(clipped + np.array(at.moved * 2, np.float32)) * np.float32(zoom))
    return shown.select(share >= INSIDE), shown.select((share > 0) & (share < INSIDE))


def side_truth(cut: Cut, side: str, truth: Truth, frames: NDArray[np.int64]) -> tuple[TrackedBoxes, TrackedBoxes]:
    """What counts and what is ignored in a window, on the frames that are looked at."""
    at = place(cut, side, load_clip(cut.clip).size)
    counted, ignored = whole_truth(cut.clip, truth)
    here, partly = in_window(counted, at, cut.zoom)
    inside, outside = in_window(ignored, at, cut.zoom)
    here = here.select(np.isin(here.frames, frames))
    step_s = float(np.median(np.diff(frames))) / rate_fps(cut.clip)
    ids, counts = np.unique(here.ids, return_counts=True)
    stays = np.isin(here.ids, ids[counts * step_s >= LEAST_STAY_S])
    return here.select(stays), joined(here.select(~stays), partly, inside, outside)


def joined(*tracks: TrackedBoxes) -> TrackedBoxes:
    """All rows of several."""
    return TrackedBoxes(
        np.concatenate([each.frames for each in tracks]),
        np.concatenate([each.ids for each in tracks]),
        np.concatenate([each.boxes for each in tracks]),
    )


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float32)
