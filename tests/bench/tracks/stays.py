"""Stays of the city's vehicles in a camera's view, and the pieces that tracking cuts them into.

Boxes from the geometry with a detector's drawn mistakes, as `corridor city observations` has them; fresh fleets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from training.datasets.city.detector import NOBODY
from training.datasets.city.tracklets import Tracklet
from training.datasets.city.true_boxes import TrueBoxes
from training.scoring.identity import BoxPairs
from training.scoring.tracks import VISIT_GAP_S, CameraTracks, TrackedBoxes

NS = 1_000_000_000
MIN_VISIBLE = 0.3
FOREIGN_BOXES = 4
"""From this many boxes of a second vehicle on (half a second at 8 a second) a tracklet is a wrong merge."""


@dataclass(frozen=True, slots=True)
class StayFigures:
    """What tracking made of the stays of a preset.

    pieces: tracklets a stay of those that are found at all. within: share of the joints of a vehicle's consecutive
    tracklets that lie within one camera. merges: share of tracklets with boxes of a second vehicle. ceiling: IDF1 over
    all cameras where every tracklet is given to the vehicle it follows. delay_s: until closing, p50 and p95.
    """

    tracklets: int
    stays: int
    pieces: float
    joints: int
    within: float
    merges: float
    ceiling: float
    delay_s: tuple[float, float]


def stay_figures(
    cameras: Sequence[tuple[TrueBoxes, Sequence[Tracklet], Sequence[float]]],
) -> StayFigures:
    """Figures of a preset's cameras: true boxes, tracklets, and how long each was kept open after its last box, s."""
    visits: dict[tuple[int, int], list[tuple[int, int]]] = {}
    of_vehicle: dict[int, list[tuple[int, int]]] = {}
    merged = count = 0
    delays: list[float] = []
    tracks = []
    for camera, (true, tracklets, kept_s) in enumerate(cameras):
        delays += kept_s
        rows = []
        for it in tracklets:
            count += 1
            merged += _is_merge(true, it)
            owner = it.owner
            name = -count if owner == NOBODY else int(owner)
            for place, box in zip(it.frames, it.boxes, strict=True):
                left, top, right, bottom = box.tolist()
                rows.append((int(true.sequences[place]) + 1, name, left, top, right, bottom))
            if owner != NOBODY:
                first, last = (int(true.camera_ns[it.frames[place]]) for place in (0, -1))
                visits.setdefault((camera, int(owner)), []).append((first, last))
                of_vehicle.setdefault(int(owner), []).append((first, camera))
        tracks.append(_scored(str(camera), true, rows))
    pieces = stays = 0
    for spans in visits.values():
        spans.sort()
        until = None
        for first, last in spans:
            pieces += 1
            stays += until is None or first - until > VISIT_GAP_S * NS
            until = last if until is None else max(until, last)
    joints = inside = 0
    for seen in of_vehicle.values():
        seen.sort()
        for before, after in pairwise(seen):
            joints += 1
            inside += before[1] == after[1]
    names = np.concatenate([np.array([], np.int64), *(each.run.ids for each in tracks)])
    return StayFigures(
        tracklets=count,
        stays=stays,
        pieces=pieces / max(1, stays),
        joints=joints,
        within=inside / max(1, joints),
        merges=merged / max(1, count),
        ceiling=BoxPairs.of(tracks).score(names).idf1,
        delay_s=(float(np.percentile(delays, 50)), float(np.percentile(delays, 95))),
    )


def _is_merge(true: TrueBoxes, it: Tracklet) -> bool:
    """Test for a tracklet with boxes of a second vehicle; what hardly shows counts for neither."""
    boxes: dict[str, int] = {}
    for place, owner in zip(it.frames, it.owners, strict=True):
        if owner != NOBODY:
            rows = true.rows_of(place)
            visible = true.visible[rows][true.vehicles[rows] == int(owner)]
            boxes[owner] = boxes.get(owner, 0) + int((visible >= MIN_VISIBLE).any())
    return len(boxes) > 1 and sorted(boxes.values())[-2] >= FOREIGN_BOXES


def _scored(name: str, true: TrueBoxes, rows: list[tuple[int, int, float, float, float, float]]) -> CameraTracks:
    everything = TrackedBoxes(true.sequences[true.at] + 1, true.vehicles, true.boxes)
    counts = true.visible >= MIN_VISIBLE
    return CameraTracks.of(
        name, true.sequences + 1, true.camera_ns / NS, everything.select(counts), TrackedBoxes.of(rows),
        everything.select(~counts),
    )  # fmt: skip
