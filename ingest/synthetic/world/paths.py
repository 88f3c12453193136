"""Paths on the map: lengths, parallels, strips and pieces of polylines."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.world.streets import Line


def even(line: Line, step_m: float) -> Line:
    """Space the points of a line evenly, at most `step_m` apart: (N, 2), at least two."""
    along = lengths(line)
    count = max(2, int(np.ceil(along[-1] / step_m)) + 1)
    at = np.linspace(0, along[-1], count)
    return np.stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])], axis=1)


def lengths(line: Line) -> NDArray[np.float64]:
    """Distances of the points along their line, (N,) metres."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])


def directions(line: Line) -> Line:
    """Unit vectors (N, 2) along the line at its points."""
    steps = np.diff(line, axis=0)
    steps = steps / np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-9)
    ways = np.concatenate([steps[:1], steps[:-1] + steps[1:], steps[-1:]])
    return np.asarray(ways / np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-9))


def left_of(ways: Line) -> Line:
    """Turn unit vectors left by a right angle."""
    return np.stack([-ways[..., 1], ways[..., 0]], axis=-1)


def beside(line: Line, left_m: float | NDArray[np.float64]) -> Line:
    """Move a line to its left by metres, or to its right when negative."""
    return np.asarray(line + left_of(directions(line)) * np.reshape(left_m, (-1, 1)))


def strip(line: Line, left_m: float, right_m: float) -> Line:
    """Make the polygon (2 N, 2) between two parallels; both distances count to the left."""
    return np.concatenate([beside(line, left_m), beside(line, right_m)[::-1]])


def piece(line: Line, from_m: float, to_m: float) -> Line:
    """Cut the part of a line between two distances along it."""
    along = lengths(line)
    from_m, to_m = max(0.0, from_m), min(float(along[-1]), to_m)
    inner = line[(along > from_m) & (along < to_m)]
    ends = np.array([[np.interp(at, along, line[:, axis]) for axis in (0, 1)] for at in (from_m, to_m)])
    return np.concatenate([ends[:1], inner, ends[1:]])


def dashes(line: Line, dash_m: float, gap_m: float) -> Iterator[Line]:
    """Cut a line into pieces of `dash_m` with gaps of `gap_m` between them."""
    total_m = float(lengths(line)[-1])
    for start_m in np.arange(gap_m / 2, total_m - dash_m / 2, dash_m + gap_m):
        yield piece(line, float(start_m), float(start_m) + dash_m)


def disc(centre: NDArray[np.float64], radius_m: float, corners: int = 14) -> Line:
    """Make a circle as a polygon."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.asarray(centre + radius_m * np.stack([np.cos(angle), np.sin(angle)], axis=1))


def grown(polygon: Line, by_m: float) -> list[Line]:
    """Grow a polygon by `by_m`: several polygons that together cover it and its surroundings."""
    parts = [polygon]
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if np.linalg.norm(end - start) > 1e-6:
            parts.append(strip(np.stack([start, end]), by_m, -by_m))
        parts.append(disc(start, by_m, 10))
    return parts


def cut(polygon: NDArray[np.floating], distance: NDArray[np.floating]) -> NDArray[np.floating]:
    """Clip a polygon (N, 2) or (N, 3) by a plane, to the part whose distances, (N,) at its corners, are not negative.

    Sutherland and Hodgman, CACM 17 (1974), for one plane.
    """
    keeps = distance >= 0
    if keeps.all():
        return polygon
    after, after_distance = np.roll(polygon, -1, axis=0), np.roll(distance, -1)
    crosses = keeps != (after_distance >= 0)
    share = np.where(crosses, distance / np.where(crosses, distance - after_distance, 1), 0)
    both = np.stack([polygon, polygon + share[:, None] * (after - polygon)], axis=1)
    return np.asarray(both.reshape(-1, polygon.shape[1])[np.stack([keeps, crosses], axis=1).ravel()])
