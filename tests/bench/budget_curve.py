"""`python -m tests.bench budget_curve`: how many tracklets are kept at how few calls of an expensive detector.

`crossroad-1016` is in the role of the expensive detector and `pvb-2000` in that of the cheap one. Every way of spending
calls sees the same frames of six real clips, and its boxes go through the tracker of the stream.

- A tracklet is what the stream would speak of: a track that lasts `open_after_s` or longer.
- The reference is the expensive detector on every frame. One of its tracklets is *kept* by a tracklet of the run that
  lies on it (IoU .5 or more) in at least half of its frames; a tracklet of the run keeps one at most (the assignment
  that keeps most).
- A tracklet of the run is *spurious* if there is no reference tracklet that it lies on in half of its own frames. These
  are not false alarms for certain: the reference misses vehicles too. Its own spread is told beside it: the expensive
  detector on every frame, each one frame of the recording later.

`budget`: detect.key_frames.budget. `stride, carried`: key frames at a fixed distance, between them the same
propagation and cheap detector, so that the gain of choosing frames is kept apart from that of propagation. `stride,
flow only`: the same without the cheap detector. `stride, bare`: a fixed stride and nothing between.

The rules of the budget come from what was lost on TUNED. The others are not untouched either: variants were compared on
the sum of all six. Read the figures as in-sample.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from detect.boxes import areas
from detect.detections import Boxes, Detections
from detect.key_frames.box_propagation import BoxPropagator
from detect.key_frames.budget import BudgetedDetector
from detect.key_frames.median_flow import to_grayscale
from detect.networks import NETWORKS
from detect.registry import open_network
from detect.tracking import Tracker
from embed.settings import EmbedSettings
from ingest.clock import NS, ManualClock
from ingest.frame import Frame
from ingest.video import RecordedVideo
from tests.bench.detectors import weights_of
from tests.bench.measure import table
from tests.bench.tracking import CACHE, DATA, ROOT, analysed

TUNED = ("jamcam_06514", "jamcam_03604", "jamcam_08926", "highway_960x540")
OTHERS = ("overhead_640x360", "carpark_768x432")
EXPENSIVE, CHEAP = "crossroad-1016", "pvb-2000"
# By rate, the first of each at about a tenth of the calls.
CALLS_PER_S = {"8": (0.72, 1.4, 0.4, 2.2), "native": (2.2, 1.0)}
STRIDES = {"8": (10, 5, 20, 3), "native": (10, 25)}
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
"""Okabe and Ito 2008."""

Tracklets = dict[int, dict[int, NDArray[np.float32]]]
"""By track: its box by frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """The frames of a clip that are analysed, by their number in it, and what each detector finds in all of them."""

    name: str
    frames: list[Frame]
    chosen: list[int]
    rate_fps: float
    expensive: list[Detections]
    cheap: list[Detections]


Spend = Callable[[Footage], tuple[dict[int, Detections], int]]
"""A way of spending calls: what is found in each analysed frame, and how many calls it took."""


def load(name: str, rate_fps: float | None) -> Footage:
    """A clip at a rate, or at its own where that is None."""
    frames = list(RecordedVideo(DATA / "video" / f"{name}.mp4", name).frames())
    times_ns = [frame.captured_ns for frame in frames]
    own_fps = (len(frames) - 1) * NS / (times_ns[-1] - times_ns[0])
    chosen = list(range(len(frames))) if rate_fps is None else analysed(times_ns, rate_fps)
    found = [_found(name, network, frames) for network in (EXPENSIVE, CHEAP)]
    return Footage(name, frames, chosen, rate_fps or own_fps, *found)


def _found(name: str, network: str, frames: list[Frame]) -> list[Detections]:
    """What a network finds in every frame, from the cache where it has seen the same file."""
    weights = weights_of(network)
    seen = hashlib.sha256(b"".join(path.read_bytes() for path in (DATA / "video" / f"{name}.mp4", weights)))
    cached = CACHE / f"budget-{name}-{network}-{seen.hexdigest()[:12]}.npz"
    if not cached.exists():
        detector = open_network(network, weights)
        found = [detector(frame) for frame in frames]
        cached.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            cached,
            frames=np.repeat(np.arange(len(found)), [len(each) for each in found]),
            boxes=np.concatenate([each.boxes for each in found]),
            scores=np.concatenate([each.scores for each in found]),
        )
    with np.load(cached) as stored:
        numbers, boxes, scores = stored["frames"], stored["boxes"], stored["scores"]
    return [Detections.of(boxes[numbers == index], scores[numbers == index]) for index in range(len(frames))]


def budget(calls_per_s: float) -> Spend:
    """The budget, as it is wired."""

    def spend(it: Footage) -> tuple[dict[int, Detections], int]:
        budgeted = BudgetedDetector(
            lambda frames: [it.expensive[frame.sequence] for frame in frames],
            lambda frame: it.cheap[frame.sequence],
            clock=ManualClock(),
            max_calls_per_s=calls_per_s,
            start_score=NETWORKS[EXPENSIVE].start_score,
            cheap_start_score=NETWORKS[CHEAP].start_score,
        )
        found = {index: budgeted([it.frames[index]])[0] for index in it.chosen}
        return found, budgeted.counts(it.name).key_frames

    return spend


def stride(every: int, between: str) -> Spend:
    """One frame in so many; `between` them: `carried`, `flow` only, or nothing (`bare`)."""

    def spend(it: Footage) -> tuple[dict[int, Detections], int]:
        scores = NETWORKS[EXPENSIVE].start_score, NETWORKS[CHEAP].start_score
        propagator = BoxPropagator(it.frames[0].size, start_score=scores[0], cheap_start_score=scores[1])
        found, before, nothing = {}, None, Detections.none()
        for turn, index in enumerate(it.chosen):
            key = turn % every == 0
            if between == "bare":
                found[index] = it.expensive[index] if key else nothing
                continue
            gray, cheap = to_grayscale(it.frames[index].image), it.cheap[index] if between == "carried" else nothing
            if before is not None:
                propagator.propagate(before, gray)
            propagator.update(cheap)
            if key:
                propagator.reset(it.expensive[index], cheap)
            found[index], before = propagator.detections(), gray
        return found, -(-len(it.chosen) // every)

    return spend


def every_frame(it: Footage) -> Tracklets:
    """The reference."""
    return tracklets(it, {index: it.expensive[index] for index in it.chosen})


def a_frame_later(it: Footage) -> Tracklets:
    """What the expensive detector gives on every frame, each one frame of the recording later."""
    moved = {index: it.expensive[min(index + 1, len(it.frames) - 1)] for index in it.chosen}
    return tracklets(it, moved)


def tracklets(it: Footage, found: dict[int, Detections]) -> Tracklets:
    """What the stream would speak of."""
    tracker = Tracker(start_score=NETWORKS[EXPENSIVE].start_score)
    run_tracklets: Tracklets = {}
    for index in it.chosen:
        seen = tracker(it.frames[index], found[index])
        for track, box in zip(seen.track_ids.tolist(), seen.boxes, strict=True):
            run_tracklets.setdefault(track, {})[index] = box
    open_after_ns = EmbedSettings().open_after_s * NS
    return {
        track: boxes
        for track, boxes in run_tracklets.items()
        if it.frames[max(boxes)].captured_ns - it.frames[min(boxes)].captured_ns >= open_after_ns
    }


@dataclass(frozen=True, slots=True)
class Kept:
    """Counts over some clips: tracklets of the reference and those kept, of the run and those spurious; calls."""

    reference: int = 0
    kept: int = 0
    run: int = 0
    spurious: int = 0
    calls: int = 0
    frames: int = 0

    def __add__(self, other: "Kept") -> "Kept":
        return Kept(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def recall(self) -> float:
        return self.kept / self.reference

    @property
    def cost(self) -> float:
        return self.calls / self.frames


def compare(reference: Tracklets, run: Tracklets, *, calls: int, frames: int) -> Kept:
    """How much of the reference a run keeps."""
    shared = np.array([[_together(one, other) for other in run.values()] for one in reference.values()])
    shared = shared.reshape(len(reference), len(run))
    lengths = np.array([len(boxes) for boxes in reference.values()])
    own = np.array([len(boxes) for boxes in run.values()])
    keeps = shared >= 0.5 * lengths[:, None]
    rows, columns = linear_sum_assignment(-keeps.astype(np.int64))
    spurious = (shared.max(axis=0, initial=0) < 0.5 * own).sum()
    return Kept(len(reference), int(keeps[rows, columns].sum()), len(run), int(spurious), calls, frames)


def _together(one: dict[int, NDArray[np.float32]], other: dict[int, NDArray[np.float32]]) -> int:
    """In how many frames the boxes of two tracklets lie on each other."""
    common = sorted(one.keys() & other.keys())
    if not common:
        return 0
    left: Boxes = np.stack([one[index] for index in common])
    right: Boxes = np.stack([other[index] for index in common])
    sides = np.minimum(left[:, 2:], right[:, 2:]) - np.maximum(left[:, :2], right[:, :2])
    overlap = np.maximum(sides, 0).prod(axis=1)
    return int((overlap >= 0.5 * (areas(left) + areas(right) - overlap)).sum())


@dataclass(frozen=True, slots=True)
class Point:
    """One way of spending at one rate: how it went on the tuned and on the other clips."""

    rate: str
    way: str
    tuned: Kept
    others: Kept

    @property
    def both(self) -> Kept:
        return self.tuned + self.others


def measure(rate: str) -> Iterator[Point]:
    """All ways at a rate, `8` or `native`, as they are done."""
    footage = {name: load(name, 8.0 if rate == "8" else None) for name in TUNED + OTHERS}
    reference = {name: every_frame(it) for name, it in footage.items()}

    def total(names: Sequence[str], run_tracklets: Callable[[Footage], tuple[Tracklets, int]]) -> Kept:
        sum_of = Kept()
        for name in names:
            run, calls = run_tracklets(footage[name])
            sum_of += compare(reference[name], run, calls=calls, frames=len(footage[name].chosen))
        return sum_of

    def point(way: str, run_tracklets: Callable[[Footage], tuple[Tracklets, int]]) -> Point:
        return Point(rate, way, total(TUNED, run_tracklets), total(OTHERS, run_tracklets))

    def spending(spend: Spend) -> Callable[[Footage], tuple[Tracklets, int]]:
        def run_tracklets(it: Footage) -> tuple[Tracklets, int]:
            found, calls = spend(it)
            return tracklets(it, found), calls

        return run_tracklets

    for calls_per_s, every in zip(CALLS_PER_S[rate], STRIDES[rate], strict=True):
        yield point("budget", spending(budget(calls_per_s)))
        for way, between in (("stride, carried", "carried"), ("stride, flow only", "flow"), ("stride, bare", "bare")):
            yield point(way, spending(stride(every, between)))
    if rate == "8":
        yield point("every frame, a frame later", lambda it: (a_frame_later(it), len(it.chosen)))


def row(it: Point) -> list[str]:
    """One line of the table."""
    both = it.both
    shares = [f"{each.kept}/{each.reference} = {each.recall:.3f}" for each in (both, it.tuned, it.others)]
    calls = f"{both.calls}/{both.frames} = {both.cost:.3f}"
    return [it.rate, it.way, calls, *shares, f"{both.spurious}/{both.run}"]


def draw(points: Sequence[Point], path: Path) -> None:
    """Calls against recall, one panel a rate."""
    rates = list(dict.fromkeys(it.rate for it in points))
    figure = Figure(figsize=(5.6 * len(rates), 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    styles = {
        "budget": ("o-", BLUE),
        "stride, carried": ("s--", ORANGE),
        "stride, flow only": ("^-.", GREEN),
        "stride, bare": ("x:", GREY),
    }
    for axes, rate in zip(figure.subplots(1, len(rates), squeeze=False)[0], rates, strict=True):
        for way, (style, colour) in styles.items():
            line = sorted((it.both.cost, it.both.recall) for it in points if it.rate == rate and it.way == way)
            axes.plot([x for x, _ in line], [y for _, y in line], style, color=colour, label=way, markersize=6)
        axes.axhline(0.95, color=GREY, linewidth=0.8)
        axes.axvline(0.1, color=GREY, linewidth=0.8)
        axes.set_xlim(left=0)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("calls of the expensive detector, share of the frames")
        axes.set_ylabel("tracklets kept")
        axes.set_title(f"{rate} frames/s" if rate == "8" else "every frame of the clips", loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.legend(frameon=False, fontsize=9, loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> None:
    """The table, and the figure below runs/bench."""
    missing = [weights_of(name) for name in (EXPENSIVE, CHEAP) if not weights_of(name).exists()]
    if missing:
        print(f"skipped: there is no {missing[0]} (corridor weights pull)")
        return
    cv2.setNumThreads(1)
    table(["frames/s", "way", "calls", "kept", "kept, tuned clips", "kept, other clips", "spurious"], [])
    points: list[Point] = []
    for rate in CALLS_PER_S:
        for point in measure(rate):
            print(f"| {' | '.join(row(point))} |", flush=True)  # some take minutes
            points.append(point)
    path = ROOT / "runs" / "bench" / "budget.png"
    draw(points, path)
    print(f"\nfigure: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
