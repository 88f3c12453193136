"""What was said of the roads last, as rows of state, and what is to be said anew."""

from associate.learned import learned_pairs
from associate.memory import Memory
from associate.roads.edges import FEWEST_LINKS, changed, edge_of, gone
from associate.roads.records import Edge
from associate.state import Table

EVERY_S = 60.0
"""Event time between two comparisons with what has been learned."""


class Roads:
    """Topology as it was said; `compare` sets what is learned beside that, `take` gives the records that follow.

    edges: the latest record of each edge.
    """

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self.edges: Table[Edge] = Table("edge", Edge)
        self._said: list[Edge] = []

    def compare(self, memory: Memory, now_s: float, at_ns: int, *, last: bool = False) -> None:
        """Say what has changed since the last time, once a minute of event time; `last` where nothing more comes."""
        if not last and now_s < memory.progress.roads_s + EVERY_S:
            return
        memory.advance(roads_s=now_s)
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

    def take(self) -> list[Edge]:
        """The records since the last call."""
        said, self._said = self._said, []
        return said
