"""The clustering baseline on the tracklets of a run, beside the run's own scores."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.scoring.clustering import Dendrogram, Tracklets, Windows, cluster
from training.scoring.comparison import Comparison
from training.scoring.links import LinkScores
from training.scoring.sightings import Sighting, Sightings
from training.scoring.tracking import TrackScores
from training.scoring.tracks import Ints

SWEEP = tuple(round(0.02 * step, 2) for step in range(50))
"""Similarity floors that a sweep tries: 0 to .98."""
SLACK_S = 2.0
"""Windows from the truth are this much wider on both sides: a tracklet begins later and ends earlier than a visit."""


@dataclass(frozen=True, slots=True, eq=False)
class BaselineInput:
    """Input of the baseline.

    numbers: (N,) ids of the tracklets, as in the run's boxes. camera_names: by the number that `tracklets` has for a
    camera. windows: None takes them from the truth. floor: None leaves that row out. sweep: look for the best floor.
    """

    numbers: Ints
    tracklets: Tracklets
    camera_names: Sequence[str]
    windows: Windows | None
    floor: float | None
    sweep: bool


@dataclass(frozen=True, slots=True)
class BaselineScores:
    """name: `clustering`, or `clustering, best floor`, whose floor was chosen by the truth. Otherwise as the run's."""

    name: str
    floor: float
    together: TrackScores
    links: LinkScores


def score_baseline(comparison: Comparison, given: BaselineInput) -> list[BaselineScores]:
    """The clustering at the given floor, and at the best one if that is asked for."""
    windows = given.windows or windows_of_truth(comparison.sightings, given.camera_names)
    floors = [("clustering", given.floor)] if given.floor is not None else []
    lowest = min([floor for _, floor in floors] + ([SWEEP[0]] if given.sweep else []), default=1.0)
    tree = cluster(given.tracklets, windows, lowest)
    if given.sweep:
        floors.append(("clustering, best floor", best_floor(comparison, given.numbers, tree)))
    return [
        BaselineScores(name, floor, *comparison.score(_identities(given.numbers, tree, floor)))
        for name, floor in floors
    ]


def best_floor(comparison: Comparison, numbers: Ints, tree: Dendrogram) -> float:
    """The floor of the sweep with the highest IDF1, the lowest of equals: the truth chooses, so it is a bound."""
    found = [comparison.pairs.score(comparison.names(_identities(numbers, tree, floor))).idf1 for floor in SWEEP]
    return SWEEP[int(np.argmax(found))]


def _identities(numbers: Ints, tree: Dendrogram, floor: float) -> dict[int, int]:
    return dict(zip(numbers.tolist(), tree.cut(floor).tolist(), strict=True))


def windows_of_truth(sightings: Sightings, camera_names: Sequence[str]) -> Windows:
    """Windows from the shortest to the longest time of any vehicle between two cameras, and `SLACK_S` more.

    Between any two visits of a vehicle, not only consecutive ones, because all pairs of a cluster have to fit. Pairs
    of cameras that no vehicle connects are closed; a camera is open to itself from 0 s on, for tracks that broke.
    """
    camera_of = {name: number for number, name in enumerate(camera_names)}
    of_vehicle: dict[int, list[Sighting]] = defaultdict(list)
    for visit in sorted(sightings.visits, key=lambda visit: visit.begins_s):
        of_vehicle[visit.owner].append(visit)
    times_s: dict[tuple[int, int], list[float]] = defaultdict(list)
    for visits in of_vehicle.values():
        for place, later in enumerate(visits):
            for before in visits[:place]:
                pair = camera_of[before.camera], camera_of[later.camera]
                times_s[pair].append(later.begins_s - before.ends_s)
    listed = {pair: (min(each) - SLACK_S, max(each) + SLACK_S) for pair, each in times_s.items()}
    for camera in range(len(camera_names)):
        listed[camera, camera] = 0.0, listed.get((camera, camera), (0.0, SLACK_S))[1]
    return Windows.of(len(camera_names), listed, None)
