"""Streets, the map under a world: lanes, junctions and crossings in metres, wherever they come from."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Line = NDArray[np.float64]
"""(N, 2) float64: points in metres, x right and y up on the map."""

LaneKind = Literal["road", "bus", "walk"]


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One lane. centre_m: (N, 2) along its middle, in driving direction.

    edge: lanes of one name lie beside one another and lead the same way; place: 0 is the rightmost of them.
    """

    edge: str
    place: int
    centre_m: Line
    width_m: float
    kind: LaneKind = "road"


@dataclass(frozen=True, slots=True, eq=False)
class Streets:
    """A map, or the part of one that a camera can see.

    junctions: (N, 2) polygons where lanes meet. crossings: (4, 2) zebra crossings, the first side along the kerb.
    """

    lanes: tuple[Lane, ...]
    junctions: tuple[Line, ...] = ()
    crossings: tuple[Line, ...] = ()

    def near(self, x_m: float, y_m: float, reach_m: float) -> "Streets":
        """Select the lanes, junctions and crossings with a point within `reach_m` of a place, uncut."""

        def close(line: Line) -> bool:
            return distance_m(line, x_m, y_m) <= reach_m

        return Streets(
            tuple(lane for lane in self.lanes if close(lane.centre_m)),
            tuple(each for each in self.junctions if close(each)),
            tuple(each for each in self.crossings if close(each)),
        )


def distance_m(line: Line, x_m: float, y_m: float) -> float:
    """Distance from a place to the nearest point of a polyline, metres."""
    place = np.array([x_m, y_m])
    if len(line) == 1:
        return float(np.linalg.norm(line[0] - place))
    start, step = line[:-1], np.diff(line, axis=0)
    length2 = np.maximum((step**2).sum(1), 1e-9)
    share = np.clip(((place - start) * step).sum(1) / length2, 0, 1)
    return float(np.linalg.norm(start + share[:, None] * step - place, axis=1).min())
