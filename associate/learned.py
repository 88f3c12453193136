"""Topology as the stream has taught it: where vehicles go from each camera, how often, and in what time.

Counts are expected numbers: a link of probability 0.9 counts 0.9. What has left the memory weighs half after a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from associate.links.appearance import Calibration
from associate.links.counts import Counts
from associate.links.travel_times import Floats, TimeBins
from associate.memory.memory import Memory
from associate.roads.records import Alarm
from associate.rows import Past
from associate.settings import AssociateSettings
from associate.state import Table, load_tables
from associate.topology import Topology

QUANTILES = (0.15, 0.5, 0.85)


@dataclass(frozen=True, slots=True)
class LearnedPair:
    """An ordered pair of cameras that vehicles go between.

    share: of the exits of `start` that are seen next in `end`. links: expected number of links that it stands for.
    p15_s, median_s, p85_s: quantiles of the time from leaving the view of `start` to entering that of `end`, seconds;
    below zero where the views overlap, or the clocks differ.
    """

    start: str
    end: str
    share: float
    links: float
    p15_s: float
    median_s: float
    p85_s: float


@dataclass(frozen=True, slots=True)
class LearnedCamera:
    """Comings and goings of one camera, as expected numbers; fragments of one stay are none of either.

    exits: vehicles that left its view, as far as is known what became of them; ends: those seen nowhere next.
    entries: vehicles that came into it; begins: those seen nowhere before. Shares are of exits and of entries, None
    where there are none.
    """

    camera: str
    exits: float
    ends: float
    end_share: float | None
    entries: float
    begins: float
    begin_share: float | None


@dataclass(frozen=True, slots=True)
class LearnedTopology:
    """Learned topology of a site: pairs by camera, the most frequent first.

    alarms: roads and cameras that are not what they were.
    fewer_links: pairs that were left out because they have too few links; links_left_out: those of them together.
    other_horizon: pairs whose past was counted under another longest travel time, which is not read.
    """

    cameras: list[LearnedCamera]
    pairs: list[LearnedPair]
    fewer_links: int = 0
    links_left_out: float = 0.0
    other_horizon: int = 0
    alarms: tuple[Alarm, ...] = ()

    def from_links(self, fewest: float) -> "LearnedTopology":
        """The same without pairs of fewer links than that, which are counted."""
        kept = [pair for pair in self.pairs if pair.links >= fewest]
        few = [pair.links for pair in self.pairs if pair.links < fewest]
        return replace(
            self,
            pairs=kept,
            fewer_links=self.fewer_links + len(few),
            links_left_out=self.links_left_out + sum(few),
        )


def learned_topology(state: Mapping[str, bytes], settings: AssociateSettings) -> LearnedTopology:
    """Read what was learned out of association's state, as `Associator.changes` gave it; without pairs if nothing was.

    settings: those that association ran with. Raises msgspec.MsgspecError for rows of something else.
    """
    topology = Topology(settings.travel, settings.default_window)
    memory = Memory(topology, Calibration(), memory_s=settings.memory_s)
    _load(memory.tables, state)
    memory.restored()
    return LearnedTopology(
        cameras=_cameras(memory.cameras.names, memory.model.counts),
        pairs=learned_pairs(memory),
        other_horizon=_of_another_horizon(state, topology.bins),
        alarms=_alarms(state),
    )


def learned_pairs(memory: Memory, fewest: float = 0.0) -> list[LearnedPair]:
    """The pairs of cameras with links, as many as `fewest`, by what the memory has learned last."""
    names = memory.cameras.names
    exits = _between(memory.model.counts).sum(1) + memory.model.counts.ends
    links, counted = memory.traffic.camera_counts(least=fewest)
    found = []
    for a, b, times in zip(*(side.tolist() for side in counted.sides), counted.counts[0], strict=True):
        if a != b:
            share, times_s = float(links[a, b] / exits[a]), quantiles(times, memory.traffic.topology.bins, QUANTILES)
            found.append(LearnedPair(names[a], names[b], share, float(links[a, b]), *times_s))
    return sorted(found, key=lambda pair: (pair.start, -pair.share, pair.end))


def _load(tables: tuple[Table[Any], ...], state: Mapping[str, bytes]) -> None:
    names = {table.name for table in tables}
    load_tables(tables, {key: row for key, row in state.items() if key.partition("|")[0] in names})


def _between(counts: Counts) -> Floats:
    """Links (C, C) from camera to camera; those within one join the fragments of a stay."""
    return np.asarray(np.where(np.eye(len(counts.links), dtype=np.bool_), 0.0, counts.links), np.float64)


def _cameras(names: list[str], counts: Counts) -> list[LearnedCamera]:
    links = _between(counts)
    exits, entries = links.sum(1) + counts.ends, links.sum(0) + counts.arrivals
    columns = (
        exits,
        counts.ends,
        _shares(counts.ends, exits),
        entries,
        counts.arrivals,
        _shares(counts.arrivals, entries),
    )
    rows = zip(names, *(column.tolist() for column in columns), strict=True)
    return sorted((LearnedCamera(*row) for row in rows), key=lambda each: each.camera)


def _shares(part: Floats, whole: Floats) -> NDArray[np.object_]:
    """Shares (C,), None where the whole is nothing."""
    shares = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0).astype(np.object_)
    shares[whole <= 0] = None
    return shares


def quantiles(counts: Floats, bins: TimeBins, shares: tuple[float, ...]) -> list[float]:
    """Times in seconds below which such shares of the counts (B,) lie, which are uniform within a bin.

    Of the counts as they are: the density that links are judged by is smoothed, and so a tenth wider.
    """
    reached = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
    times: list[float] = np.interp(shares, reached, bins.edges_s).tolist()
    return times


def _alarms(state: Mapping[str, bytes]) -> tuple[Alarm, ...]:
    rows: Table[Alarm] = Table("alarm", Alarm)
    _load((rows,), state)
    return tuple(rows[key] for key in rows.names)


def _of_another_horizon(state: Mapping[str, bytes], bins: TimeBins) -> int:
    past: Table[Past] = Table("past", Past)
    _load((past,), state)
    size = 2 * bins.count * np.dtype(np.float32).itemsize
    return sum(name.startswith("camera|") and len(past[name].counts) != size for name in past.names)
