"""Travel times from the view of one camera to the view of another."""

from collections.abc import Sequence
from functools import cached_property

import msgspec
import numpy as np

from associate.links.travel_times import Floats, TimeBins, TravelPriors
from ingest.camera import CameraId
from ingest.errors import ConfigError


class Travel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One `[[associate.travel]]` table: the travel-time window of a pair of cameras.

    start: id of the camera that the vehicle leaves.
    end: id of the camera that it enters.
    min_s: shortest time from leaving the one view to entering the other, seconds; below zero where the views overlap.
    max_s: longest such time, seconds.
    both_ways: the way back has the same window.
    """

    start: CameraId
    end: CameraId
    min_s: float
    max_s: float
    both_ways: bool = False


BROAD_COUNT = 3.0
"""Links that the density before anything was seen counts for."""

GIVEN_COUNT = 20.0
"""Links that a travel time given by hand counts for: a prior, which the stream may correct."""

SPREAD_S = 2.0
"""Time by which given windows are widened: they are read off maps, and clocks differ."""


class Window(msgspec.Struct, frozen=True):
    """Possible travel times, in seconds."""

    min_s: float
    max_s: float

    def __contains__(self, travel_s: float) -> bool:
        return self.min_s <= travel_s <= self.max_s


class Topology:
    """What was said about travel times by hand, as what association believes before it has seen anything.

    Pairs that are not listed have the default window if there is one, else no vehicle goes from one to the other.
    A camera is its own neighbour for the fragments of one stay.
    """

    def __init__(self, travel: list[Travel], default: Window | None) -> None:
        self._windows: dict[tuple[str, str], Window] = {}
        self._default = default
        for entry in travel:
            self._add(entry.start, entry.end, entry)
            if entry.both_ways:
                self._add(entry.end, entry.start, entry)
        self.bins = TimeBins(self.horizon_s)

    def _add(self, start: str, end: str, entry: Travel) -> None:
        if not entry.min_s < entry.max_s:
            raise ConfigError(
                f"travel from '{start}' to '{end}': min_s {entry.min_s:g} is not below max_s {entry.max_s:g}"
            )
        if (start, end) in self._windows:
            raise ConfigError(f"travel from '{start}' to '{end}' is given twice; keep one window for the pair")
        self._windows[start, end] = Window(entry.min_s, entry.max_s)

    def window(self, start: str, end: str) -> Window | None:
        """The window of a pair, None where no vehicle goes."""
        if start == end and (start, end) not in self._windows:
            return None
        return self._windows.get((start, end), self._default)

    @property
    def horizon_s(self) -> float:
        """Time without a sighting after which no window can be met any more, in seconds."""
        windows = [*self._windows.values()]
        if self._default is not None:
            windows.append(self._default)
        return max((window.max_s for window in windows), default=60.0)

    def priors(self, cameras: Sequence[str]) -> TravelPriors:
        """Beliefs about each pair of cameras before anything was seen."""
        count, number = len(cameras), {name: index for index, name in enumerate(cameras)}
        nowhere, here = np.zeros(self.bins.count), self.bins.within_a_view
        densities = [(nowhere, nowhere), (here, here)]  # from leaving, from entering
        which, weights = np.zeros((count, count), np.int64), np.full((count, count), BROAD_COUNT)
        by_hand = np.zeros((count, count), np.bool_)
        if self._default is not None:
            which[:] = len(densities)
            densities.append(self._unlisted)
        np.fill_diagonal(which, 1)
        for (start, end), given in self._windows.items():
            if start in number and end in number:
                a, b = number[start], number[end]
                which[a, b], weights[a, b], by_hand[a, b] = len(densities), GIVEN_COUNT, True
                window = self.bins.window(given.min_s - SPREAD_S, given.max_s + SPREAD_S)
                densities.append((window, window))
        return TravelPriors(np.array(densities).swapaxes(0, 1), which, weights, by_hand)

    @cached_property
    def _unlisted(self) -> tuple[Floats, Floats]:
        """Densities of a pair of which nothing was said but, maybe, limits."""
        assert self._default is not None
        low_s, high_s = self._default.min_s, self._default.max_s
        leaving, entering = self.bins.from_leaving, self.bins.from_entering
        return self.bins.within(leaving, low_s, high_s), self.bins.within(entering, low_s, high_s)
