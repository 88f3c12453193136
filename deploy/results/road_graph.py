"""The learned roads of a site as a directed graph: cameras are its nodes, pairs of cameras its edges."""

from pathlib import Path
from typing import TYPE_CHECKING

from associate.learned import LearnedTopology
from ingest.errors import ConfigError

if TYPE_CHECKING:
    from networkx import DiGraph


def road_graph(topology: LearnedTopology) -> "DiGraph":
    """Build the graph; attributes have the names and units of LearnedCamera and LearnedPair, without what is None."""
    import networkx as nx

    graph = nx.DiGraph()
    for each in topology.cameras:
        numbers = {name: getattr(each, name) for name in each.__slots__ if name != "camera"}
        graph.add_node(each.camera, **{name: value for name, value in numbers.items() if value is not None})
    for pair in topology.pairs:
        numbers = {name: getattr(pair, name) for name in pair.__slots__ if name not in ("start", "end")}
        graph.add_edge(pair.start, pair.end, **numbers)
    return graph


def write_graphml(topology: LearnedTopology, path: Path) -> None:
    """Write the graph as GraphML (graphml.graphdrawing.org); raises ConfigError where the file cannot be written."""
    import networkx as nx

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        nx.write_graphml(road_graph(topology), path)
    except OSError as error:
        raise ConfigError(f"cannot write the graph {path}: {error.strerror}") from error
