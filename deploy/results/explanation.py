"""Explanation of an identity: why each of its sightings is held to be the same vehicle, and by how much."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from associate.trajectory import Evidence, Kind, TrajectoryEvent, Visit

TERMS = {
    "appearance": "looks",
    "travel_time": "travel time and gates",
    "topology": "where exits lead, and how often somebody is new",
    "position": "place in the frame",
}
"""The terms of the evidence, in words."""
BY_TWO_CAMERAS = "by what two cameras that see it at about the same time have in common"
"""Reason for a link without terms: its chains were joined (associate/joins.py)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One sighting, with the evidence that was last stated for it; settled: that will not change any more."""

    visit: Visit
    evidence: Evidence | None
    settled: bool

    @property
    def linked(self) -> bool:
        """True where it was linked to the sighting before it, False where it began the identity."""
        return self.evidence is not None and self.evidence.similarity is not None

    @property
    def joined(self) -> bool:
        """True where two chains were joined, so that no terms speak for the link."""
        return self.linked and all(self.without(name) is None for name in TERMS)

    @property
    def probability(self) -> float:
        """That of its evidence; 0 where nothing was stated."""
        return 0.0 if self.evidence is None else self.evidence.probability

    def without(self, term: str) -> float | None:
        """The probability that was left without a term; None where that has nothing to say.

        Terms add up to log odds against all rivals together, which are taken to stay as they are.
        """
        value = None if self.evidence is None else getattr(self.evidence, term)
        if value is None or self.evidence is None or not self.linked:
            return None
        stated = min(max(self.evidence.probability, 1e-6), 1 - 1e-6)
        log_odds = math.log(stated / (1 - stated)) - value
        return 1 / (1 + math.exp(-max(min(log_odds, 50.0), -50.0)))


@dataclass(frozen=True, slots=True)
class Explanation:
    """An identity as it is known now. merged_into: the identity it turned out to be, if any.

    lost: observations of sightings that were taken away from it again, with the identity that has them now.
    """

    identity: str
    label: str
    steps: list[Step]
    merged_into: str | None
    lost: dict[str, str | None]


def explain(events: Iterable[TrajectoryEvent], identity: str) -> Explanation | None:
    """Fold the events of a log into the explanation of one identity; None where no event is about it."""
    latest: TrajectoryEvent | None = None
    said: dict[str, tuple[Evidence | None, bool]] = {}
    lost: dict[str, str | None] = {}
    for event in events:
        tracklet = None if event.observation is None else event.observation.rpartition("|")[0]
        # A link that is settled keeps its evidence, also where it came over from another identity.
        if tracklet is not None and event.evidence is not None:
            said[tracklet] = event.evidence, event.settled
        if event.identity != identity:
            continue
        latest = event
        if event.kind in (Kind.SPLIT, Kind.RETRACTED) and event.observation is not None:
            lost[event.observation] = event.superseded_by
    if latest is None:
        return None
    steps = []
    for visit in latest.visits:
        evidence, settled = said.get(visit.tracklet, (None, False))
        steps.append(Step(visit, evidence, settled))
    kept = {visit.tracklet for visit in latest.visits}
    gone = {each: new for each, new in lost.items() if each.rpartition("|")[0] not in kept}
    merged_into = latest.superseded_by if latest.kind is Kind.MERGED else None
    return Explanation(identity, latest.label, steps, merged_into, gone)
