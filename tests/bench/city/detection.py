"""`python -m tests.bench city_detection`: whether a detector trained on photographs sees the city's vehicles.

crossroad-1016 at .3 on rendered frames of the daylight presets, and on the real JamCam clips with human truth.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from detect.boxes import iou
from detect.detections import Boxes
from detect.ssd import CROSSROAD_1016, SsdDetector
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame, Image
from ingest.synthetic.render.camera_renderer import CameraRenderer
from ingest.synthetic.world.presets import PRESETS, find_camera
from ingest.video import RecordedVideo
from tests.bench.measure import table
from tests.bench.tracking import CLASSES, CLIPS, DATA, WEIGHTS
from training.scoring.truth import read_mot

MIN_SCORE = 0.3
MIN_IOU = 0.5
LEAST_PX = 24
FRAMES = 24
"""Of every camera, spread over the preset."""
CAMERAS = 6
"""Of every preset at most."""
HIDDEN = ((0.0, 0.05, "not hidden"), (0.05, 0.3, "up to .3"), (0.3, 0.6, "up to .6"), (0.6, 1.01, "more"))
HEIGHTS_PX = ((24, 40), (40, 70), (70, 120), (120, 2000))


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One true vehicle in one frame: its kind, how much of it is hidden, its height, and whether it was found."""

    preset: str
    kind: str
    hidden: float
    height_px: float
    found: bool


def match(true: Boxes, run: Boxes) -> np.ndarray:
    """(N,) bool: which true boxes have a found one of their own at IoU .5."""
    hit = np.zeros(len(true), bool)
    if len(true) and len(run):
        near = iou(true, run)
        near[near < MIN_IOU] = 0
        rows, columns = linear_sum_assignment(near, maximize=True)
        hit[rows] = near[rows, columns] > 0
    return hit


def look_at_city(detector: SsdDetector, name: str) -> Iterator[tuple[list[Seen], int, int]]:
    """By frame: what was there, how many boxes the detector gave, how many of them are right."""
    for index in range(min(CAMERAS, len(PRESETS[name].cameras))):
        preset, spec = find_camera(name, index)
        renderer = CameraRenderer(preset, spec)
        for sequence in np.linspace(0, preset.frame_count(spec) - 1, FRAMES).round().astype(int).tolist():
            image, sightings = renderer.render(sequence)
            found = detector(_frame(image, sequence)).boxes
            boxes = np.array([each.box_xyxy for each in sightings], np.float32).reshape(-1, 4)
            hit = match(boxes, found)
            # What is small or nearly hidden need not be found, and is no mistake where it is.
            seen = [
                Seen(name, each.kind, 1 - each.visible, float(box[3] - box[1]), bool(one))
                for each, box, one in zip(sightings, boxes, hit, strict=True)
            ]
            yield seen, len(found), int(hit.sum())
        renderer.close()


def look_at_clips(detector: SsdDetector) -> tuple[float, float]:
    """Recall and precision on the real clips, every eighth frame."""
    true_boxes = run_boxes = right = 0
    for clip in CLIPS:
        truth = read_mot(DATA / "video" / "gt_mot" / f"{clip}.gt.txt")
        counted, _ = truth.split(CLASSES["cars, trucks, buses, vans"])
        for frame in RecordedVideo(DATA / "video" / f"{clip}.mp4", clip).frames():
            if frame.sequence % 8:
                continue
            here = counted.boxes[counted.frames == frame.sequence + 1]
            found = detector(frame).boxes
            hits = int(match(here, found).sum())
            true_boxes, run_boxes, right = true_boxes + len(here), run_boxes + len(found), right + hits
    return right / true_boxes, right / run_boxes


def _frame(image: Image, sequence: int) -> Frame:
    return Frame("city", sequence, sequence * NS, ClockQuality.SYNTHETIC, image)


def _share(seen: Iterable[Seen]) -> str:
    hits = [each.found for each in seen]
    return f"{np.mean(hits):.2f} ({len(hits)})" if hits else "-"


def main() -> None:
    """Recall by preset, kind, size and occlusion; the number of boxes in brackets."""
    if not WEIGHTS.exists():
        print(f"skipped: there is no {WEIGHTS} (set CORRIDOR_DATA or CORRIDOR_WEIGHTS; tests/data/SOURCES.md)")
        return
    detector = SsdDetector(WEIGHTS, CROSSROAD_1016, min_score=MIN_SCORE)
    rows, day = [], []
    for name, preset in PRESETS.items():
        frames = list(look_at_city(detector, name))
        seen = [each for of_frame, _, _ in frames for each in of_frame if each.height_px >= LEAST_PX]
        given, right = sum(given for _, given, _ in frames), sum(right for _, _, right in frames)
        clear = [each for each in seen if each.hidden < HIDDEN[0][1]]
        wide = [each for each in clear if each.kind != "motorcycle"]
        shares = (_share(each) for each in (wide, clear, seen))
        rows.append([name, preset.weather.light, *shares, f"{right / max(1, given):.2f}"])
        if not preset.weather.dark:
            day += seen
    recall, precision = look_at_clips(detector)
    rows.append(["two real clips, no motorcycles", "sun", "-", "-", f"{recall:.2f}", f"{precision:.2f}"])
    print(f"crossroad-1016 at {MIN_SCORE:g}, IoU {MIN_IOU:g}, vehicles {LEAST_PX} px and higher\n")
    hidden = "recall, not hidden"
    table(["where", "light", f"{hidden}, no motorcycles", hidden, "recall, all", "precision"], rows)
    print("\nDaylight presets, recall by kind, and by height and what is hidden of the vehicle:\n")
    kinds = sorted({each.kind for each in day})
    clear = [each for each in day if each.hidden < HIDDEN[0][1]]
    table(kinds, [[_share(each for each in clear if each.kind == kind) for kind in kinds]])
    print()
    table(
        ["hidden", *(f"{low}-{high} px" if high < 2000 else f"{low} px and more" for low, high in HEIGHTS_PX)],
        [
            [label, *(_share(_part(day, (least, most), heights)) for heights in HEIGHTS_PX)]
            for least, most, label in HIDDEN
        ],
    )


def _part(seen: list[Seen], hidden: tuple[float, float], heights_px: tuple[int, int]) -> list[Seen]:
    return [
        each
        for each in seen
        if hidden[0] <= each.hidden < hidden[1] and heights_px[0] <= each.height_px < heights_px[1]
    ]


if __name__ == "__main__":
    main()
