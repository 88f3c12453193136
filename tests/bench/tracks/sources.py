"""Sources with truth: two real clips with altered versions of them, and rendered cameras of the city with fresh fleets.

Every network's detections on every frame are made once and kept in runs/bench.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deploy.weights import catalogue
from detect.boxes import iou
from detect.detections import Boxes, Detections
from detect.networks import NETWORKS
from detect.registry import open_network
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame, Image
from ingest.frame_sampler import FrameSampler
from ingest.video import RecordedVideo
from training.scoring.tracks import CameraTracks, TrackedBoxes
from training.scoring.truth import read_mot

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("CORRIDOR_DATA", ROOT.parent / "shared" / "data"))
CACHE = ROOT / "runs" / "bench"
CLIPS = ("jamcam_06514", "jamcam_03604")
COUNTED = frozenset({1, 2, 3, 5})
"""Cars, lorries, buses, vans; no detector at hand finds motorcycles, so they need not be found."""
CITY = (("smooth", (0, 2)), ("rush-hour", (0, 2)), ("look-alikes", (1, 3)), ("clock-skew", (0, 2)))
"""Daylight presets, and which of their cameras; the fleets are drawn anew."""
FLEET_SEED = 7_016
FROM_S, SECONDS = 30.0, 24.0
"""The part of each city camera that is rendered."""
MIN_VISIBLE = 0.3
LEAST_PX = 16
"""A vehicle of the city counts from this visible share and box height on (at 360 lines)."""
KEPT_SCORE = 0.05
"""Detections below it are not kept."""


def _scaled(image: Image) -> Image:
    return np.asarray(cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA), np.uint8)


def _blurred(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.2), np.uint8)


def _darker(image: Image) -> Image:
    return np.asarray(255 * (image / 255.0) ** 1.8 * 0.7, np.uint8)


def _compressed(image: Image) -> Image:
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 15])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


ALTERED: dict[str, tuple[Callable[[Image], Image], float]] = {
    "": (lambda image: image, 1.0),
    "scale .6": (_scaled, 0.6),
    "blur": (_blurred, 1.0),
    "dark": (_darker, 1.0),
    "JPEG 15": (_compressed, 1.0),
}
"""What is done to a clip's frames, and by how much their size changes."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One camera with truth and one network's detections, by frame (numbered from 0).

    source: the group that is left out together. truth and ignored: frames from 1, as in scoring.
    """

    source: str
    name: str
    size: tuple[int, int]
    times_ns: list[int]
    boxes: list[Boxes]
    scores: list[NDArray[np.float32]]
    truth: TrackedBoxes
    ignored: TrackedBoxes

    def found(self, index: int, min_score: float) -> Detections:
        """Detections of a frame from a score on."""
        keep = self.scores[index] >= min_score
        return Detections.of(self.boxes[index][keep], self.scores[index][keep])

    def analysed(self, rate_fps: float) -> list[int]:
        """The frames that a camera's feed hands on at a rate."""
        sampler = FrameSampler(rate_fps)
        return [index for index, at_ns in enumerate(self.times_ns) if sampler.accept(at_ns)]

    def compared(self, frames: list[int], run: TrackedBoxes) -> CameraTracks:
        """Truth and a run on some of the frames, for scoring."""
        times_s = np.array(self.times_ns)[frames] / NS
        return CameraTracks.of(self.name, np.array(frames) + 1, times_s, self.truth, run, self.ignored)


Frames = Iterator[tuple[Image, int, list[tuple[int, bool, tuple[float, float, float, float]]]]]
"""By frame: image, capture time, and the true boxes: id, whether it counts, xyxy."""


def weights_of(network: str) -> Path:
    """Path of a network's main file: in CORRIDOR_WEIGHTS, or among the shared data."""
    folder = Path(os.environ.get(catalogue.FOLDER_VARIABLE, DATA / "weights"))
    return folder / catalogue.load_catalogue().network(network).published.files[0].name


def clip_frames(clip: str, alter: str) -> Frames:
    """Frames of a clip, altered, with its human truth."""
    change, scale = ALTERED[alter]
    truth = read_mot(DATA / "video" / "gt_mot" / f"{clip}.gt.txt")
    counts = truth.considered & np.isin(truth.classes, sorted(COUNTED))
    for frame in RecordedVideo(DATA / "video" / f"{clip}.mp4", clip).frames():
        rows = np.flatnonzero(truth.frames == frame.sequence + 1)
        boxes = (truth.boxes[rows] * scale).tolist()
        there = zip(truth.ids[rows].tolist(), counts[rows].tolist(), map(tuple, boxes), strict=True)
        yield change(frame.image), frame.captured_ns, list(there)


def city_frames(name: str, number: int, seconds: float = SECONDS) -> Frames:
    """Rendered frames of a camera of a preset with a fresh fleet, with the renderer's truth."""
    from ingest.synthetic.render.camera_renderer import CameraRenderer
    from ingest.synthetic.world.presets import PRESETS

    preset = replace(PRESETS[name], seed=FLEET_SEED)
    spec = preset.cameras[number]
    renderer = CameraRenderer(preset, spec)
    first = round(FROM_S * spec.fps)
    least_px = LEAST_PX * spec.height / 360
    for sequence in range(first, first + round(seconds * spec.fps)):
        image, sightings = renderer.render(sequence)
        there = [
            (
                each.vehicle_id,
                each.kind != "motorcycle"
                and each.visible >= MIN_VISIBLE
                and each.box_xyxy[3] - each.box_xyxy[1] >= least_px,
                tuple(float(side) for side in each.box_xyxy),
            )
            for each in sightings
        ]
        yield image, round(sequence * NS / spec.fps), there  # type: ignore[misc]
    renderer.close()


def makers() -> dict[str, tuple[str, Callable[[], Frames]]]:
    """Views by name: the source they belong to, and their frames."""
    views: dict[str, tuple[str, Callable[[], Frames]]] = {}
    for clip in CLIPS:
        for alter in ALTERED:
            views[f"{clip} {alter}".strip()] = clip, partial(clip_frames, clip, alter)
    for preset, cameras in CITY:
        for number in cameras:
            views[f"{preset} {number}"] = preset, partial(city_frames, preset, number)
    return views


def load_views(network: str, names: list[str] | None = None) -> list[View]:
    """All views (or those named) with a network's detections, from the cache where they are there."""
    loaded = []
    for name, (source, frames) in makers().items():
        if names is None or name in names:
            cached = _cache_of(name, network)
            if not cached.exists():
                detect([network], name, frames())
            loaded.append(_read(cached, source, name))
    return loaded


def joined(views: Mapping[str, Sequence[View]]) -> list[View]:
    """The same views with the detections of two networks: the second's where none that the first uses overlaps by half.

    The second's scores are scaled so that tracks start at the first's start score.
    """
    (first, ones), (second, others) = views.items()
    scale = NETWORKS[first].start_score / NETWORKS[second].start_score
    return [_join(one, other, NETWORKS[first].min_score, scale) for one, other in zip(ones, others, strict=True)]


def _join(one: View, other: View, min_score: float, scale: float) -> View:
    boxes, scores = [], []
    for index, (found, surely) in enumerate(zip(one.boxes, one.scores, strict=True)):
        used = found[surely >= min_score]
        free = iou(other.boxes[index], used).max(axis=1, initial=0.0) < 0.5
        boxes.append(np.concatenate([used, other.boxes[index][free]]))
        scores.append(np.concatenate([surely[surely >= min_score], scale * other.scores[index][free]]))
    return replace(one, boxes=boxes, scores=scores)


def _cache_of(view: str, network: str) -> Path:
    digest = hashlib.sha256(weights_of(network).read_bytes()).hexdigest()[:8]
    return CACHE / "views" / f"{view.replace(' ', '_')}-{network}-{digest}.npz"


def detect(networks: Sequence[str], view: str, frames: Frames) -> None:
    """Keep the detections of networks in a view; its frames are made once for all that have none yet."""
    missing = [network for network in networks if not _cache_of(view, network).exists()]
    if not missing:
        return
    detectors = {
        network: open_network(network, weights_of(network), min_score=KEPT_SCORE, threads=1) for network in missing
    }
    times_ns, size, true = [], (0, 0), []
    found: dict[str, list[Detections]] = {network: [] for network in missing}
    for index, (image, at_ns, there) in enumerate(frames):
        frame = Frame("view", index, at_ns, ClockQuality.FILE, image)
        for network, detector in detectors.items():
            found[network].append(detector(frame))
        times_ns.append(at_ns)
        size = frame.size
        true += [(index + 1, vehicle, counts, *box) for vehicle, counts, box in there]
    (CACHE / "views").mkdir(parents=True, exist_ok=True)
    for network, each in found.items():
        np.savez_compressed(
            _cache_of(view, network),
            times_ns=np.array(times_ns, np.int64),
            size=np.array(size, np.int64),
            frames=np.repeat(np.arange(len(each)), [len(of_frame) for of_frame in each]),
            boxes=np.concatenate([of_frame.boxes for of_frame in each]),
            scores=np.concatenate([of_frame.scores for of_frame in each]),
            true=np.array(true, np.float64).reshape(-1, 7),
        )


def _read(cached: Path, source: str, name: str) -> View:
    with np.load(cached) as stored:
        times_ns, frames = stored["times_ns"].tolist(), stored["frames"]
        boxes, scores, true = stored["boxes"], stored["scores"], stored["true"]
        width, height = stored["size"].tolist()
    of_frame = [frames == index for index in range(len(times_ns))]
    everything = TrackedBoxes(true[:, 0].astype(np.int64), true[:, 1].astype(np.int64), true[:, 3:].astype(np.float32))
    counts = true[:, 2] > 0
    return View(
        source, name, (width, height), times_ns,
        [boxes[rows] for rows in of_frame], [scores[rows] for rows in of_frame],
        everything.select(counts), everything.select(~counts),
    )  # fmt: skip
