"""The figure of the learned roads."""

from pathlib import Path

import cv2
import networkx as nx
import numpy as np
import pytest

from ingest.errors import ConfigError

pytest.importorskip("matplotlib", reason="extra `score`")

from training.topology_figure import draw


def roads(*pairs: tuple[str, str, float, float]) -> "nx.DiGraph":
    graph = nx.DiGraph()
    for start, end, share, median_s in pairs:
        graph.add_edge(start, end, share=share, median_s=median_s)
    return graph


@pytest.mark.parametrize(
    "graph",
    [
        roads(("a", "b", 0.9, 8.0)),
        roads(("a", "b", 0.9, 8.0), ("b", "a", 0.4, 60.0), ("b", "c", 0.6, -3.0)),
        roads(("a", "b", 0.9, 8.0), ("c", "d", 0.4, 60.0)),  # no road between the two
    ],
    ids=["one road", "both ways, and overlapping views", "two parts"],
)
def test_more_roads_are_more_ink(tmp_path: Path, graph: "nx.DiGraph") -> None:
    alone = nx.DiGraph()
    alone.add_nodes_from(graph)
    ink = []
    for name, each in (("alone", alone), ("roads", graph)):
        draw(each, tmp_path / "new" / f"{name}.png")
        image = cv2.imread(str(tmp_path / "new" / f"{name}.png"))
        assert image is not None
        assert min(image.shape[:2]) > 400
        ink.append(int(np.count_nonzero(image.min(-1) < 200)))
    assert ink[1] > ink[0] + 500 * graph.number_of_edges()


def test_a_path_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write the figure"):
        draw(roads(("a", "b", 0.9, 8.0)), tmp_path / "file" / "roads.png")
