"""Endless synthetic observations: vehicles on a ring of cameras, straight as messages, drawn by a seed."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embed.observation import (
    BoxAt,
    CameraEpoch,
    Message,
    Observation,
    Tick,
    TrackletState,
    pack_vector,
    tracklet_id,
)
from ingest.clock import NS
from ingest.frame import ClockQuality
from tests.bench.association_city.logs import moved

ENCODER = "bench@1"
EPOCH = CameraEpoch(1, 0)
START_NS = 1_767_225_600 * NS
"""2026-01-01: a live site."""
DAY_NS, YEAR_NS = 86_400 * NS, 365 * 86_400 * NS
APPEND_S = 0.3
"""Time from a message's moment to its place on the log."""
OPEN_AFTER_S, LOST_AFTER_S, UPDATE_EVERY_S = 0.5, 1.2, 2.0
UNKNOWN = "unknown"
FRAME = (640, 360)


@dataclass(frozen=True, slots=True)
class Site:
    """The stream of one site.

    vehicles_per_s: that begin. views: cameras that a vehicle passes on its way, at most. travel_s: median time from one
    camera to the next. noise: of the vectors, a deviation for all numbers together. parked: vehicles that
    stand in camera 0 from the beginning to the end. lost_endings: share of the tracklets that are never closed.
    clock_ahead: the last camera's clock is a day ahead. unknown: a camera that nobody has named is a year ahead.
    """

    cameras: int = 20
    vehicles_per_s: float = 1.5
    views: int = 5
    travel_s: float = 25.0
    dim: int = 768
    noise: float = 0.8
    seed: int = 1
    parked: int = 0
    lost_endings: float = 0.0
    clock_ahead: bool = False
    unknown: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of the cameras that the configuration names."""
        return tuple(f"c{number:03d}" for number in range(self.cameras))

    def odd(self) -> "Site":
        """The same traffic, with everything that a site may do wrong."""
        return replace(self, parked=5, lost_endings=0.02, clock_ahead=True, unknown=True)


class Arrival(NamedTuple):
    """A message, when it was put on the log (Unix nanoseconds), and the vehicle it is of (0 for none)."""

    message: Message
    appended_ns: int
    vehicle: int


def arrivals(site: Site, seconds: float) -> Iterator[Arrival]:
    """Messages of some seconds in the order of their arrival, without more than what is under way in memory."""
    rng, waiting, count = np.random.default_rng(site.seed), list[tuple[float, int, Arrival]](), 0
    tracks = dict.fromkeys((*site.names, UNKNOWN), 0)
    spoilt = np.random.default_rng((site.seed, 1))  # apart: oddities change nothing about the traffic

    def add(at_s: float, message: Message, vehicle: int = 0) -> None:
        nonlocal count
        count += 1
        shown = _by_its_clock(site, message)
        heapq.heappush(waiting, (at_s, count, Arrival(shown, START_NS + round((at_s + APPEND_S) * NS), vehicle)))

    for number in range(site.parked):
        vector = _unit(rng_of(site, -1 - number), site.dim)
        for at_s, message in _stay(site.names[0], 1_000_000 + number, vector, 1.0, seconds + 60.0, closed=False):
            add(at_s, message)
    next_s, vehicle = 0.0, 0
    for second in range(int(seconds)):
        for name in site.names:
            add(float(second), _tick(name, second))
        if site.unknown:
            add(float(second), _tick(UNKNOWN, second))
            if second % 10 == 0:
                tracks[UNKNOWN] += 1
                vector = _unit(spoilt, site.dim)
                for at_s, message in _stay(UNKNOWN, tracks[UNKNOWN], vector, second + 0.1, second + 4.0, closed=True):
                    add(at_s, message)
        while next_s < second + 1:
            vehicle += 1
            for camera, enter_s, leave_s, vector in _way(site, vehicle, next_s, rng_of(site, vehicle)):
                tracks[camera] += 1
                closed = spoilt.random() >= site.lost_endings
                for at_s, message in _stay(camera, tracks[camera], vector, enter_s, leave_s, closed=closed):
                    add(at_s, message, vehicle)
            next_s += float(rng.exponential(1 / site.vehicles_per_s))
        while waiting and waiting[0][0] <= second:
            yield heapq.heappop(waiting)[2]


def rng_of(site: Site, vehicle: int) -> np.random.Generator:
    """Chance of one vehicle."""
    return np.random.default_rng((site.seed, 2, vehicle + 1000))


def _way(
    site: Site, vehicle: int, begin_s: float, rng: np.random.Generator
) -> Iterator[tuple[str, float, float, NDArray[np.float64]]]:
    """Stays of a vehicle in one camera of the ring after the other: camera, from, to, vector."""
    looks, at_s = _unit(rng, site.dim), begin_s
    camera, step = int(rng.integers(site.cameras)), (1, -1)[int(rng.integers(2))]
    for _ in range(1 + int(rng.integers(site.views))):
        leave_s = at_s + float(rng.uniform(3.0, 9.0))
        seen = looks + site.noise / np.sqrt(site.dim) * rng.standard_normal(site.dim)
        yield site.names[camera], at_s, leave_s, seen / np.linalg.norm(seen)
        camera = (camera + step) % site.cameras
        # Pairs of cameras differ: their ways are of half to one and a half of the median.
        pair_s = site.travel_s * (0.5 + (camera * 7919 % 101) / 100)
        at_s = leave_s + pair_s * float(rng.lognormal(0.0, 0.15))


def _stay(
    camera: str, track: int, vector: NDArray[np.float64], enter_s: float, leave_s: float, *, closed: bool
) -> Iterator[tuple[float, Observation]]:
    """Observations of one tracklet, with the second at which each is made."""
    packed, sequence, reported_s = pack_vector(vector), 0, enter_s

    def seen(state: TrackletState, at_s: float, last_s: float) -> Observation:
        nonlocal sequence, reported_s
        path = [_box(enter_s, leave_s, each_s) for each_s in np.arange(reported_s, last_s, 0.125)[:64].tolist()]
        number, sequence, reported_s = sequence, sequence + 1, last_s
        return Observation(
            id=f"{tracklet_id(camera, EPOCH, track)}|{number}",
            camera=camera,
            epoch=EPOCH,
            track=track,
            sequence=number,
            state=state,
            at_ns=START_NS + round(at_s * NS),
            first_ns=START_NS + round(enter_s * NS),
            last_ns=START_NS + round(last_s * NS),
            clock=ClockQuality.SYNTHETIC,
            frame_size=FRAME,
            path=path,
            label="vehicle",
            score=0.9,
            encoder=ENCODER,
            vector=packed,
            quality=0.5,
            crops=3,
        )

    yield enter_s + OPEN_AFTER_S, seen(TrackletState.OPENED, enter_s + OPEN_AFTER_S, enter_s + OPEN_AFTER_S)
    at_s = enter_s + OPEN_AFTER_S + UPDATE_EVERY_S
    while at_s < leave_s:
        yield at_s, seen(TrackletState.UPDATED, at_s, at_s)
        at_s += UPDATE_EVERY_S if leave_s - enter_s < 60 else 8 * UPDATE_EVERY_S
    if closed:
        yield leave_s + LOST_AFTER_S, seen(TrackletState.CLOSED, leave_s + LOST_AFTER_S, leave_s)


def _box(enter_s: float, leave_s: float, at_s: float) -> BoxAt:
    """Box of a vehicle that drives through the frame from left to right."""
    share = (at_s - enter_s) / max(leave_s - enter_s, 1.0)
    left = round(share * (FRAME[0] - 80) * 10)
    return BoxAt(round((at_s - enter_s) * 1e6), left, 1500, left + 800, 2100)


def _tick(camera: str, second: int) -> Tick:
    return Tick(
        camera=camera,
        epoch=EPOCH,
        sequence=second,
        at_ns=START_NS + second * NS,
        decoded=10 * second,
        analysed=8 * second,
    )


def _by_its_clock(site: Site, message: Message) -> Message:
    """The message as the clock of its camera has it."""
    if site.clock_ahead and message.camera == site.names[-1]:
        return moved(message, DAY_NS)
    return moved(message, YEAR_NS) if message.camera == UNKNOWN else message


def _unit(rng: np.random.Generator, dim: int) -> NDArray[np.float64]:
    vector = rng.standard_normal(dim)
    return np.asarray(vector / np.linalg.norm(vector), np.float64)
