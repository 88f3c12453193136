"""The learned roads of a site as a figure: cameras, and arrows with the share and the median time of those who go."""

from pathlib import Path

import networkx as nx
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ingest.errors import ConfigError

BLUE, GRAY = "#0072B2", "#777777"
NODE_SIZE = 1500
CURVE = "arc3,rad=0.12"
"""Arrows are bent, so that the two ways of a road can be told apart."""

SHORTEST_S = 1.0
"""Time that the layout takes for the shortest one, seconds: views may overlap."""


def draw(graph: "nx.DiGraph", path: Path) -> None:
    """Write the figure of a graph whose edges have `share` and `median_s`; the width of an arrow is its share.

    Cameras that are near each other in time are near in the figure (Kamada and Kawai 1989). Raises ConfigError where
    the file cannot be written.
    """
    side_in = 4.0 + 2.2 * len(graph) ** 0.5
    figure = Figure(figsize=(side_in * 1.3, side_in), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    _draw_graph(axes, graph)
    axes.set_title("Where vehicles are seen next: share of exits, median time", loc="left", fontsize=11)
    axes.margins(0.15)
    axes.set_axis_off()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110, format="png")
    except OSError as error:
        raise ConfigError(f"cannot write the figure {path}: {error.strerror}") from error


def _draw_graph(axes: Axes, graph: "nx.DiGraph") -> None:
    places = nx.kamada_kawai_layout(_lengths(graph))
    shares = [share for _, _, share in graph.edges(data="share")]
    labels = {(a, b): f"{each['share']:.0%}  {each['median_s']:.1f} s" for a, b, each in graph.edges(data=True)}
    nx.draw_networkx_nodes(graph, places, ax=axes, node_color="white", edgecolors=BLUE, node_size=NODE_SIZE)
    nx.draw_networkx_labels(graph, places, ax=axes, font_size=9)
    nx.draw_networkx_edges(
        graph,
        places,
        ax=axes,
        edge_color=GRAY,
        width=[0.8 + 3 * share for share in shares],
        connectionstyle=CURVE,
        node_size=NODE_SIZE,
        arrowsize=14,
    )
    nx.draw_networkx_edge_labels(graph, places, labels, ax=axes, font_size=8, connectionstyle=CURVE)


def _lengths(graph: "nx.DiGraph") -> "nx.Graph":
    """Roads without direction; where both ways are known, the shorter one counts.

    Lengths are roots of times: arrows have to be long enough for their words.
    """
    roads = nx.Graph()
    roads.add_nodes_from(graph)
    for a, b, median_s in graph.edges(data="median_s"):
        length = max(median_s, SHORTEST_S) ** 0.5
        known = roads.get_edge_data(a, b, {"weight": length})["weight"]
        roads.add_edge(a, b, weight=min(known, length))
    return roads
