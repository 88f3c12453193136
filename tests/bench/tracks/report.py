"""The tables of `python -m tests.bench tracking`: detectors and thresholds left out, rates, recall, stays, time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product

import numpy as np

from detect.boxes import iou
from detect.networks import NETWORKS
from detect.settings import DetectSettings
from detect.tracking import RULES, Tracker
from tests.bench.measure import table
from tests.bench.tracks.left_out import (
    RATE_FPS,
    VehicleScores,
    bootstrap,
    by_source,
    choose,
    left_out_choices,
    scored,
)
from tests.bench.tracks.rivals import LIBRARY, Follow, of_library, ours
from tests.bench.tracks.sources import ALTERED, View, detect, joined, load_views, makers, weights_of
from training.scoring.tracking import score_tracks

RATES = (25.0, 12.5, 8.0, 3.0)
GRIDS = {
    "crossroad-1016": ((0.3, 0.4, 0.5, 0.6, 0.7), (0.15, 0.2, 0.25)),
    "pvb-2004": ((0.25, 0.3, 0.35), (0.15, 0.2, 0.25)),
    "pvb-2001": ((0.3, 0.4, 0.5, 0.6, 0.7), (0.1, 0.15, 0.2, 0.3)),
    "pvb-2000": ((0.2, 0.3, 0.4, 0.5, 0.6), (0.05, 0.1, 0.15, 0.2)),
    "yolox-nano": ((0.15, 0.2, 0.3, 0.4, 0.5), (0.05, 0.1, 0.15, 0.2)),
}
"""Start scores and least scores to choose from."""
PAIR = ("pvb-2004", "crossroad-1016")
"""Both at once: what the second sees where the first sees nothing, at the settings of the first."""
LEAST = (0.15, 0.3, 0.5)
"""Least scores to choose from for the library's trackers."""
HEIGHTS_PX = (0, 16, 32, 64, 80, 10_000)


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """A tracker with a detector: by view, its scores with the setting that the other sources chose.

    of_all: the setting that all sources choose together.
    """

    name: str
    views: Sequence[View]
    follows: Sequence[Follow]
    runs: Sequence[VehicleScores]
    settings: dict[str, str]
    of_all: str

    @property
    def idf1(self) -> dict[str, float]:
        """Left-out IDF1 by source."""
        return by_source(self.views, [run.idf1() for run in self.runs])

    @property
    def mean(self) -> float:
        """Mean of the sources."""
        return float(np.mean(list(self.idf1.values())))


def chosen(name: str, views: Sequence[View], settings: dict[str, Follow]) -> Chosen:
    """Run every setting on every view, and keep for each source what the others choose."""
    runs = {setting: [scored(view, follow) for view in views] for setting, follow in settings.items()}
    means = {setting: by_source(views, [run.idf1() for run in each]) for setting, each in runs.items()}
    choices = left_out_choices(means)
    return Chosen(
        name,
        views,
        [settings[choices[view.source]] for view in views],
        [runs[choices[view.source]][row] for row, view in enumerate(views)],
        choices,
        choose(means, None),
    )


def our_settings(network: str) -> dict[str, Follow]:
    """Ours with each start score and least score of a network."""
    starts, least = GRIDS[network]
    lost_after_s, return_within_s = DetectSettings().patience_s
    return {
        f"{start:g}/{low:g}": ours(
            partial(Tracker, lost_after_s=lost_after_s, return_within_s=return_within_s, start_score=start), low
        )
        for start, low in product(starts, least)
    }


def library_settings(name: str) -> dict[str, Follow]:
    """A tracker of the library with each least score."""
    return {f"{low:g}": of_library(name, low) for low in LEAST}


def networks() -> list[str]:
    """The networks whose weights are there."""
    found = [name for name in NETWORKS if weights_of(name).exists()]
    for name in NETWORKS:
        if name not in found:
            print(f"{name} was left out: there is no {weights_of(name)} (corridor weights pull {name})")
    return found


def main() -> None:
    """Print all tables."""
    names = networks()
    for view, (_, frames) in makers().items():
        detect(names, view, frames())
    best = _detectors(names)
    rivals = _rivals(best)
    _rates(best, rivals)
    _recall(best)
    _time(best)


def _detectors(names: Sequence[str]) -> Chosen:
    """Ours with every detector; returns the best."""
    print(f"\nOurs, by detector: IDF1 at {RATE_FPS:g} frames/s on sources left out of the choice of its scores:\n")
    views = {name: load_views(name) for name in names}
    found = [chosen(name, views[name], our_settings(name)) for name in names]
    if set(PAIR) <= set(names):
        both = joined({name: views[name] for name in PAIR})
        _print([*found, chosen(" + ".join(PAIR), both, our_settings(PAIR[0]))])
    else:
        _print(found)
    return max(found, key=lambda each: each.mean)


def _rivals(best: Chosen) -> list[Chosen]:
    """The library's trackers on the same detections, their least score chosen likewise."""
    print(f"\nTrackers on the detections of {best.name}, likewise; the difference with a bootstrap over vehicles:\n")
    found = [chosen(name, best.views, library_settings(name)) for name in LIBRARY]
    _print([best, *found])
    for each in found:
        mean, low, high = bootstrap(best.views, best.runs, each.runs)
        print(f"ours - {each.name}: {mean:+.3f} ({low:+.3f} to {high:+.3f})")
    return found


def _print(found: Sequence[Chosen]) -> None:
    sources = list(found[0].idf1)
    rows = [
        [
            each.name,
            *(f"{each.idf1[source]:.3f}" for source in sources),
            f"{each.mean:.3f}",
            _settings(each),
            each.of_all,
        ]
        for each in found
    ]
    table(["", *sources, "mean", "start/least score chosen", "by all"], rows)


def _settings(each: Chosen) -> str:
    counts = {name: list(each.settings.values()).count(name) for name in each.settings.values()}
    return ", ".join(f"{name} ({count})" for name, count in counts.items())


def _rates(best: Chosen, rivals: Sequence[Chosen]) -> None:
    """IDF1, HOTA and switches by rate, with the settings of the sources left out, where nothing is altered."""
    print("\nBy rate, means over sources without altered versions, with the same settings:\n")
    rows = []
    for rate_fps, each in product(RATES, [best, *rivals]):
        rows.append([f"{rate_fps:g}", "ours" if each is best else each.name, *at_rate(each, rate_fps)])
    table(["frames/s", "tracker", "IDF1", "HOTA", "switches"], rows)


def at_rate(each: Chosen, rate_fps: float) -> list[str]:
    """IDF1, HOTA and switches on the unaltered views."""
    views, values = [], []
    for view, follow in zip(each.views, each.follows, strict=True):
        if not any(view.name.endswith(f" {alter}") for alter in ALTERED if alter):
            frames = view.analysed(rate_fps)
            views.append(view)
            values.append(score_tracks([view.compared(frames, follow(view, frames))]))
    idf1, hota = (
        np.mean(list(by_source(views, column).values()))
        for column in ([it.idf1 for it in values], [it.hota for it in values])
    )
    return [f"{idf1:.3f}", f"{hota:.3f}", str(sum(it.id_switches for it in values))]


def _recall(best: Chosen) -> None:
    """Recall of tracked boxes by height of the true one: the default, and what was the default before."""
    print("\nRecall of the tracked boxes by height of the vehicle, px (number of true boxes):\n")
    columns = [f"{low} to {high}" if high < 10_000 else f"{low} and more" for low, high in _spans()]
    rows = []
    for name, views, follows in (
        (f"ours, {best.name}", best.views, best.follows),
        ("BoT-SORT, crossroad-1016 at .15", load_views("crossroad-1016"), None),
    ):
        hits: dict[int, list[bool]] = {}
        for place, view in enumerate(views):
            follow = follows[place] if follows is not None else of_library("BoT-SORT", 0.15)
            _add_hits(view, follow, hits)
        rows.append([name, *(f"{np.mean(hits.get(row, [False])):.2f} ({len(hits.get(row, []))})" for row in range(5))])
    table(["", *columns], rows)


def _spans() -> list[tuple[int, int]]:
    return list(pairwise(HEIGHTS_PX))


def _add_hits(view: View, follow: Follow, hits: dict[int, list[bool]]) -> None:
    frames = view.analysed(RATE_FPS)
    tracks = view.compared(frames, follow(view, frames))
    for true_at, run_at, _ in tracks.pairs():
        boxes = tracks.truth.boxes[true_at]
        near = iou(boxes, tracks.run.boxes[run_at])
        for box, found in zip(boxes, near.max(axis=1, initial=0.0) >= 0.5, strict=True):
            row = int(np.searchsorted(HEIGHTS_PX, box[3] - box[1], side="right")) - 1
            hits.setdefault(row, []).append(bool(found))


def _time(best: Chosen) -> None:
    """Processor time of a tracked frame, without detection."""
    print("\nTracking alone, processor time a frame:\n")
    rows = []
    ways: dict[str, Callable[[View], Follow]] = {"ours": lambda _: best.follows[0]}
    ways |= {name: partial(lambda least, _: of_library(least, 0.15), name) for name in LIBRARY}
    for name, way in ways.items():
        began_s, count = time.process_time(), 0
        for view in best.views:
            frames = view.analysed(RATE_FPS)
            way(view)(view, frames)
            count += len(frames)
        rows.append([name, f"{1000 * (time.process_time() - began_s) / count:.2f} ms"])
    table(["tracker", "a frame"], rows)


__all__ = ["RULES", "main"]
