"""Expectation: how often a vehicle is seen elsewhere, and how long before or after, learned from identities.

Sightings of the query's vehicle and those of all others are two Poisson processes laid over each other. With

    n(b, t)    sightings of the query's vehicle per second, at camera b and t seconds from the query
    r(b)       sightings of anybody per second, at camera b

the prior odds that a sighting at (b, t) is of the query's vehicle are n / r, whatever else is searched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from associate.links.travel_times import Floats, Ints, TimeBins, smooth

HORIZON_S = 3600.0
"""Time from one sighting to another beyond which travel times say nothing."""

LINKED = 0.5
"""Share of the pairs of a vehicle's sightings that association links, chosen in three drawn cities."""

UNLINKED = 0.3
"""Further sightings of a vehicle that association has not linked: they may be anywhere and at any time."""

PRESENT = 0.25
"""Probability that a vehicle of which no time and place is known was seen at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Linked:
    """Sightings (N,) that have an identity: its number, the camera's number, and the time of entering, seconds."""

    identity: Ints
    camera: Ints
    enter_s: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """The sightings that are searched, by camera number (C,): how many, and the seconds over which they come."""

    counts: Floats
    span_s: float


class Expectation:
    """Prior odds of sightings, from what identities have taught."""

    def __init__(self, linked: Linked, cameras: int) -> None:
        self._bins = TimeBins(HORIZON_S)
        self._cameras = cameras
        earlier, later = _pairs(linked)
        lag_s = linked.enter_s[later] - linked.enter_s[earlier]
        counts = np.zeros((cameras, cameras, self._bins.count))
        near = lag_s <= HORIZON_S
        np.add.at(
            counts,
            (linked.camera[earlier][near], linked.camera[later][near], self._bins.of(lag_s[near])),
            1.0,
        )
        self._links = counts.sum(-1)
        density, _ = smooth(counts.reshape(-1, self._bins.count), self._bins)
        self._density = density.reshape(counts.shape)
        self._seen = np.bincount(linked.camera, minlength=cameras).astype(np.float64)
        self.others = len(earlier) * 2 / LINKED / max(len(linked.camera), 1)
        """Expected further sightings of the vehicle of a sighting that has an identity."""

    def odds(self, searched: Searched) -> float:
        """Prior odds of every sighting, for a vehicle of which no time and place is known."""
        return PRESENT * (self.others + UNLINKED) / max(float(searched.counts.sum()), 1.0)

    def odds_from(
        self, searched: Searched, camera: int, lag_s: Floats, cameras: Ints, *, missed: bool = False
    ) -> Floats:
        """Prior odds (N,) of sightings at some cameras, seconds after (or before, below 0) a sighting at `camera`.

        missed: of those alone that association has not linked with that sighting.
        """
        span_s = max(searched.span_s, 1.0)
        rate = np.maximum(searched.counts[cameras], 1.0) / span_s
        expected = np.full(len(cameras), UNLINKED / max(self._cameras * span_s, 1.0))
        if camera >= 0 and self._seen[camera]:
            near = np.abs(lag_s) <= HORIZON_S
            bins = self._bins.of(np.abs(lag_s))
            on, back = self._density[camera, cameras, bins], self._density[cameras, camera, bins]
            links = np.where(lag_s >= 0, self._links[camera, cameras], self._links[cameras, camera])
            of_linked = 1 / LINKED - 1 if missed else 1 / LINKED
            expected += np.where(near, np.where(lag_s >= 0, on, back) * links / self._seen[camera] * of_linked, 0.0)
        return np.asarray(expected / rate, np.float64)


def _pairs(linked: Linked) -> tuple[Ints, Ints]:
    """Places (P,) of all pairs of sightings of one identity, the earlier and the later."""
    order = np.lexsort((linked.enter_s, linked.identity))
    identity = linked.identity[order]
    earlier: list[Sequence[int]] = []
    later: list[Sequence[int]] = []
    for apart in range(1, _LONGEST):
        same = np.flatnonzero(identity[apart:] == identity[:-apart])
        if not len(same):
            break
        earlier.append(order[same].tolist())
        later.append(order[same + apart].tolist())
    return (
        np.array([place for part in earlier for place in part], np.int64),
        np.array([place for part in later for place in part], np.int64),
    )


_LONGEST = 50
"""Sightings of one identity that are paired: a taxi's hundreds would say the same again and again."""
