"""The roads as they were said last, in rows of state, and the records that are due."""

from collections.abc import Iterable

from associate.learned import learned_pairs
from associate.memory.memory import Memory
from associate.roads.drift import alarms
from associate.roads.edges import FEWEST_LINKS, changed, edge_of, gone
from associate.roads.records import Alarm, Edge, RoadRecord
from associate.rows import Flow
from associate.state import Table

EVERY_S = 60.0
"""Event time between two comparisons with what has been learned."""


class Roads:
    """Topology as it was said; `compare` sets what is learned beside that, `take` gives the records that follow.

    edges: the latest record of each edge. alarms: those that stand. flows: of the roads, as they are usually.
    """

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self.edges: Table[Edge] = Table("edge", Edge)
        self.alarms: Table[Alarm] = Table("alarm", Alarm)
        self.flows: Table[Flow] = Table("flow", Flow)
        self._said: list[RoadRecord] = []

    def due(self, memory: Memory, now_s: float) -> bool:
        """True where a minute of event time has passed since the latest comparison."""
        return now_s >= memory.progress.now.roads_s + EVERY_S

    def compare(self, memory: Memory, now_s: float, at_ns: int) -> None:
        """Say which edges have changed since the last time."""
        memory.progress.advance(roads_s=now_s)
        pairs = [edge_of(pair, self._zone, at_ns) for pair in learned_pairs(memory, FEWEST_LINKS / 2)]
        now = {edge.key: edge for edge in pairs}
        for key in self.edges.names:
            if key not in now:
                self._said.append(gone(self.edges[key], at_ns))
                self.edges.drop(key)
        for key, edge in now.items():
            if changed(edge, self.edges.get(key)):
                self._said.append(edge)
                self.edges.put(key, edge)

    def watch(self, memory: Memory, silent: Iterable[str], now_s: float, at_ns: int) -> None:
        """Raise alarms, and end them; `silent` are the cameras that are not heard at present."""
        for name in silent:
            memory.cameras.not_heard(name, at_ns)
        standing = {key: self.alarms[key] for key in self.alarms.names}
        for alarm in alarms(memory, standing, self.flows, silent, self._zone, now_s, at_ns):
            self._said.append(alarm)
            if alarm.over:
                self.alarms.drop(alarm.key)
            else:
                self.alarms.put(alarm.key, alarm)

    def take(self) -> list[RoadRecord]:
        """The records since the last call."""
        said, self._said = self._said, []
        return said
