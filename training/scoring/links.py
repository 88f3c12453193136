"""Links between cameras: the share that is right, and of the true ones that was found; see docs/scores.md."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from training.scoring.sightings import Sighting, Sightings, sightings_of
from training.scoring.tracks import VISIT_GAP_S, CameraTracks

_Z_95 = 1.959963984540054
"""The 97.5th percentile of the standard normal: two-sided intervals of 95 %."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """`hits` of `trials` with Wilson's interval [low, high] at 95 %; a share of nothing is NaN in [0, 1]."""

    hits: int
    trials: int
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, trials: int) -> Self:
        return cls(hits, trials, hits / trials if trials else math.nan, *wilson(hits, trials))


@dataclass(frozen=True, slots=True)
class LinkScores:
    """Links of a run against true links.

    precision: right links of all links of the run. recall: found links of all true links. recall_in_view: found links
    of those true links at both of whose ends a tracklet follows the vehicle: what is missing there was lost by
    association, the rest by perception. skipping: right links that leave out a sighting in between, so that they find
    no true link. tracklets: of the run, on the scored frames; strays: those of them that follow no vehicle.
    """

    precision: Proportion
    recall: Proportion
    recall_in_view: Proportion
    skipping: int
    tracklets: int
    strays: int


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22, p. 209); (0, 1) without a trial."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = hits / trials, _Z_95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    reach = _Z_95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    # At its ends the interval is exact; there the arithmetic is not.
    return (0.0 if hits == 0 else middle - reach), (1.0 if hits == trials else middle + reach)


def score_links(
    cameras: Sequence[CameraTracks], identity_of: Mapping[int, int], *, visit_gap_s: float = VISIT_GAP_S
) -> LinkScores:
    """Compare the links of a run with the true ones; as `links_of`, from what `sightings_of` takes."""
    return links_of(sightings_of(cameras, visit_gap_s=visit_gap_s), identity_of)


def links_of(sightings: Sightings, identity_of: Mapping[int, int]) -> LinkScores:
    """Compare the links of a run with the true ones.

    `identity_of` says which identity a tracklet belongs to; it lacks those that belong to none.
    """
    visits, visit_of = sightings.visits, sightings.visit_of
    # Step 1: true links between visits, links of the run between tracklets
    true_links = {_unordered(one, two) for one, two in _links((it.owner, it, at) for at, it in enumerate(visits))}
    run_links = _links((identity_of[at], it, at) for at, it in sightings.tracklets.items() if at in identity_of)
    right = []
    # Step 2: a link is right where both tracklets follow the same vehicle
    for before, after in ((visit_of[first], visit_of[second]) for first, second in run_links):
        if before is not None and after is not None and visits[before].owner == visits[after].owner:
            right.append(_unordered(before, after))
    # Step 3: true links that were found, and those that could have been
    found = true_links & set(right)
    seen = set(visit_of.values())
    return LinkScores(
        precision=Proportion.of(len(right), len(run_links)),
        recall=Proportion.of(len(found), len(true_links)),
        recall_in_view=Proportion.of(len(found), sum(link[0] in seen and link[1] in seen for link in true_links)),
        skipping=sum(link not in true_links for link in right),
        tracklets=len(visit_of),
        strays=sum(visit is None for visit in visit_of.values()),
    )


def _unordered(one: int, other: int) -> tuple[int, int]:
    """Order the ends of a link: where views overlap, a run may see a vehicle first where it came second."""
    return min(one, other), max(one, other)


def _links(sightings: Iterable[tuple[int, Sighting, int]]) -> list[tuple[int, int]]:
    """Keys of consecutive sightings of one owner in different cameras, in the order in which sightings begin.

    sightings: whose, the sighting, and its key.
    """
    of_owner: dict[int, list[tuple[float, str, int]]] = defaultdict(list)
    for owner, sighting, key in sightings:
        of_owner[owner].append((sighting.begins_s, sighting.camera, key))
    chains = [sorted(chain) for chain in of_owner.values()]
    return [(one[2], two[2]) for chain in chains for one, two in pairwise(chain) if one[1] != two[1]]
