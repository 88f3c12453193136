"""Streets from a SUMO network: lanes, pavements, junctions and crossings out of a `.net.xml`."""

import gzip
from pathlib import Path
from typing import BinaryIO, cast
from xml.etree import ElementTree

import numpy as np

from ingest.errors import ConfigError
from ingest.synthetic.world.streets import Lane, LaneKind, Line, Streets

_LANE_WIDTH_M = 3.2
"""Width of a lane that SUMO takes where a network says nothing."""


def read_streets(path: Path) -> Streets:
    """Read the map in a `.net.xml` or `.net.xml.gz`, in its own metres; raises ConfigError when it cannot be read.

    Lanes within junctions are left out: the junctions' polygons cover them.
    """
    lanes: list[Lane] = []
    junctions: list[Line] = []
    crossings: list[Line] = []
    try:
        with open_xml(path) as file:
            for _, element in ElementTree.iterparse(file):
                if element.tag == "edge":
                    _take_edge(element, lanes, crossings)
                elif element.tag == "junction" and element.get("type") not in ("internal", "dead_end"):
                    outline = _line(element.get("shape", ""))
                    if len(outline) >= 3:
                        junctions.append(outline)
                if element.tag in ("edge", "junction", "connection", "request"):
                    element.clear()
    except (OSError, ElementTree.ParseError, ValueError) as error:
        raise ConfigError(f"Cannot read the SUMO network {path}: {error}") from error
    if not lanes:
        raise ConfigError(f"The SUMO network {path} has no lanes")
    return Streets(tuple(lanes), tuple(junctions), tuple(crossings))


def open_xml(path: Path) -> BinaryIO:
    """Open a file of SUMO's, packed or not."""
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _take_edge(edge: ElementTree.Element, lanes: list[Lane], crossings: list[Line]) -> None:
    function = edge.get("function", "normal")
    for lane in edge.iter("lane"):
        centre, width_m = _line(lane.get("shape", "")), float(lane.get("width", _LANE_WIDTH_M))
        kind = _kind(lane.get("allow", ""), lane.get("disallow", ""))
        if len(centre) < 2 or kind is None:
            continue
        if function == "crossing":
            crossings.append(_across(centre, width_m))
        elif function in ("normal", "connector"):
            lanes.append(Lane(edge.get("id", ""), int(lane.get("index", 0)), centre, width_m, kind))


def _kind(allow: str, disallow: str) -> LaneKind | None:
    """Kind of a lane by the classes that it allows; None when nothing there is drawn (rails, water)."""
    allowed = set(allow.split())
    if allowed & {"pedestrian", "bicycle"} and not allowed & {"passenger", "bus", "delivery", "truck", "motorcycle"}:
        return "walk"
    if (not allowed and "all" not in disallow) or allowed & {"passenger", "private", "all"}:
        return "road"
    return "bus" if allowed & {"bus", "coach", "taxi", "delivery", "emergency", "authority"} else None


def _line(shape: str) -> Line:
    points = [[float(value) for value in point.split(",")[:2]] for point in shape.split()]
    return np.array(points, np.float64).reshape(-1, 2)


def _across(centre: Line, width_m: float) -> Line:
    """Polygon (4, 2) of a zebra crossing from the line that people walk along."""
    start, end = centre[0], centre[-1]
    along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-6)
    aside = np.array([-along[1], along[0]]) * width_m / 2
    return np.array([start - aside, start + aside, end + aside, end - aside])
