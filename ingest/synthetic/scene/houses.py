"""Houses along the streets, as each place builds them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.camera.spec import Surroundings
from ingest.synthetic.mesh import sheet
from ingest.synthetic.scene.buildable_area import BuildableArea
from ingest.synthetic.scene.facades import BAY_M, STOREY_M, paint_front, paint_roof
from ingest.synthetic.scene.markings import Side
from ingest.synthetic.scene.scene_object import SceneObject, TexturedMesh
from ingest.synthetic.world.paths import beside, lengths, piece
from ingest.synthetic.world.streets import Line
from ingest.synthetic.world.weather import Weather


@dataclass(frozen=True, slots=True)
class HouseStyle:
    """Style of the houses along a street: ranges in metres and storeys; pitched: their roofs."""

    set_back_m: tuple[float, float]
    length_m: tuple[float, float]
    depth_m: tuple[float, float]
    gap_m: tuple[float, float]
    floors: tuple[int, int]
    pitched: bool


HOUSES: dict[Surroundings, HouseStyle] = {
    "old-town": HouseStyle((2.7, 3.1), (9, 21), (9, 13), (0.0, 0.4), (3, 5), pitched=True),
    "suburb": HouseStyle((5.5, 8.5), (8, 15), (8, 10), (3.0, 7.0), (2, 2), pitched=True),
    "open-road": HouseStyle((26.0, 45.0), (12, 30), (10, 16), (30.0, 80.0), (2, 3), pitched=True),
    "commercial": HouseStyle((5.0, 13.0), (18, 42), (14, 24), (4.0, 14.0), (2, 5), pitched=False),
}


def build_houses(
    side: Side, site: BuildableArea, surroundings: Surroundings, weather: Weather, rng: np.random.Generator
) -> list[SceneObject]:
    """Build houses along one side of a street, where there is room."""
    style = HOUSES[surroundings]
    built = []
    along = lengths(side.line)
    at_m = float(rng.uniform(0, 4))
    while at_m < along[-1] - 5:
        if not site.matters(side.line[min(int(np.searchsorted(along, at_m)), len(side.line) - 1)]):
            at_m += 4.0
            continue
        length_m = min(float(rng.uniform(*style.length_m)), float(along[-1]) - at_m)
        back_m, depth_m = float(rng.uniform(*style.set_back_m)), float(rng.uniform(*style.depth_m))
        for shorter in (1.0, 0.5):
            footprint = _footprint(side, at_m, length_m * shorter, back_m, depth_m * shorter)
            if footprint is not None and site.free(_shrunk(footprint), back_m - 0.8, tall=True):
                floors = int(rng.integers(style.floors[0], style.floors[1] + 1))
                built.append(_build(footprint, floors, style, surroundings, weather, rng))
                site.take(_shrunk(footprint))
                at_m += length_m * shorter + float(rng.uniform(*style.gap_m))
                break
        else:
            at_m += 3.0
    return built


def _footprint(side: Side, at_m: float, length_m: float, back_m: float, depth_m: float) -> Line | None:
    """Footprint of a house: a rectangle (4, 2) beside the street, counter-clockwise, its first side the front.

    None where the side is too short, or faces another lane.
    """
    part = piece(side.line, at_m, at_m + length_m)
    kerb = side.kerb[np.searchsorted(lengths(side.line), [at_m, at_m + length_m]).clip(0, len(side.kerb) - 1)]
    if length_m < 5 or len(part) < 2 or not kerb.all():
        return None
    start, end = part[0], part[-1]
    chord = float(np.linalg.norm(end - start))
    if chord < 4:
        return None
    ends = np.stack([start, end])
    front, back = (beside(ends, side.outward * reach_m) for reach_m in (back_m, back_m + depth_m))
    if side.outward > 0:
        return np.stack([front[0], front[1], back[1], back[0]])
    return np.stack([front[1], front[0], back[0], back[1]])


def _shrunk(footprint: Line) -> Line:
    """Shrink a footprint a little, so that neighbours may share a wall."""
    return np.asarray(footprint.mean(0) + (footprint - footprint.mean(0)) * 0.96)


def _build(
    footprint: Line,
    floors: int,
    style: HouseStyle,
    surroundings: Surroundings,
    weather: Weather,
    rng: np.random.Generator,
) -> SceneObject:
    height_m = floors * STOREY_M * float(rng.uniform(0.95, 1.12))
    variant = int(rng.integers(8))
    pieces = []
    for number in range(4):
        start, end = footprint[number], footprint[(number + 1) % 4]
        wide_m = float(np.linalg.norm(end - start))
        front = paint_front(surroundings, variant, max(1, min(14, round(wide_m / BAY_M))), floors)
        corners = [(*start, 0.0), (*end, 0.0), (*end, height_m), (*start, height_m)]
        out = np.array([end[1] - start[1], start[0] - end[0], 0.0]) / max(wide_m, 1e-6)
        pieces.append(TexturedMesh(sheet(corners), front.image, gain=daylight(out, weather), lights=front.lights))
    top, roof = _roof(footprint, height_m, style.pitched, variant, weather)
    low = np.concatenate([footprint, np.zeros((4, 1))], axis=1)
    high = np.concatenate([footprint, np.full((4, 1), height_m)], axis=1)
    return SceneObject((*pieces, *roof), footprint, (np.concatenate([low, high, top]),))


def _roof(
    footprint: Line, height_m: float, pitched: bool, variant: int, weather: Weather
) -> tuple[NDArray[np.float64], list[TexturedMesh]]:
    """Build two slopes with a ridge along the front, or a flat roof behind a parapet; returns ridge ends and pieces."""
    first, _second, _third, fourth = footprint
    if not pitched:
        corners = [(*corner, height_m - 0.4) for corner in footprint]
        flat = np.full((8, 8, 3), 112, np.uint8)
        return np.empty((0, 3)), [TexturedMesh(sheet(corners), flat, gain=daylight(np.array([0, 0, 1.0]), weather))]
    rise_m = 0.27 * float(np.linalg.norm(fourth - first))
    eaves = [np.array([*corner, height_m - 0.15]) for corner in _overhang(footprint)]
    ridge = [np.array([*(eaves[a] + eaves[b])[:2] / 2, height_m + rise_m]) for a, b in ((3, 0), (1, 2))]
    pieces = []
    for a, b, c, d in ((eaves[0], eaves[1], ridge[1], ridge[0]), (eaves[2], eaves[3], ridge[0], ridge[1])):
        out = np.cross(b - a, d - a)
        gain = daylight(out / np.linalg.norm(out), weather)
        pieces.append(TexturedMesh(sheet([tuple(a), tuple(b), tuple(c), tuple(d)]), paint_roof(variant), gain=gain))
    for a, b, c in ((eaves[3], eaves[0], ridge[0]), (eaves[1], eaves[2], ridge[1])):
        gable = sheet([tuple(a), tuple(b), tuple(c), tuple(c)], cell_m=50)
        pieces.append(TexturedMesh(gable, np.full((8, 8, 3), (120, 130, 140), np.uint8), gain=0.8))
    return np.array(ridge), pieces


def _overhang(footprint: Line) -> Line:
    middle = footprint.mean(0)
    to = footprint - middle
    return np.asarray(middle + to * (1 + 0.45 / np.linalg.norm(to, axis=1, keepdims=True)))


def daylight(normal: NDArray[np.float64], weather: Weather) -> float:
    """Light on a wall that looks towards `normal`, about 1 for a bright one."""
    if not weather.sunny:
        return 0.86 + 0.1 * float(normal[2])
    sun = np.array(weather.sun) / np.linalg.norm(weather.sun)
    return float(0.64 + 0.08 * normal[2] + 0.5 * max(0.0, float(normal @ sun)))
