"""The decisions of a run about its tracklets, and when they were known, read from its trajectory events."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from associate.trajectory import Kind, TrajectoryEvent

FINAL_NS = 2**63 - 1
"""Later than everything: what was known in the end."""


@dataclass(frozen=True, slots=True)
class StatedProbability:
    """A probability that an event states about a tracklet.

    kind: extended (a complete tracklet is linked to `before`), confirmed (a complete one is a vehicle not seen
    before), provisional (one in view is linked to `before`). before: the tracklet that the identity was seen as last.
    """

    kind: Kind
    tracklet: int
    before: int | None
    probability: float


@dataclass(slots=True)
class Decisions:
    """changes: by tracklet, rising moments of event time (ns) and the identity it had from then on, or None.

    stated: the last statement about each tracklet, and the last while it was in view.
    strange: how many events are about tracklets that have no number, and so are left out. names: of the identities, by
    their number.
    """

    changes: dict[int, list[tuple[int, int | None]]] = field(default_factory=dict)
    stated: list[StatedProbability] = field(default_factory=list)
    strange: int = 0
    names: list[str] = field(default_factory=list)

    def identity_at(self, tracklet: int, at_ns: int) -> int | None:
        """The identity of a tracklet as it was known when the watermark had passed a moment."""
        known = self.changes.get(tracklet, [])
        place = bisect_right(known, at_ns, key=lambda change: change[0])
        return known[place - 1][1] if place else None

    def identities(self, at_ns: Mapping[int, int] | None = None) -> dict[int, int]:
        """Map tracklets to the identity that was known at their moment, or in the end; without those that had none."""
        known = {each: self.identity_at(each, at_ns[each] if at_ns is not None else FINAL_NS) for each in self.changes}
        return {tracklet: identity for tracklet, identity in known.items() if identity is not None}


def read_decisions(events: Iterable[TrajectoryEvent], number_of: Mapping[str, int]) -> Decisions:
    """Fold the events of a run, in their order, into what was known when.

    `number_of` gives tracklets their numbers; events about others are left out and counted. Identities get numbers as
    they come.
    An event was known when the watermark had passed the message that decided it; late messages decide later than they
    say, so a zone's times never run backwards here. A merge or a split changes what is known from then on, not what
    was known before.
    """
    reading = _Reading(number_of)
    for event in events:
        reading.take(event)
    return reading.decisions


class _Reading:
    """State of a reading: identities of the tracklets while the events go by."""

    def __init__(self, number_of: Mapping[str, int]) -> None:
        self.decisions = Decisions()
        self._number_of = number_of
        self._identities: dict[str, int] = {}
        self._members: dict[int, set[int]] = defaultdict(set)
        self._now_ns: dict[str, int] = {}
        self._stated: dict[tuple[int, bool], StatedProbability] = {}  # the last word, and the last while in view

    def take(self, event: TrajectoryEvent) -> None:
        now_ns = max(event.at_ns, self._now_ns.get(event.zone, event.at_ns))
        self._now_ns[event.zone] = now_ns
        identity, after = self._identity(event.identity), event.superseded_by
        target = self._identity(after) if after is not None else None
        tracklet = self._tracklet(event.observation)
        if event.kind is Kind.MERGED:
            for member in sorted(self._members[identity]):
                self._give(member, target, now_ns)
        elif tracklet is None:
            self.decisions.strange += event.observation is not None
        elif event.kind in (Kind.PROVISIONAL, Kind.CONFIRMED, Kind.EXTENDED):
            self._give(tracklet, identity, now_ns)
            self._note(event, tracklet)
        elif event.kind in (Kind.SPLIT, Kind.RETRACTED) and tracklet in self._members[identity]:
            self._give(tracklet, target, now_ns)

    def _identity(self, name: str) -> int:
        if name not in self._identities:
            self._identities[name] = len(self.decisions.names)
            self.decisions.names.append(name)
        return self._identities[name]

    def _tracklet(self, observation: str | None) -> int | None:
        return None if observation is None else self._number_of.get(observation.rpartition("|")[0])

    def _give(self, tracklet: int, identity: int | None, now_ns: int) -> None:
        changes = self.decisions.changes.setdefault(tracklet, [])
        if changes and changes[-1][1] is not None:
            self._members[changes[-1][1]].discard(tracklet)
        if changes and changes[-1][0] == now_ns:
            changes.pop()
        if identity is not None:
            self._members[identity].add(tracklet)
        changes.append((now_ns, identity))

    def _note(self, event: TrajectoryEvent, tracklet: int) -> None:
        """An event that links has a similarity and states its link; a confirmed one without states a new vehicle."""
        if event.evidence is None:
            return
        linked = event.evidence.similarity is not None
        before = self._tracklet(_visit_before(event)) if linked else None
        if linked == (before is not None) and (linked or event.kind is Kind.CONFIRMED):
            stated = StatedProbability(event.kind, tracklet, before, event.evidence.probability)
            self._stated[tracklet, event.kind is Kind.PROVISIONAL] = stated
            self.decisions.stated = list(self._stated.values())


def _visit_before(event: TrajectoryEvent) -> str | None:
    """The observation of the sighting that the one of an event was linked to; a late link stands in the middle."""
    visits = [visit.observation for visit in event.visits]
    place = visits.index(event.observation) if event.observation in visits else 0
    return visits[place - 1] if place else None
