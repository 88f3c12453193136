"""Trajectory events folded into the latest revision of every identity."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from associate.trajectory import Kind, TrajectoryEvent, decode
from deploy.log.base import Log
from deploy.log.decoding import Undecoded, decoded
from deploy.log.topics import TRAJECTORIES


class Journeys:
    """The latest revision of every identity; those that turned out to be another one are gone."""

    def __init__(self) -> None:
        self.latest: dict[str, TrajectoryEvent] = {}
        self.identity_of: dict[str, str] = {}
        """Identity that a complete sighting was given to, by tracklet id."""
        self.link_of: dict[str, float] = {}
        """Probability of the link by which it was given to that identity, by tracklet id; the first has none."""
        self._given: dict[str, set[str]] = defaultdict(set)

    def take(self, event: TrajectoryEvent) -> None:
        if event.kind is Kind.MERGED:
            self.latest.pop(event.identity, None)
            for tracklet in self._given.pop(event.identity, set()):
                self._give(tracklet, event.superseded_by or event.identity)
            return
        self.latest[event.identity] = event
        if event.observation is not None and event.kind in (Kind.CONFIRMED, Kind.EXTENDED):
            tracklet = event.observation.rpartition("|")[0]
            self._given[self.identity_of.get(tracklet, event.identity)].discard(tracklet)
            self._give(tracklet, event.identity)
            self.link_of.pop(tracklet, None)
            if event.kind is Kind.EXTENDED and event.evidence is not None:
                self.link_of[tracklet] = event.evidence.probability

    def _give(self, tracklet: str, identity: str) -> None:
        self.identity_of[tracklet] = identity
        self._given[identity].add(tracklet)

    @property
    def linked(self) -> list[TrajectoryEvent]:
        """Identities seen completely by more than one camera, in the order in which they came."""
        linked = [event for event in self.latest.values() if len(set(visited_cameras(event))) > 1]
        return sorted(linked, key=lambda event: (event.visits[0].enter_ns, event.identity))


def visited_cameras(event: TrajectoryEvent) -> list[str]:
    """The cameras of its complete sightings, in order."""
    return [visit.camera for visit in event.visits if not visit.open]


def read_events(log: Log, undecoded: Undecoded | None = None) -> Iterator[TrajectoryEvent]:
    """Every trajectory event of a log, in its order; `undecoded` as for `decoded`."""
    return decoded(log, TRAJECTORIES, decode, undecoded)


def journeys_of(events: Iterable[TrajectoryEvent]) -> Journeys:
    """Fold all events into journeys."""
    journeys = Journeys()
    for event in events:
        journeys.take(event)
    return journeys


def read_journeys(log: Log, undecoded: Undecoded | None = None) -> Journeys:
    """The journeys of a whole log; `undecoded` as for `decoded`."""
    return journeys_of(read_events(log, undecoded))
