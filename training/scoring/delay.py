"""IDF1 over decision delay: how good identities are when they have to be used some time after a vehicle has left."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.clock import NS
from training.scoring.comparison import Comparison
from training.scoring.decisions import FINAL_NS, Decisions
from training.scoring.links import Proportion, links_of
from training.scoring.tracks import Ints

DELAYS_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class DelayPoint:
    """Scores with the identities as known a while after each tracklet's end (event time).

    when: `online`, a number of seconds, or `final`. delay_s: None where `when` is no number. Online, every box has
    the identity that was known when it was captured; there are no links then.
    """

    when: str
    delay_s: float | None
    idf1: float
    idp: float
    idr: float
    precision: Proportion | None = None
    recall: Proportion | None = None


def delay_curve(
    comparison: Comparison, decisions: Decisions, ends_ns: Mapping[int, int], delays_s: Sequence[float] = DELAYS_S
) -> list[DelayPoint]:
    """Score the decisions online, after each of some delays, and in the end.

    ends_ns: when each tracklet that was decided on had ended, on the clock of the events (KeyError if it is missing).
    A tracklet without an identity by then is one of its own.
    """
    online = comparison.pairs.score(_names_online(comparison, decisions))
    points = [DelayPoint("online", None, online.idf1, online.idp, online.idr)]
    for delay_s in (*delays_s, math.inf):
        final = math.isinf(delay_s)
        at_ns = {each: FINAL_NS if final else ends_ns[each] + round(delay_s * NS) for each in decisions.changes}
        identity_of = decisions.identities(at_ns)
        scores = comparison.pairs.score(comparison.names(identity_of))
        links = links_of(comparison.sightings, identity_of)
        when, stated_delay_s = ("final", None) if final else (f"{delay_s:g}", delay_s)
        points.append(
            DelayPoint(when, stated_delay_s, scores.idf1, scores.idp, scores.idr, links.precision, links.recall)
        )
    return points


def _names_online(comparison: Comparison, decisions: Decisions) -> Ints:
    """Identities (R,) that each box's tracklet had when the box was captured."""
    identities = {identity for known in decisions.changes.values() for _, identity in known}
    own = 1 + max((identity for identity in identities if identity is not None), default=0)
    names = []
    for camera in comparison.cameras:
        times_s = camera.times_s[np.searchsorted(camera.frames, camera.run.frames)]
        for tracklet, time_s in zip(camera.run.ids.tolist(), times_s.tolist(), strict=True):
            identity = decisions.identity_at(tracklet, round(time_s * NS))
            names.append(own + tracklet if identity is None else identity)
    return np.array(names, np.int64)
