"""Scenery beside the streets of one camera: houses, trees, lamps, signs, rails."""

from dataclasses import dataclass

import numpy as np

from ingest.frame import Image
from ingest.synthetic.camera.spec import CameraSpec, Surroundings
from ingest.synthetic.scene.buildable_area import BuildableArea
from ingest.synthetic.scene.furniture import billboard, bin_, bollard, lamp_post, rail, sign, signal, wall_along
from ingest.synthetic.scene.ground import STYLES
from ingest.synthetic.scene.houses import build_houses
from ingest.synthetic.scene.markings import Side
from ingest.synthetic.scene.scene_object import SceneObject, square
from ingest.synthetic.scene.trees import SPECIES, grow_tree
from ingest.synthetic.world.paths import beside, directions, even, left_of, lengths, piece
from ingest.synthetic.world.streets import Line, Streets
from ingest.synthetic.world.weather import Weather

_FROM_ROAD_M = 0.3
"""Least distance of objects from the carriageway, metres."""

_HEADROOM_M = 5.0
"""Least height at which a crown begins that reaches over a carriageway."""


@dataclass(frozen=True, slots=True)
class PlaceStyle:
    """Style of the furniture of a place's streets, with the distances between objects in metres.

    tree_off_m: distances of trees from the kerb, least and most. species: the kinds of trees. lamp_m: height of the
    lamps.
    """

    trees_every_m: float
    tree_off_m: tuple[float, float]
    species: tuple[str, ...]
    lamps_every_m: float
    lamp_m: float
    small_every_m: float
    boundary: str


PLACES: dict[Surroundings, PlaceStyle] = {
    "old-town": PlaceStyle(45.0, (1.3, 1.9), ("pine", "plane"), 26.0, 6.2, 8.0, "bollards"),
    "suburb": PlaceStyle(11.0, (2.2, 7.0), ("plane", "lime", "maple"), 28.0, 7.5, 16.0, "hedge"),
    "open-road": PlaceStyle(8.0, (7.0, 32.0), ("poplar", "plane", "pine", "maple"), 45.0, 9.5, 60.0, "guard"),
    "commercial": PlaceStyle(18.0, (2.0, 5.0), ("maple", "pine"), 30.0, 9.0, 15.0, "rail"),
}


def draw_scenery(
    streets: Streets, spec: CameraSpec, weather: Weather, rng: np.random.Generator
) -> tuple[list[SceneObject], BuildableArea]:
    """Draw the scenery around one camera; returns it and the area that it was built in.

    Nothing of it touches a carriageway.
    """
    # Step 1: houses
    site = BuildableArea(streets, spec.pose)
    style = PLACES[spec.place]
    objects: list[SceneObject] = []
    for side in site.sides:
        objects += build_houses(side, site, spec.place, weather, rng)
    # Step 2: lamps, furniture and boundaries along the kerbs, signals at the stop lines
    for side in site.sides:
        for line in _kerb_runs(side):
            objects += _line_up(line, side, site, spec, rng)
    for line_end in _stop_places(site, streets):
        objects += [signal(*line_end)] if site.free(square(line_end[0], 0.25), _FROM_ROAD_M) else []
    # Step 3: trees in the room that is left
    for side in site.sides:
        for line in _kerb_runs(side):
            objects += _plant(line, side, site, style, rng)
    return [*objects, _lamp_on_mast(site)], site


def _lamp_on_mast(site: BuildableArea) -> SceneObject:
    """Lamp that a camera shares its mast with; it lights the street before it."""
    yaw = np.radians(site.pose.yaw_deg)
    ahead = np.array([-np.sin(yaw), np.cos(yaw)])
    here = np.array([site.pose.x_m, site.pose.y_m])
    return SceneObject((), square(here, 0.2), lamp_m=np.array([*(here + 9 * ahead), site.pose.z_m + 1.5]))


def _kerb_runs(side: Side) -> list[Line]:
    """Parts of a side that face no other lane."""
    cuts = np.flatnonzero(np.diff(side.kerb)) + 1
    runs = zip(np.concatenate([[0], cuts]), np.concatenate([cuts, [len(side.line)]]), strict=True)
    return [side.line[start:end] for start, end in runs if side.kerb[start] and end - start > 2]


def _line_up(
    line: Line, side: Side, site: BuildableArea, spec: CameraSpec, rng: np.random.Generator
) -> list[SceneObject]:
    """Build lamps, small furniture and the boundary along one kerb."""
    style, ground = PLACES[spec.place], STYLES[spec.place]
    objects: list[SceneObject] = []
    total_m = float(lengths(line)[-1])
    if rng.random() < 0.75:
        for at_m in np.arange(rng.uniform(3, style.lamps_every_m), total_m - 2, style.lamps_every_m):
            at, out, _ = _spot(line, side, float(at_m), ground.kerb_m + 0.55)
            if site.matters(at) and site.free(square(at, 0.2), _FROM_ROAD_M):
                objects.append(lamp_post(at, -out, style.lamp_m, rng))
                site.take(square(at, 0.6))
    for at_m in np.arange(rng.uniform(2, style.small_every_m), total_m - 2, style.small_every_m):
        at, _, way = _spot(line, side, float(at_m) + rng.normal(0, 1.5), ground.kerb_m + rng.uniform(0.5, 0.9))
        kind, facing = rng.random(), -way
        if not site.matters(at) or not site.free(square(at, 0.5), 0.12):
            continue
        site.take(square(at, 0.5))
        if kind < 0.45:
            objects.append(sign(at, facing, rng))
        elif kind < 0.75:
            objects.append(bin_(at, rng))
        elif spec.place == "commercial":
            board, out, _ = _spot(line, side, float(at_m), ground.pavement_m + 3.0)
            if site.free(square(board, 2.6), 2.0, tall=True):
                objects.append(billboard(board, facing, rng))
                site.take(square(board, 2.6))
    return objects + _bound(line, side, site, style, ground.pavement_m, rng)


def _bound(
    line: Line, side: Side, site: BuildableArea, style: PlaceStyle, pavement_m: float, rng: np.random.Generator
) -> list[SceneObject]:
    """Build the boundary of a street to the side: bollards, hedges and garden walls, crash barriers, railings."""
    objects: list[SceneObject] = []
    total_m = float(lengths(line)[-1])
    step_m = {"bollards": 2.2, "hedge": 9.0, "guard": 16.0, "rail": 12.0}[style.boundary]
    chance = {"bollards": 0.45, "hedge": 0.72, "guard": 0.93, "rail": 0.3}[style.boundary]
    bollards = rng.random() < chance
    for at_m in np.arange(1.0, total_m - step_m, step_m):
        if not site.matters(_spot(line, side, float(at_m) + step_m / 2, 0.0)[0]):
            continue
        part = piece(line, float(at_m), float(at_m) + step_m)
        if style.boundary == "bollards":
            at, _, _ = _spot(line, side, float(at_m), 0.5)
            if bollards and site.free(square(at, 0.12), 0.2):
                objects.append(bollard(at))
            continue
        off_m = {"hedge": pavement_m + 0.5, "guard": 1.0, "rail": 0.45}[style.boundary]
        course = beside(part, side.outward * off_m)
        if rng.random() > chance or not all(site.free(square(point, 0.2), 0.25) for point in even(course, 2.0)):
            continue
        if style.boundary == "hedge":
            height_m = float(rng.uniform(0.8, 1.7))
            objects.append(wall_along(course, height_m, 0.5 if rng.random() < 0.6 else 0.2, _paint_boundary(rng)))
        else:
            objects.append(rail(course, guard=style.boundary == "guard"))
    return objects


def _plant(
    line: Line, side: Side, site: BuildableArea, style: PlaceStyle, rng: np.random.Generator
) -> list[SceneObject]:
    """Plant trees along one kerb; few where their crowns hide the street, none of those close before the camera."""
    objects = []
    species = style.species[int(rng.integers(len(style.species)))]
    for at_m in np.arange(rng.uniform(2, style.trees_every_m), lengths(line)[-1], style.trees_every_m):
        at, _, _ = _spot(line, side, float(at_m) + rng.normal(0, 1), rng.uniform(*style.tree_off_m))
        name = species if rng.random() < 0.75 else style.species[int(rng.integers(len(style.species)))]
        height_m = float(rng.uniform(5.0, 10.5)) * (1.25 if name == "poplar" else 1.0)
        trunk, crown = square(at, 0.35), square(at, 0.55 * SPECIES[name].width * height_m)
        over_road = SPECIES[name].crown_from * height_m > _HEADROOM_M
        room_m = 0.5 if over_road else 0.65 * SPECIES[name].width * height_m
        near = np.linalg.norm(at - [site.pose.x_m, site.pose.y_m]) < 26
        hides = site.hides_street(crown)
        if (
            not site.matters(at)
            or not site.free(trunk, 0.5)
            or site.road_distance_m(at) < room_m
            or (hides and (near or rng.random() < 0.75))
        ):
            continue
        objects.append(grow_tree(float(at[0]), float(at[1]), height_m, name, rng))
        site.take(trunk)
    return objects


def _spot(line: Line, side: Side, at_m: float, off_m: float) -> tuple[Line, Line, Line]:
    """Place at `at_m` along and `off_m` off the kerb, the direction away from the street, and the driving direction."""
    at_m = float(np.clip(at_m, 0, lengths(line)[-1] - 0.1))
    part = piece(line, at_m, at_m + 0.5)
    way = directions(part)[0]
    out = side.outward * left_of(way)
    return part[0] + out * off_m, out, way


def _stop_places(site: BuildableArea, streets: Streets) -> list[tuple[Line, Line]]:
    """Places beside the stop lines of larger junctions, each with the direction against the traffic."""
    found = []
    for side in site.sides:
        end, way = side.line[-1], directions(side.line)[-1]
        near = [each for each in streets.junctions if np.linalg.norm(end - each, axis=1).min() < 12 and len(each) >= 8]
        if near and side.kerb[-1] and side.lane.place == 0:
            found.append((end - way * 0.4 + side.outward * left_of(way) * 0.8, -way))
    return found


def _paint_boundary(rng: np.random.Generator) -> Image:
    """Paint leaves of a hedge, or bricks or render of a garden wall, (64, 64, 3)."""
    grain = rng.standard_normal((64, 64, 1))
    if rng.random() < 0.6:
        return np.asarray(np.clip(np.array((38, 78, 62)) * (1 + 0.3 * grain), 0, 255), np.uint8)
    base = np.array(((86, 104, 150), (150, 158, 164), (120, 128, 132))[int(rng.integers(3))])
    courses = np.where(np.arange(64) % 8 < 1, 1.15, 1.0)[:, None, None]
    return np.asarray(np.clip(base * courses + 7 * grain, 0, 255), np.uint8)
