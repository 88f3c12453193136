"""Survey of traffic out of a simulation: the places at which vehicles move, stand, appear and vanish."""

from array import array

import numpy as np

from ingest.synthetic.camera.placement import Survey
from ingest.synthetic.sumo.program import Spot
from ingest.synthetic.world.traffic import VEHICLE_KINDS

_MOVED_M = 4.0
_STANDS_S = 4.0


class Surveyor:
    """Surveyor of all vehicles of a simulation from `begin_s` to `end_s`, every `step_s`."""

    def __init__(self, begin_s: float, end_s: float, step_s: float) -> None:
        self._begin_s, self._end_s, self._step_s = begin_s, end_s, step_s
        self._numbers: dict[str, int] = {}
        self._last: dict[str, Spot] = {}
        self._noted: dict[str, Spot] = {}
        self._vehicle, self._kind, self._time_s, self._places_m = array("q"), array("q"), array("d"), array("d")
        self._still_m, self._ends_m, self._ends_kind = array("d"), array("d"), array("q")

    @property
    def empty(self) -> bool:
        """True while no vehicle has been seen."""
        return not self._numbers

    def take(self, spots: list[Spot]) -> None:
        """Take in the next spots, in the order of time."""
        for spot in spots:
            last = self._last.get(spot.vehicle)
            if last is None or spot.time_s - last.time_s > 1.5 * self._step_s:
                self._end(last)
                self._end(spot)
            # A vehicle is noted anew when it has moved on, and as standing for every few seconds when it has not.
            self._last[spot.vehicle] = spot
            noted = self._noted.get(spot.vehicle)
            if noted is None or abs(spot.x_m - noted.x_m) + abs(spot.y_m - noted.y_m) >= _MOVED_M:
                self._noted[spot.vehicle] = spot
                self._vehicle.append(self._numbers.setdefault(spot.vehicle, len(self._numbers)))
                self._kind.append(VEHICLE_KINDS.index(spot.kind))
                self._time_s.append(spot.time_s)
                self._places_m.extend((spot.x_m, spot.y_m))
            elif spot.time_s - noted.time_s >= _STANDS_S:
                self._still_m.extend((spot.x_m, spot.y_m))

    def survey(self) -> Survey:
        """Finish and return the survey; call it once, at the end."""
        for spot in self._last.values():
            self._end(spot)
        return Survey(
            vehicle=np.array(self._vehicle),
            kind=np.array(self._kind),
            time_s=np.array(self._time_s),
            places_m=np.array(self._places_m).reshape(-1, 2),
            still_m=np.array(self._still_m).reshape(-1, 2),
            ends_m=np.array(self._ends_m).reshape(-1, 2),
            ends_kind=np.array(self._ends_kind, np.int64),
        )

    def _end(self, spot: Spot | None) -> None:
        """Note where a vehicle appears or vanishes within the time watched."""
        if spot is not None and self._begin_s + 2 * self._step_s < spot.time_s < self._end_s - 2 * self._step_s:
            self._ends_m.extend((spot.x_m, spot.y_m))
            self._ends_kind.append(VEHICLE_KINDS.index(spot.kind))
