"""`python -m tests.bench tracks_city PRESET…`: pieces, merges, ceiling and closing delay in the city, fresh fleets.

Boxes with drawn mistakes as `corridor city observations` has them; the best crops are rendered and encoded for looks.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import supervision as sv
from trackers import BoTSORTTracker

from deploy.site.encoders import mask_source
from deploy.site.wiring import make_encoder, make_masker
from detect.detections import Detections
from detect.settings import DetectSettings
from embed.settings import EmbedSettings
from ingest.clock import NS
from ingest.synthetic.world.presets import PRESETS, Preset
from tests.bench.measure import table
from tests.bench.tracks.sources import FLEET_SEED
from tests.bench.tracks.stays import StayFigures, stay_figures
from training.datasets.city.detector import NoisyDetector
from training.datasets.city.embedding import Studio
from training.datasets.city.observations import CityCamera, join, split_features
from training.datasets.city.tracklets import Tracklet, follow
from training.datasets.city.true_boxes import Outlines, TrueBoxes, true_boxes_of

NAMES = ("smooth", "rush-hour", "look-alikes", "night-rain", "clock-skew", "blackout")
EMBED = EmbedSettings(threads=1)
DETECT = DetectSettings()
MAX_CROPS = 2
"""Crops of a tracklet that are rendered."""
LOST_S = 1.2
"""What the tracker had before, for all tracks."""

Camera = tuple[TrueBoxes, Sequence[Tracklet], Sequence[float]]


def before(true: TrueBoxes, noise: NoisyDetector) -> Camera:
    """Tracklets as they were: BoT-SORT, lost after 1.2 s, no joins."""
    tracker = BoTSORTTracker(
        lost_track_buffer=round(LOST_S * 30), frame_rate=8.0, enable_cmc=False, instant_first_frame_activation=True
    )
    known: dict[int, Tracklet] = {}
    for place in range(len(true.sequences)):
        rows = true.rows_of(place)
        found = noise(place, true.vehicles[rows].tolist(), true.boxes[rows], true.visible[rows])
        for number, row in _ids(tracker, found, float(true.camera_ns[place] - true.camera_ns[0]) / NS):
            it = known.setdefault(number, Tracklet(0, number))
            it.frames.append(place)
            it.boxes.append(found.boxes[row])
            it.owners.append(found.labels[row])
    lasting_ns = EMBED.open_after_s * NS
    opened = [it for it in known.values() if np.ptp(true.camera_ns[[it.frames[0], it.frames[-1]]]) >= lasting_ns]
    return true, opened, [LOST_S] * len(opened)


def _ids(tracker: BoTSORTTracker, found: Detections, at_s: float) -> list[tuple[int, int]]:
    tracker.frame_id = 0  # a track has its id at once
    seen = sv.Detections(
        found.boxes.astype(np.float64), confidence=found.scores.astype(np.float64), class_id=np.arange(len(found))
    )
    tracked = tracker.update(seen, timestamp=at_s)
    if not len(tracked) or tracked.tracker_id is None or tracked.class_id is None:
        return []
    pairs = zip(tracked.tracker_id.tolist(), tracked.class_id.tolist(), strict=True)
    return [(number, row) for number, row in pairs if number >= 0]


def without_joins(cameras: Sequence[CityCamera]) -> list[Camera]:
    """Tracklets by motion alone, and how long each was kept open."""
    return [
        (each.true_boxes, each.tracklets, [_kept_s(each.true_boxes, it) for it in each.tracklets]) for each in cameras
    ]


def _kept_s(true: TrueBoxes, it: Tracklet) -> float:
    return float(true.camera_ns[it.ended] - true.camera_ns[it.frames[-1]]) / NS


def with_joins(preset: Preset, cameras: Sequence[CityCamera]) -> list[CityCamera]:
    """Tracklets with their fragments joined by motion and looks."""
    masks = mask_source(DetectSettings(), EMBED.encoder)
    encoder, masker = make_encoder(EMBED, masks), make_masker(masks)
    joined = []
    for camera in cameras:
        studio = Studio(preset, preset.cameras[camera.camera])
        crops = [studio.take(source) for source in camera.sources()]
        vectors = np.zeros((len(crops), encoder.dim), np.float32)
        for row, crop in enumerate(crops):
            if crop is not None:
                vectors[row] = encoder([replace(crop, mask=masker(crop.image, crop.box_xyxy))])[0]
        sharpness = np.array([0.0 if crop is None else crop.quality for crop in crops], np.float32)
        (features,) = split_features([camera], vectors, sharpness)
        joined.append(join(camera, features)[0])
    return joined


def measure(name: str) -> dict[str, StayFigures]:
    """Figures of a preset: before, by motion, and with joins."""
    preset = replace(PRESETS[name], seed=FLEET_SEED)
    true_boxes = true_boxes_of(preset, DETECT.analyse_fps, Outlines(exact=False))
    cameras, earlier = [], []
    for number, true in enumerate(true_boxes):
        spec = preset.cameras[number]
        size = spec.width, spec.height
        tracklets = follow(true, size, EMBED, DETECT, _noise(size, number))
        cameras.append(CityCamera.of(str(number), number, size, true, tracklets, MAX_CROPS))
        earlier.append(before(true, _noise(size, number)))
    return {
        "before": stay_figures(earlier),
        "by motion": stay_figures(without_joins(cameras)),
        "and looks": stay_figures(without_joins(with_joins(preset, cameras))),
    }


def _noise(size: tuple[int, int], camera: int) -> NoisyDetector:
    return NoisyDetector(size, DETECT.analyse_fps, np.random.default_rng((5, camera)))


def main(names: Sequence[str] = NAMES) -> None:
    """One table, three rows a preset."""
    rows = []
    for name in names:
        for how, it in measure(name).items():
            delay = " ".join(f"{value:.1f}" for value in it.delay_s)
            shares = (f"{it.pieces:.2f}", f"{it.within:.3f}", f"{it.merges:.3f}", f"{it.ceiling:.3f}", delay)
            rows.append([name, how, str(it.stays), str(it.tracklets), *shares])
            print(rows[-1], file=sys.stderr, flush=True)
    header = ["preset", "tracklets", "stays", "number", "pieces a stay", "joints within a camera", "wrong merges"]
    table([*header, "ceiling", "closed after, s, p50 p95"], rows)


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
