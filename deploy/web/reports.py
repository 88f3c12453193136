"""Reports by name: their question, their rows, and how they are read; for the API, the pages and `corridor report`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from deploy.web.index.store import Index
from deploy.web.reading.counts import Count, CountQuery, Counts, OdMatrix, OdPair, OdQuery, list_counts, list_od
from deploy.web.reading.topology import Topology, TopologyQuery, Way, read_topology
from deploy.web.reading.travel import TravelQuery, TravelTime, TravelTimes, list_travel_times


@dataclass(frozen=True, slots=True)
class Report:
    """A report. summary: what it is about; read: its answer, whose `rows` are of the kind `row`."""

    summary: str
    query: type[msgspec.Struct]
    answer: type[msgspec.Struct]
    row: type[msgspec.Struct]
    read: Callable[[Index, Any], Any]


REPORTS = {
    "travel-times": Report(
        "Travel times by pair of cameras and step of time.", TravelQuery, TravelTimes, TravelTime, list_travel_times
    ),
    "topology": Report(
        "Which camera follows which, how often, and how long that takes.", TopologyQuery, Topology, Way, read_topology
    ),
    "counts": Report("Vehicles by camera, kind and step of time.", CountQuery, Counts, Count, list_counts),
    "od": Report("Vehicles by first and last camera, and kind.", OdQuery, OdMatrix, OdPair, list_od),
}
