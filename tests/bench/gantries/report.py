"""The tables: each cut, all of them together beside two references, what is lost where, and the calibration."""

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from associate.trajectory import Kind
from deploy.results.journeys import Journeys, journeys_of
from deploy.site.encoders import COLOUR
from embed.settings import SHIPPED
from tests.bench.gantries.calibration import Calibration, Pairs, area, fit, loss, owners, pairs, spread
from tests.bench.gantries.cuts import CUTS, HUMAN, OFFSET_S, clip_path
from tests.bench.gantries.drawn import drawn_offsets, score_at
from tests.bench.gantries.runs import CHANCE, OURS, Method, Passage, associate, perceive, score, tracks
from tests.bench.measure import table
from tests.bench.tracking import DATA, WEIGHTS
from training.scoring.links import LinkScores, Proportion
from training.scoring.tracks import CameraTracks

Seen = tuple[Passage, list[CameraTracks]]
TOSSES = 20
"""Chance is the mean of so many runs."""
DIALS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
OF_LINKS = ["true links", "in view", "proposed", "right", "found", "precision", "recall", "recall in view"]


def main() -> None:
    """Everything that docs/gantries.md shows."""
    os.environ.setdefault("CORRIDOR_WEIGHTS", str(DATA / "weights"))
    missing = [path for path in (WEIGHTS, *(clip_path(cut.clip) for cut in CUTS)) if not path.exists()]
    if missing:
        print(f"skipped: there is no {missing[0]} (set CORRIDOR_DATA or CORRIDOR_WEIGHTS; tests/data/SOURCES.md)")
        return
    passages = [perceive(cut, SHIPPED) for cut in CUTS]
    human = [(it, tracks(it, "human")) for it in passages if it.cut.clip in HUMAN]
    other = [(it, tracks(it, "tracker")) for it in passages if it.cut.clip not in HUMAN]
    again = [(it, tracks(it, "tracker")) for it in passages if it.cut.clip in HUMAN]
    vehicles = len({(it.cut.clip, each) for it, cameras in human + other for each in passing(cameras)})
    print(
        f"\n{len(CUTS)} cuts of {len({cut.clip for cut in CUTS})} clips; {vehicles} vehicles pass one or more of them."
    )
    print("\nEach cut, looks and travel time:\n")
    print_cuts([("human", human), ("tracker", other)])
    print("\nAll cuts, and what a simpler way would have linked:\n")
    print_methods([("human", human), ("tracker", other), ("tracker, human's clips", again), ("both", human + other)])
    print("\nWhere true links are lost:\n")
    print_losses([("human", human), ("tracker", other)])
    print("\nOperating curve (human and tracker truth together):\n")
    print_curve(human + other)
    print("\nRevising for longer (road's windows):\n")
    print_patience(human + other)
    print("\nCameras whose distance nobody has said (5 to 90 s, drawn), and as known in the end:\n")
    print_drawn([("human", human), ("tracker", other), ("both", human + other)])
    print("\nAre probabilities what they say? (links of looks and travel time)\n")
    print_reliability(human + other)
    print(f"\nThe calibration of `{SHIPPED}`:\n")
    print_calibration(human + other)
    print_colour()


def print_colour() -> None:
    """The same roads through the encoder that tells nothing but colours apart."""
    passages = [perceive(cut, COLOUR) for cut in CUTS]
    human = [(it, tracks(it, "human")) for it in passages if it.cut.clip in HUMAN]
    other = [(it, tracks(it, "tracker")) for it in passages if it.cut.clip not in HUMAN]
    print(f"\nAll cuts with `{COLOUR}`:\n")
    print_methods([("human", human), ("tracker", other), ("both", human + other)])
    print(f"\nThe calibration of `{COLOUR}`:\n")
    print_calibration(human + other)


def linked(seen: Iterable[Seen], method: Method, rng: np.random.Generator | None = None) -> LinkScores:
    """The scores of a method over several cuts."""
    return added([score(passage, cameras, associate(passage, method, rng)) for passage, cameras in seen])


def added(scores: Sequence[LinkScores]) -> LinkScores:
    """Several as one."""

    def share(of: Callable[[LinkScores], Proportion]) -> Proportion:
        return Proportion.of(sum(of(each).hits for each in scores), sum(of(each).trials for each in scores))

    return LinkScores(
        precision=share(lambda each: each.precision),
        recall=share(lambda each: each.recall),
        recall_in_view=share(lambda each: each.recall_in_view),
        skipping=sum(each.skipping for each in scores),
        tracklets=sum(each.tracklets for each in scores),
        strays=sum(each.strays for each in scores),
    )


def cells(scores: LinkScores, *, intervals: bool) -> list[str]:
    """The columns `OF_LINKS`."""
    shares = (scores.precision, scores.recall, scores.recall_in_view)
    counts = (scores.recall.trials, scores.recall_in_view.trials, scores.precision.trials)
    printed = [shown(share) if intervals else bare(share) for share in shares]
    return [*map(str, counts), str(scores.precision.hits), str(scores.recall.hits), *printed]


def bare(share: Proportion) -> str:
    return "-" if math.isnan(share.value) else f"{share.value:.2f}"


def shown(share: Proportion) -> str:
    return "-" if math.isnan(share.value) else f"{share.value:.2f} ({share.low:.2f} to {share.high:.2f})"


def print_cuts(groups: Sequence[tuple[str, list[Seen]]]) -> None:
    rows = []
    for truth, seen in groups:
        for passage, cameras in seen:
            cut, scores = passage.cut, score(passage, cameras, associate(passage, OURS))
            look = f"{cut.look.name}, {cut.altered}stream"
            rows.append([truth, cut.clip, cut.name, look, *cells(scores, intervals=False)])
        rows.append([truth, "all", "", "", *cells(linked(seen, OURS), intervals=True)])
    table(["truth", "clip", "cut", "altered", *OF_LINKS], rows)


def print_methods(groups: Sequence[tuple[str, list[Seen]]]) -> None:
    rows = []
    for truth, seen in groups:
        for wide in (False, True):
            window = "wide" if wide else "of the road"
            scores = linked(seen, replace(OURS, wide=wide))
            rows.append([truth, window, OURS.name, *cells(scores, intervals=True)])
            rows.append([truth, window, CHANCE.name, *chance(seen, wide=wide)])
    table(["truth", "travel window", "linked by", *OF_LINKS], rows)


def chance(seen: list[Seen], *, wide: bool) -> list[str]:
    """The columns `OF_LINKS` as means over tosses of the coin."""
    rng = np.random.default_rng(0)
    runs = [linked(seen, replace(CHANCE, wide=wide), rng) for _ in range(TOSSES)]
    proposed, right, found = (
        float(np.mean(counts))
        for counts in zip(*((it.precision.trials, it.precision.hits, it.recall.hits) for it in runs), strict=True)
    )
    true, in_view = runs[0].recall.trials, runs[0].recall_in_view.trials
    counts = [str(true), str(in_view), f"{proposed:.1f}", f"{right:.1f}", f"{found:.1f}"]
    return [
        *counts,
        *(
            f"{part / max(whole, 1):.2f}"
            for part, whole in zip((right, found, found), (proposed, true, in_view), strict=True)
        ),
    ]


LOSSES = (
    "found",
    "no tracklet upstream",
    "no tracklet downstream",
    "travel time outside the window",
    "held to be a new vehicle",
    "linked to another vehicle",
)


def print_losses(groups: Sequence[tuple[str, list[Seen]]]) -> None:
    rows = []
    for truth, seen in groups:
        counts: Counter[str] = Counter()
        tracklets, visits, strays = 0, 0, 0
        for passage, cameras in seen:
            counts.update(fates(passage, cameras, journeys_of(associate(passage, OURS))))
            of = [owners(camera) for camera in cameras]
            tracklets += sum(len(set(camera.run.ids.tolist())) for camera in cameras)
            strays += sum(len(set(camera.run.ids.tolist())) - len(own) for camera, own in zip(cameras, of, strict=True))
            visits += sum(len(set(own.values())) for own in of)
        extra = f"{(tracklets - strays) / max(visits, 1):.2f}"
        rows.append([truth, *(str(counts[name]) for name in LOSSES), str(tracklets), str(strays), extra])
    table(["truth", *LOSSES, "tracklets", "strays", "tracklets a vehicle and view"], rows)


def passing(cameras: Sequence[CameraTracks]) -> list[int]:
    """The vehicles that both sides see."""
    up, down = cameras
    return sorted(set(up.truth.ids.tolist()) & set(down.truth.ids.tolist()))


def fates(passage: Passage, cameras: Sequence[CameraTracks], journeys: Journeys) -> Iterable[str]:
    """What became of each true link: one of LOSSES."""
    printed = {passage.number_of[it.tracklet]: it for it in passage.closed}
    of_up, of_down = ({k: v for k, v in owners(camera).items() if k in printed} for camera in cameras)
    identity_of = {passage.number_of[each]: name for each, name in journeys.identity_of.items()}
    ups_of = Counter(name for number, name in identity_of.items() if printed[number].camera == "up")
    window = passage.config.associate.travel[0]
    for vehicle in passing(cameras):
        before = [number for number, owner in of_up.items() if owner == vehicle]
        after = [number for number, owner in of_down.items() if owner == vehicle]
        times_s = [(printed[b].first_ns - printed[a].last_ns) / 1e9 for a in before for b in after]
        if not before or not after:
            yield "no tracklet downstream" if before else "no tracklet upstream"
        elif any(identity_of[a] == identity_of[b] for a in before for b in after):
            yield "found"
        elif not any(window.min_s <= time_s <= window.max_s for time_s in times_s):
            yield "travel time outside the window"
        elif any(ups_of[identity_of[b]] for b in after):
            yield "linked to another vehicle"
        else:
            yield "held to be a new vehicle"


def print_curve(seen: list[Seen]) -> None:
    rows = []
    for dial in DIALS:
        for wide in (False, True):
            scores = linked(seen, replace(OURS, min_probability=dial, wide=wide))
            window = "wide" if wide else "of the road"
            rows.append([f"{dial:g}", window, *cells(scores, intervals=True)])
    rows.sort(key=lambda row: row[1])
    table(["min_probability", "travel window", *OF_LINKS], rows)


def print_patience(seen: list[Seen]) -> None:
    rows = []
    for lag_s in (0.0, 5.0, 15.0, OFFSET_S):  # with the last one a whole side is decided at once
        scores = linked(seen, replace(OURS, lag_s=lag_s))
        rows.append([f"{lag_s:g}", *cells(scores, intervals=True)])
    table(["lag_s", *OF_LINKS], rows)


def print_drawn(groups: Sequence[tuple[str, list[Seen]]]) -> None:
    rows = []
    for truth, seen in groups:
        for name, windows in (("no windows", False), ("of the road", True)):
            scores = [
                score_at(passage, cameras, offset_s, windows=windows)
                for passage, cameras in seen
                for offset_s in drawn_offsets(CUTS.index(passage.cut))
            ]
            rows.append([truth, name, *cells(added(scores), intervals=True)])
    table(["truth", "travel window", *OF_LINKS], rows)


def print_reliability(seen: list[Seen]) -> None:
    edges = (0.0, 0.5, 0.7, 0.85, 0.95, 1.0 + 1e-9)
    printed = [link for passage, cameras in seen for link in probabilities(passage, cameras)]
    rows = []
    for low, high in pairwise(edges):
        here = [(probability, *ends) for probability, *ends in printed if low <= probability < high]
        mean = f"{np.mean([probability for probability, *_ in here]):.2f}" if here else "-"
        rights = [one is not None and one == other for _, one, other in here]
        known = [one == other for _, one, other in here if one is not None and other is not None]
        shares = [shown(Proportion.of(sum(each), len(each))) for each in (rights, known)]
        rows.append([f"{low:g} to {min(high, 1):g}", str(len(here)), mean, shares[0], str(len(known)), shares[1]])
    table(["probability", "links", "its mean", "right", "of which both ends follow a true vehicle", "right"], rows)


def probabilities(passage: Passage, cameras: Sequence[CameraTracks]) -> Iterable[tuple[float, int | None, int | None]]:
    """Of each link that stands in the end: the probability by its evidence, and the true vehicles at its two ends."""
    owner = {number: vehicle for camera in cameras for number, vehicle in owners(camera).items()}
    scored = {number for camera in cameras for number in camera.run.ids.tolist()}
    for event in associate(passage, OURS):
        ends = [passage.number_of[visit.observation.rpartition("|")[0]] for visit in event.visits]
        if event.kind is Kind.EXTENDED and event.settled and event.evidence is not None and scored.issuperset(ends):
            yield event.evidence.probability, owner.get(ends[-2]), owner.get(ends[-1])


def print_calibration(seen: list[Seen]) -> None:
    found = pairs(seen)
    whole, fits = fit(found.cosine, found.same), spread(found, np.random.default_rng(0))
    rows = []
    for clip in [*dict.fromkeys(found.clip.tolist()), "all"]:
        here = found if clip == "all" else found.select(found.clip == clip)
        rest = found if clip == "all" else found.select(found.clip != clip)
        if here.same.any():
            rows.append([clip, *of_pairs(here), *of_fit(fit(rest.cosine, rest.same), here)])
    names = ["clip", "same", "different", "cosine same", "cosine different", "ROC area"]
    table([*names, "midpoint", "slope", "loss"], rows)
    ends = [np.percentile([getattr(each, name) for each in fits], (2.5, 97.5)) for name in ("midpoint", "slope")]
    print(
        f"\nAll pairs: midpoint {whole.midpoint:.3f} ({ends[0][0]:.3f} to {ends[0][1]:.3f}), "
        f"slope {whole.slope:.2f} ({ends[1][0]:.2f} to {ends[1][1]:.2f}), vehicles drawn again 200 times. "
        "In a clip's row the fit is that of the other clips. Loss: mean cross entropy of both classes in nats; saying "
        "nothing costs 0.693."
    )


def of_pairs(here: Pairs) -> list[str]:
    """How many pairs there are, how alike they look, and how well that tells them apart."""
    same, different = here.cosine[here.same], here.cosine[~here.same]
    printed = [f"{part.mean():.2f} ± {part.std():.2f}" for part in (same, different)]
    return [str(len(same)), str(len(different)), *printed, f"{area(here.cosine, here.same):.2f}"]


def of_fit(read: Calibration, here: Pairs) -> list[str]:
    return [f"{read.midpoint:.3f}", f"{read.slope:.2f}", f"{loss(read, here.cosine, here.same):.3f}"]
