"""Travel times from the view of one camera to the view of another."""

import msgspec

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


class Window(msgspec.Struct, frozen=True):
    """Possible travel times, in seconds."""

    min_s: float
    max_s: float

    def __contains__(self, travel_s: float) -> bool:
        return self.min_s <= travel_s <= self.max_s


class Topology:
    """Travel-time windows of camera pairs.

    Pairs that are not listed have the default window if there is one, else no vehicle goes from one to the other.
    A camera is not its own neighbour, except that a vehicle in view while its stream was interrupted may be seen
    again within `resume_s`.
    """

    def __init__(self, travel: list[Travel], default: Window | None, *, resume_s: float = 10.0) -> None:
        self._windows: dict[tuple[str, str], Window] = {}
        self._default = default
        self._resume = Window(0.0, resume_s)
        for entry in travel:
            self._add(entry.start, entry.end, entry)
            if entry.both_ways:
                self._add(entry.end, entry.start, entry)

    def _add(self, start: str, end: str, entry: Travel) -> None:
        if not entry.min_s < entry.max_s:
            raise ConfigError(
                f"travel from '{start}' to '{end}': min_s {entry.min_s:g} is not below max_s {entry.max_s:g}"
            )
        if (start, end) in self._windows:
            raise ConfigError(f"travel from '{start}' to '{end}' is given twice; keep one window for the pair")
        self._windows[start, end] = Window(entry.min_s, entry.max_s)

    def window(self, start: str, end: str, *, interrupted: bool = False) -> Window | None:
        """The window of a pair, None where no vehicle goes; `interrupted`: the stream was re-opened in between."""
        if start == end and (start, end) not in self._windows:
            return self._resume if interrupted else None
        return self._windows.get((start, end), self._default)

    @property
    def horizon_s(self) -> float:
        """Time without a sighting after which no window can be met any more, in seconds."""
        windows = [*self._windows.values(), self._resume]
        if self._default is not None:
            windows.append(self._default)
        return max(window.max_s for window in windows)
