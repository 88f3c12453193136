"""Travel times by hour of the day, from the settled links of a log."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import numpy as np

from associate.learned import QUANTILES
from associate.trajectory import Kind, TrajectoryEvent
from deploy.results.quantiles import weighted_quantiles
from ingest.clock import NS


class HourlyTravel(msgspec.Struct, frozen=True, kw_only=True):
    """Travel time of a pair of cameras in one hour of the day, UTC, over all days.

    hour: in which the first camera was left, 0 to 23. links: sum of their probabilities. The quantiles are of the time
    from leaving the view of `start` to entering that of `end`, seconds.
    """

    start: str
    end: str
    hour: int
    links: float
    p15_s: float
    median_s: float
    p85_s: float


class _Passage(NamedTuple):
    start: str
    end: str
    hour: int
    travel_s: float
    probability: float


def hourly_travel(events: Iterable[TrajectoryEvent], fewest: float) -> list[HourlyTravel]:
    """Travel times by pair and hour, in their order; hours with fewer links than `fewest` are left out."""
    passages: dict[tuple[str, str, int], list[tuple[float, float]]] = defaultdict(list)
    for passage in _passages(events):
        passages[passage[:3]].append((passage.travel_s, passage.probability))
    found = []
    for (start, end, hour), measured in sorted(passages.items()):
        times_s, probability = np.array(sorted(measured)).T
        links = float(probability.sum())
        if links >= fewest:
            p15_s, median_s, p85_s = weighted_quantiles(times_s, probability, QUANTILES)
            found.append(
                HourlyTravel(start=start, end=end, hour=hour, links=links, p15_s=p15_s, median_s=median_s, p85_s=p85_s)
            )
    return found


def _passages(events: Iterable[TrajectoryEvent]) -> Iterable[_Passage]:
    """The settled links between two cameras, of each sighting the one that was said last."""
    last: dict[str, _Passage] = {}
    for event in events:
        if event.kind is Kind.EXTENDED and event.settled and event.observation is not None:
            last.pop(event.observation, None)
            if passage := _passage(event):
                last[event.observation] = passage
    return last.values()


def _passage(event: TrajectoryEvent) -> _Passage | None:
    """Travel time of an event's link from one camera to another; None where it is no such link."""
    names = [visit.tracklet for visit in event.visits]
    tracklet = (event.observation or "").rpartition("|")[0]
    # Of more than a hundred visits only the last ones are there.
    place = names.index(tracklet) if tracklet in names else 0
    if place == 0 or event.visits[place - 1].camera == event.visits[place].camera or event.evidence is None:
        return None
    before, after = event.visits[place - 1 : place + 1]
    hour = datetime.fromtimestamp(before.leave_ns / NS, UTC).hour
    travel_s = (after.enter_ns - before.leave_ns) / NS
    return _Passage(before.camera, after.camera, hour, travel_s, event.evidence.probability)
