"""What reports should say of a city with truth: passages between cameras, journeys, stays."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from training.scoring.sightings import Sighting, Sightings

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Passages:
    """Passages between two cameras, seconds: when the first view was left, and how long until the second was entered.

    by_pair: of every ordered pair of cameras. journeys: vehicles by the first and last camera. stays: visits by camera.
    """

    by_pair: dict[Pair, list[tuple[float, float]]]
    journeys: Counter[Pair]
    stays: Counter[str]


def passages_of(visits: Iterable[Sighting]) -> Passages:
    """The passages of vehicles, each the owner of its visits."""
    of_vehicle: dict[int, list[Sighting]] = defaultdict(list)
    for visit in sorted(visits, key=lambda visit: visit.begins_s):
        of_vehicle[visit.owner].append(visit)
    by_pair: dict[Pair, list[tuple[float, float]]] = defaultdict(list)
    journeys, stays = Counter[Pair](), Counter[str]()
    for own in of_vehicle.values():
        journeys[own[0].camera, own[-1].camera] += 1
        stays.update(each.camera for each in own)
        for one, two in pairwise(own):
            if one.camera != two.camera:
                by_pair[one.camera, two.camera].append((one.ends_s, two.begins_s - one.ends_s))
    return Passages(by_pair, journeys, stays)


def rightly_linked(sightings: Sightings) -> list[Sighting]:
    """The visits of which there is a tracklet, with the times of their tracklets: what the best association has."""
    times_s: dict[int, tuple[float, float]] = {}
    for tracklet, visit in sightings.visit_of.items():
        if visit is not None:
            seen = sightings.tracklets[tracklet]
            begins_s, ends_s = times_s.get(visit, (seen.begins_s, seen.ends_s))
            times_s[visit] = min(begins_s, seen.begins_s), max(ends_s, seen.ends_s)
    return [
        Sighting(sightings.visits[visit].owner, sightings.visits[visit].camera, *times)
        for visit, times in times_s.items()
    ]
