"""Road markings: lines between lanes, stop lines, crossings and arrows, as polygons on the map."""

import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.world.paths import beside, dashes, directions, even, left_of, lengths, piece, strip
from ingest.synthetic.world.streets import Lane, Line, Streets

_STEP_M = 2.0
_BESIDE_M = 1.4
"""Distance below which boundaries belong together."""

_JOINED_M = 2.5
_AT_JUNCTION_M = 15.0
_LEADS_ON_M = 150.0

Border = Literal["lane", "opposite", "kerb"]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side of a lane that no lane of the same edge adjoins.

    line: (N, 2) along the boundary, in driving direction. outward: 1 where the outside is on the left. kerb: (N,) bool,
    where there is no lane of another edge beyond it.
    """

    lane: Lane
    line: Line
    outward: int
    kerb: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MarkingStyle:
    """Style of the markings of a place. edge_lines: lines along the kerb. dash_m: dash and gap between lanes."""

    edge_lines: bool = True
    dash_m: tuple[float, float] = (2.0, 4.0)
    solid_middle: bool = False
    arrows: bool = True


def drivable(streets: Streets) -> list[Lane]:
    """Lanes for vehicles, their points evenly spaced; those that the map cuts off are led on straight."""
    lanes = [
        lane
        for lane in streets.lanes
        if lane.kind != "walk" and len(lane.centre_m) > 1 and lengths(lane.centre_m)[-1] > 0.5
    ]
    ends = np.array([lane.centre_m[place] for lane in lanes for place in (0, -1)]).reshape(-1, 2)
    return [
        Lane(lane.edge, lane.place, even(_led_on(lane.centre_m, ends, streets), _STEP_M), lane.width_m, lane.kind)
        for lane in lanes
    ]


def _led_on(line: Line, ends: Line, streets: Streets) -> Line:
    """Lengthen a line at an end where neither a lane nor a junction adjoins."""

    def open_(end: Line) -> bool:
        lanes = int((np.linalg.norm(ends - end, axis=1) < _JOINED_M).sum()) > 1
        return not lanes and all(
            np.linalg.norm(each - end, axis=1).min() > _AT_JUNCTION_M for each in streets.junctions
        )

    ways = directions(line)
    before = [line[:1] - ways[0] * _LEADS_ON_M] if open_(line[0]) else []
    after = [line[-1:] + ways[-1] * _LEADS_ON_M] if open_(line[-1]) else []
    return np.concatenate([*before, line, *after])


def sides(lanes: list[Lane]) -> list[Side]:
    """Find the outer sides of all edges."""
    found = []
    for of_edge in _by_edge(lanes).values():
        for lane, outward in ((of_edge[0], -1), (of_edge[-1], 1)):
            line = beside(lane.centre_m, outward * lane.width_m / 2)
            probe = beside(lane.centre_m, outward * (lane.width_m / 2 + _BESIDE_M / 2))
            others = [other for other in lanes if other.edge != lane.edge]
            found.append(Side(lane, line, outward, ~within_lanes(probe, others, _BESIDE_M / 2)))
    return found


def within_lanes(points: Line, lanes: list[Lane], margin_m: float = 0.0) -> NDArray[np.bool_]:
    """(N,) bool, True for points (N, 2) in a lane or closer to one than a margin."""
    inside = np.zeros(len(points), bool)
    for lane in lanes:
        start, step = lane.centre_m[:-1], np.diff(lane.centre_m, axis=0)
        reach = lane.width_m / 2 + margin_m
        low, high = lane.centre_m.min(0) - reach, lane.centre_m.max(0) + reach
        near = np.flatnonzero(((points >= low) & (points <= high)).all(1) & ~inside)
        if not len(near):
            continue
        to = points[near, None] - start
        share = np.clip((to * step).sum(2) / np.maximum((step**2).sum(1), 1e-9), 0, 1)
        distance = np.linalg.norm(to - share[..., None] * step, axis=2).min(1)
        inside[near] = distance < reach
    return inside


def paint_lines(streets: Streets, style: MarkingStyle) -> list[Line]:
    """Make the polygons of all markings."""
    # Step 1: lines between lanes of one direction
    lanes = drivable(streets)
    painted: list[Line] = []
    for of_edge in _by_edge(lanes).values():
        for right, left in itertools.pairwise(of_edge):
            line = beside(right.centre_m, right.width_m / 2)
            bus = "bus" in (right.kind, left.kind)
            pieces = [line] if bus else list(dashes(line, *style.dash_m))
            painted += [strip(each, 0.12 if bus else 0.07, -0.12 if bus else -0.07) for each in pieces]
    # Step 2: edge lines and middle lines
    for side in sides(lanes):
        painted += _paint_side(side, style)
    # Step 3: stop lines, arrows and crossings
    for of_edge in _by_edge(lanes).values():
        painted += _paint_end(of_edge, streets, style)
    for crossing in streets.crossings:
        painted += zebra(crossing)
    return painted


def zebra(crossing: Line) -> list[Line]:
    """Make the stripes of a crossing (4, 2), along its first side, about half a metre wide."""
    first, second, third, fourth = crossing
    across_m = float(np.linalg.norm(fourth - first))
    count = max(1, int((across_m + 0.5) / 1.0))
    stripes = []
    for number in range(count):
        low, high = (number + 0.25) / count, (number + 0.75) / count
        corners = [first + (fourth - first) * low, second + (third - second) * low,
                   second + (third - second) * high, first + (fourth - first) * high]  # fmt: skip
        stripes.append(np.array(corners))
    return stripes


def _by_edge(lanes: list[Lane]) -> dict[str, list[Lane]]:
    edges: dict[str, list[Lane]] = defaultdict(list)
    for lane in lanes:
        edges[lane.edge].append(lane)
    return {edge: sorted(of_edge, key=lambda lane: lane.place) for edge, of_edge in edges.items()}


def _paint_side(side: Side, style: MarkingStyle) -> list[Line]:
    """Make the edge line along the kerb, and the middle line where another direction adjoins."""
    painted: list[Line] = []
    inside = -side.outward
    for kerb, line in _runs(side.line, side.kerb):
        if kerb and style.edge_lines:
            painted.append(strip(line, inside * 0.20, inside * 0.30))
        elif not kerb and style.solid_middle:
            painted.append(strip(line, inside * 0.06, inside * 0.18))
        elif not kerb and _first_of_pair(side):
            painted += [strip(each, 0.08, -0.08) for each in dashes(line, style.dash_m[0] * 1.5, style.dash_m[1] * 0.6)]
    return painted


def _first_of_pair(side: Side) -> bool:
    """Test for the direction that leads up, or to the right: of two that share a line only this one paints it."""
    way = side.line[-1] - side.line[0]
    return bool(way[1] > abs(way[0]) * 1e-3 or (abs(way[1]) <= abs(way[0]) * 1e-3 and way[0] > 0))


def _runs(line: Line, flags: NDArray[np.bool_]) -> list[tuple[bool, Line]]:
    """Cut a line where its flag changes."""
    cuts = np.flatnonzero(np.diff(flags)) + 1
    runs = []
    for start, end in zip(np.concatenate([[0], cuts]), np.concatenate([cuts, [len(line)]]), strict=True):
        part = line[start : min(end + 1, len(line))]
        if len(part) > 1:
            runs.append((bool(flags[start]), part))
    return runs


def _paint_end(of_edge: list[Lane], streets: Streets, style: MarkingStyle) -> list[Line]:
    """Make a stop line and arrows where an edge meets a junction."""
    end = of_edge[0].centre_m[-1]
    if not any(np.linalg.norm(end - junction, axis=1).min() < 12 for junction in streets.junctions):
        return []
    painted = []
    for lane in of_edge:
        total_m = float(lengths(lane.centre_m)[-1])
        if total_m < 12:
            continue
        painted.append(strip(piece(lane.centre_m, total_m - 0.9, total_m - 0.45), lane.width_m / 2, -lane.width_m / 2))
        if style.arrows and len(of_edge) > 1 and total_m > 30:
            turn = 0 if len(of_edge) > 2 and 0 < lane.place < len(of_edge) - 1 else (-1 if lane.place == 0 else 1)
            for at_m in (total_m - 9, total_m - 24):
                painted += _arrow(piece(lane.centre_m, at_m - 4.0, at_m), turn)
    return painted


def _arrow(shaft: Line, turn: int) -> list[Line]:
    """Make an arrow along a short line: straight on (0), or bent to the left (1) or right (-1)."""
    tip, way = shaft[-1], directions(shaft)[-1]
    across = left_of(way)
    if turn:
        way, across = turn * across, turn * -way
        tip = tip + way * 0.45 - across * 0.0
        neck = np.array([tip - way * 0.5 + across * 0.09, tip + across * 0.09, tip - across * 0.09])
        head = np.array([tip + across * 0.45, tip + way * 0.7, tip - across * 0.45])
        return [strip(shaft, 0.09, -0.09), neck, head]
    head = np.array([tip + across * 0.35, tip + way * 1.2, tip - across * 0.35])
    return [strip(shaft, 0.09, -0.09), head]
