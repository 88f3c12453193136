"""Traffic of a world: trips of vehicles as a simulation drove them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.vehicle.fleet import Vehicle

VehicleKind = Literal["car", "van", "truck", "bus", "motorcycle"]
VEHICLE_KINDS: tuple[VehicleKind, ...] = get_args(VehicleKind)

STEP_S = 0.2
"""Time between two points of a way; a straight line between them is less than .1 m off what was driven."""


_SAME_PLACE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A part of a way without a gap: the middle of the front bumper at even steps of time.

    x_m, y_m, heading_deg: (T,) float64 at times from_s + k * STEP_S, at least two; headings have no jumps at 360.
    """

    from_s: float
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    heading_deg: NDArray[np.float64]

    @property
    def to_s(self) -> float:
        """Time of the last point."""
        return self.from_s + (len(self.x_m) - 1) * STEP_S

    def poses(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 3) x_m, y_m, heading_deg at times within the segment; its ends hold beyond it."""
        places = (times_s - self.from_s) / STEP_S
        rows = np.arange(len(self.x_m))
        return np.stack([np.interp(places, rows, values) for values in (self.x_m, self.y_m, self.heading_deg)], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Way of one vehicle near cameras, in parts, in the order of time; its looks are drawn later.

    length_m: the room that the simulation kept free for it.
    """

    vehicle_id: int
    kind: VehicleKind
    length_m: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Trip:
    """One vehicle and its way through a world."""

    vehicle: Vehicle
    kind: VehicleKind
    segments: tuple[Segment, ...]

    @property
    def from_s(self) -> float:
        """Time at which it is first near a camera."""
        return self.segments[0].from_s

    @property
    def to_s(self) -> float:
        """Time at which it is last near a camera."""
        return self.segments[-1].to_s

    def pose(self, time_s: float) -> tuple[float, float, float] | None:
        """Position and heading (x_m, y_m, heading_deg) at a time, or None while it is near no camera."""
        for segment in self.segments:
            place = (time_s - segment.from_s) / STEP_S
            if place < -_SAME_PLACE:
                return None
            if place <= len(segment.x_m) - 1 + _SAME_PLACE:
                return _between(segment, place)
        return None


def _between(segment: Segment, place: float) -> tuple[float, float, float]:
    before = min(max(int(place), 0), len(segment.x_m) - 2)
    share = place - before
    x_m, y_m, heading_deg = (
        float(values[before] * (1 - share) + values[before + 1] * share)
        for values in (segment.x_m, segment.y_m, segment.heading_deg)
    )
    return x_m, y_m, heading_deg


class Timetable:
    """Index of trips by time, so that those under way are found without asking all."""

    def __init__(self, trips: Sequence[Trip]) -> None:
        self._slots: dict[int, list[Trip]] = {}
        for trip in trips:
            slots = {
                slot
                for segment in trip.segments
                for slot in range(int(segment.from_s // _SLOT_S), int(segment.to_s // _SLOT_S) + 1)
            }
            for slot in slots:
                self._slots.setdefault(slot, []).append(trip)

    def near(self, time_s: float) -> Sequence[Trip]:
        """Trips that may have a pose at a time, in the order given."""
        return self._slots.get(int(time_s // _SLOT_S), ())


_SLOT_S = 5.0
