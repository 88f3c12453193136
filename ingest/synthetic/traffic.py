"""Who drives where and when: cars following each other along a straight road, drawn from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.fleet import Vehicle
from ingest.synthetic.models import MODELS, PAINTS_BGR, vary


@dataclass(frozen=True, slots=True)
class Road:
    """A straight road along y with two lanes in each direction, left-hand traffic.

    Lanes left of the middle (x < 0) lead towards larger y. Vehicles enter and leave at its ends.
    """

    from_y_m: float
    to_y_m: float
    lane_width_m: float = 3.3

    def lane_x_m(self, forward: bool, outer: bool) -> float:
        """Where the middle of a lane is."""
        offset = self.lane_width_m * (1.5 if outer else 0.5)
        return -offset if forward else offset

    @property
    def length_m(self) -> float:
        """Length of the road in metres."""
        return self.to_y_m - self.from_y_m


@dataclass(frozen=True, slots=True)
class Demand:
    """How much traffic there is.

    models: one name per vehicle. first_s: when the first vehicle of each direction enters, before the
    pictures begin. restart_s: when the next one may enter, so that it comes into view after that.
    headway_s: least and most time between two entries of a direction.
    """

    models: tuple[str, ...]
    first_s: float = -12.0
    restart_s: float = 0.5
    headway_s: tuple[float, float] = (4.2, 6.6)


@dataclass(frozen=True, slots=True, eq=False)
class Trip:
    """The way of one vehicle: the middle of its front bumper at even steps of time.

    x_m, y_m, heading_deg: (T,) float64 at times from_s + k * STEP_S; heading 0 is along y, counter-clockwise.
    lane_x_m: the middle of its lane.
    """

    vehicle: Vehicle
    lane_x_m: float
    from_s: float
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    heading_deg: NDArray[np.float64]

    def pose(self, time_s: float) -> tuple[float, float, float] | None:
        """Position and heading (x_m, y_m, heading_deg) at a time, or None before entry and after leaving."""
        place = (time_s - self.from_s) / STEP_S
        if not 0 <= place <= len(self.y_m) - 1:
            return None
        before = min(int(place), len(self.y_m) - 2)
        share = place - before
        x_m, y_m, heading_deg = (
            float(values[before] * (1 - share) + values[before + 1] * share)
            for values in (self.x_m, self.y_m, self.heading_deg)
        )
        return x_m, y_m, heading_deg


STEP_S = 0.1
_GAP_M = 2.5
_TIME_GAP_S = 1.3
_ACCELERATION_MPS2 = 1.2
_BRAKING_MPS2 = 2.0


@dataclass(frozen=True, slots=True)
class _Entry:
    vehicle: Vehicle
    forward: bool
    outer: bool
    time_s: float
    speed_mps: float


def draw_traffic(road: Road, demand: Demand, duration_s: float, seed: int) -> tuple[Trip, ...]:
    """All trips on a road from before the start until `duration_s`, in the order of vehicle ids from 1.

    The same arguments give the same trips.
    """
    rng = np.random.default_rng(seed)
    entries = _draw_entries(demand, rng)
    trips = []
    for forward in (True, False):
        for outer in (True, False):
            lane = [entry for entry in entries if (entry.forward, entry.outer) == (forward, outer)]
            trips += _drive_lane(sorted(lane, key=lambda entry: entry.time_s), road, duration_s, rng)
    return tuple(sorted(trips, key=lambda trip: trip.vehicle.vehicle_id))


def _draw_entries(demand: Demand, rng: np.random.Generator) -> list[_Entry]:
    """Who enters when: directions alternate, large vehicles are slower and keep to the outer lane."""
    names = [demand.models[k] for k in rng.permutation(len(demand.models))]
    paints = list(PAINTS_BGR)
    order = np.concatenate([rng.permutation(len(paints)) for _ in range(len(names) // len(paints) + 1)])
    next_s = {True: demand.first_s + rng.uniform(-1, 1), False: demand.first_s + rng.uniform(-1, 1)}
    entries = []
    for number, name in enumerate(names):
        forward = number % 2 == 0
        model = vary(MODELS[name], rng)
        paint = "red" if name == "ddbus" else paints[order[number]]
        vehicle = Vehicle(number + 1, model, PAINTS_BGR[paint], int(rng.integers(1 << 30)))
        speed_mps = rng.uniform(10.0, 11.0) if model.large else rng.uniform(10.5, 13.5)
        outer = model.large or bool(rng.random() < 0.5)
        entries.append(_Entry(vehicle, forward, outer, next_s[forward], speed_mps))
        next_s[forward] = max(next_s[forward], demand.restart_s - demand.headway_s[0]) + rng.uniform(*demand.headway_s)
    return entries


def _drive_lane(entries: Sequence[_Entry], road: Road, duration_s: float, rng: np.random.Generator) -> list[Trip]:
    """Drive the vehicles of one lane, each behind the one before it.

    Intelligent driver model: Treiber, Hennecke and Helbing, Phys. Rev. E 62 (2000), equations 2 and 3.
    """
    trips: list[Trip] = []
    leader: Trip | None = None
    for entry in entries:
        leader = _drive(entry, leader, road, duration_s, rng)
        trips.append(leader)
    return trips


def _drive(entry: _Entry, leader: Trip | None, road: Road, duration_s: float, rng: np.random.Generator) -> Trip:
    """The trip of one vehicle behind the rear of its leader."""
    driven_m, speed_mps, time_s = 0.0, entry.speed_mps, _on_grid(entry.time_s)
    while leader is not None and _room(leader, road, time_s, 0.0)[0] < _GAP_M + _TIME_GAP_S * speed_mps:
        time_s += STEP_S
    from_s, ways = time_s, [driven_m]
    while time_s < duration_s and driven_m < road.length_m:
        acceleration = 1 - (speed_mps / entry.speed_mps) ** 4
        if leader is not None:
            gap_m, leader_mps = _room(leader, road, time_s, driven_m)
            closing = speed_mps * (speed_mps - leader_mps)
            wanted_m = _GAP_M + max(
                0.0, speed_mps * _TIME_GAP_S + closing / (2 * np.sqrt(_ACCELERATION_MPS2 * _BRAKING_MPS2))
            )
            acceleration -= (wanted_m / max(gap_m, 0.1)) ** 2
        speed_mps = max(0.0, speed_mps + STEP_S * _ACCELERATION_MPS2 * max(acceleration, -4.0))
        driven_m += STEP_S * speed_mps
        time_s += STEP_S
        ways.append(driven_m)
    return _lay(entry, road, from_s, np.array(ways), rng)


def _on_grid(time_s: float) -> float:
    return round(time_s / STEP_S) * STEP_S


def _room(leader: Trip, road: Road, time_s: float, driven_m: float) -> tuple[float, float]:
    """Metres to the leader's rear and its speed; endless room once it has left the road."""
    now, before = leader.pose(time_s), leader.pose(time_s - STEP_S)
    if now is None or before is None:
        return (np.inf, 0.0) if time_s > leader.from_s + 2 * STEP_S else (0.0, 0.0)
    way_m = now[1] - road.from_y_m if leader.lane_x_m < 0 else road.to_y_m - now[1]
    return way_m - leader.vehicle.model.length_m - driven_m, abs(now[1] - before[1]) / STEP_S


def _lay(entry: _Entry, road: Road, from_s: float, driven_m: NDArray[np.float64], rng: np.random.Generator) -> Trip:
    """Put the way driven into the world: in the lane, off its middle by a little, swaying slowly."""
    side = -1 if entry.forward else 1
    lane_x_m = road.lane_x_m(entry.forward, entry.outer)
    period_m, phase = rng.uniform(90, 160), rng.uniform(0, 2 * np.pi)
    angle = 2 * np.pi * driven_m / period_m + phase
    offset_m = rng.normal(0, 0.12)
    sway_m = 0.12
    x_m = lane_x_m + offset_m + sway_m * np.sin(angle)
    slope = sway_m * 2 * np.pi / period_m * np.cos(angle)
    y_m = road.from_y_m + driven_m if side < 0 else road.to_y_m - driven_m
    turn_deg = np.degrees(np.arctan(slope))
    heading_deg = -turn_deg if side < 0 else 180 + turn_deg
    return Trip(entry.vehicle, lane_x_m, from_s, x_m, y_m, heading_deg)
