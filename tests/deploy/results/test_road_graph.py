"""The learned roads as GraphML: what is written is read again, by its names."""

from pathlib import Path

import networkx as nx
import pytest

from associate.learned import LearnedCamera, LearnedPair, LearnedTopology
from deploy.results.road_graph import road_graph, write_graphml
from ingest.errors import ConfigError

NORTH = LearnedCamera("north", 40.0, 10.0, 0.25, 50.0, 45.0, 0.9)
SOUTH = LearnedCamera("süd & west", 0.0, 0.0, None, 30.0, 0.0, 0.0)
ROADS = LearnedTopology([NORTH, SOUTH], [LearnedPair("north", "süd & west", 0.75, 30.0, 8.5, 9.25, 12.0)])


def test_graphml_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "roads.graphml"
    write_graphml(ROADS, path)
    graph = nx.read_graphml(path)
    assert graph.is_directed()
    assert dict(graph.nodes["north"]) == {
        "exits": 40.0,
        "ends": 10.0,
        "end_share": 0.25,
        "entries": 50.0,
        "begins": 45.0,
        "begin_share": 0.9,
    }
    assert "end_share" not in graph.nodes["süd & west"]
    assert list(graph.edges(data=True)) == [
        ("north", "süd & west", {"share": 0.75, "links": 30.0, "p15_s": 8.5, "median_s": 9.25, "p85_s": 12.0})
    ]


def test_a_camera_without_roads_is_a_node() -> None:
    assert list(road_graph(LearnedTopology([NORTH], [])).nodes) == ["north"]


def test_a_path_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write the graph "):
        write_graphml(ROADS, tmp_path / "file" / "roads.graphml")
