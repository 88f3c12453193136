"""`python -m tests.bench city_noise`: how a detector errs on the city, for `training/datasets/city/detector.py`.

crossroad-1016 at .3 on rendered frames of daylight presets, eight a second: misses by how much is visible and by
height, how long they last, how far boxes are off, and boxes on nothing.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from detect.boxes import intersections, iou
from detect.detections import Detections
from detect.ssd import CROSSROAD_1016, SsdDetector
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame
from ingest.synthetic.render.camera_renderer import CameraRenderer
from ingest.synthetic.world.presets import find_camera
from ingest.truth import TrueSighting
from tests.bench.measure import table
from tests.bench.tracking import WEIGHTS
from training.datasets.city.detector import HEIGHTS_PX, VISIBLE
from training.datasets.city.true_boxes import analysed_frames

CAMERAS = (
    ("smooth", 0), ("smooth", 2), ("rush-hour", 0), ("rush-hour", 1), ("look-alikes", 2), ("blackout", 0), ("grand", 6),
)  # fmt: skip
FRAMES = 48
FROM = 240
RATE_FPS = 8.0
MIN_IOU = 0.3
"""A box may be far off and still be the vehicle's; the tracker thinks so too."""
LEAST_VISIBLE = 0.1


class Errors:
    """What was seen to go wrong, over all cameras."""

    def __init__(self) -> None:
        self.missed: dict[tuple[int, int], list[bool]] = defaultdict(list)
        self.off: dict[int, list[list[float]]] = defaultdict(list)
        self.miss_pairs: list[tuple[float, float]] = []
        self.off_pairs: list[tuple[float, float]] = []
        self.false: list[float] = []

    def take(
        self, sightings: Sequence[TrueSighting], found: Detections, before: dict[int, tuple[float, float]]
    ) -> None:
        """One frame; `before` holds each vehicle's surprise and left error of the frame before, and is renewed."""
        true = [each for each in sightings if each.visible >= LEAST_VISIBLE]
        boxes = np.array([each.box_xyxy for each in true], np.float32).reshape(-1, 4)
        near = iou(boxes, found.boxes)
        near[near < MIN_IOU] = 0
        rows, columns = linear_sum_assignment(near, maximize=True)
        match = {row: column for row, column in zip(rows.tolist(), columns.tolist(), strict=True) if near[row, column]}
        now: dict[int, tuple[float, float]] = {}
        for row, each in enumerate(true):
            sides = boxes[row, 2:] - boxes[row, :2]
            seen, tall = int(np.searchsorted(VISIBLE, each.visible)), int(np.searchsorted(HEIGHTS_PX, sides[1]))
            self.missed[seen, tall].append(row not in match)
            error = np.nan
            if row in match:
                off = (found.boxes[match[row]] - boxes[row]) / np.tile(sides, 2)
                self.off[seen].append(off.tolist())
                error = float(off[0])
            now[each.vehicle_id] = float(row not in match), error
            if each.vehicle_id in before:
                was, was_error = before[each.vehicle_id]
                self.miss_pairs.append((was, now[each.vehicle_id][0]))
                if not np.isnan(was_error) and not np.isnan(error):
                    self.off_pairs.append((was_error, error))
        before.clear()
        before.update(now)
        alone = [column for column in range(len(found)) if column not in match.values()]
        every = np.array([each.box_xyxy for each in sightings], np.float32).reshape(-1, 4)
        shared = intersections(found.boxes[alone], every)
        self.false.append(float((shared.max(1, initial=0) <= 0).sum()))


def look(errors: Errors, detector: SsdDetector, name: str, camera: int) -> None:
    """Some seconds of one camera."""
    preset, spec = find_camera(name, camera)
    renderer = CameraRenderer(preset, spec)
    before: dict[int, tuple[float, float]] = {}
    sequences, _, _ = analysed_frames(preset, spec, RATE_FPS)
    for sequence in sequences[FROM : FROM + FRAMES].tolist():
        image, sightings = renderer.render(sequence)
        at_ns = round(sequence / spec.fps * NS)
        errors.take(sightings, detector(Frame("", sequence, at_ns, ClockQuality.SYNTHETIC, image)), before)
    renderer.close()


def main() -> None:
    """The numbers, in the shape that `city_detector.py` has them."""
    if not WEIGHTS.exists():
        print(f"skipped: there is no {WEIGHTS} (set CORRIDOR_DATA; tests/data/SOURCES.md)")
        return
    errors, detector = Errors(), SsdDetector(WEIGHTS, CROSSROAD_1016)
    for name, camera in CAMERAS:
        look(errors, detector, name, camera)
    _print(errors)


def _print(errors: Errors) -> None:
    seen = [f"up to {edge:g}" for edge in VISIBLE] + ["more"]
    tall = [f"under {edge:g} px" for edge in HEIGHTS_PX] + ["taller"]
    rows = []
    for row, name in enumerate(seen):
        cells = [errors.missed.get((row, column), []) for column in range(len(tall))]
        rows.append([name, *(f"{np.mean(cell):.3f} of {len(cell)}" if cell else "-" for cell in cells)])
    table(["MISSED by visible share", *tall], rows)
    print()
    rows = []
    for row, name in enumerate(seen):
        off = np.array(errors.off.get(row, [])).reshape(-1, 4)
        if len(off):
            spread = 1.4826 * np.median(np.abs(off - np.median(off, axis=0)), axis=0)
            rows.append(
                [name, f"{spread.mean():.3f}", *(f"{mean:+.3f}" for mean in np.median(off, axis=0)), str(len(off))]
            )
    table(["BOX_SIGMA by visible share", "robust sigma", "left", "top", "right", "bottom", "boxes"], rows)
    miss, off = (np.array(pairs).reshape(-1, 2) for pairs in (errors.miss_pairs, errors.off_pairs))
    after_miss, after_hit = (miss[miss[:, 0] == was, 1].mean() for was in (1, 0))
    print(f"\nmissed again after a miss {after_miss:.3f}, after a hit {after_hit:.3f}")
    print(f"correlation of misses {np.corrcoef(miss.T)[0, 1]:.2f}, of box errors {np.corrcoef(off.T)[0, 1]:.2f}")
    print(f"boxes on nothing: {np.mean(errors.false):.3f} a frame ({len(errors.false)} frames)")


if __name__ == "__main__":
    main()
