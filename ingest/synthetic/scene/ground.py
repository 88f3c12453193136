"""The ground a camera looks at: asphalt and its wear, markings, kerbs, pavements and verges."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.camera.spec import Surroundings
from ingest.synthetic.scene.canvas import Field, GroundCanvas
from ingest.synthetic.scene.markings import MarkingStyle, Side, drivable, paint_lines, sides
from ingest.synthetic.world.paths import beside, disc, even, grown, lengths, piece, strip
from ingest.synthetic.world.streets import Lane, Line, Streets

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class GroundStyle:
    """The materials of a place, BGR. pavement_m: how wide its pavements are; kerb_m: 0 without kerbs."""

    verge: Colour
    verge_noise: float
    pavement: Colour
    pavement_m: float
    kerb_m: float
    markings: MarkingStyle


STYLES: dict[Surroundings, GroundStyle] = {
    "old-town": GroundStyle(
        (136, 146, 154), 7, (150, 162, 172), 2.6, 0.28, MarkingStyle(edge_lines=False, solid_middle=True)
    ),
    "suburb": GroundStyle((66, 118, 108), 12, (172, 178, 182), 2.4, 0.22, MarkingStyle(edge_lines=False)),
    "open-road": GroundStyle((64, 120, 112), 14, (118, 134, 144), 1.2, 0.0, MarkingStyle(dash_m=(3.0, 6.0))),
    "commercial": GroundStyle((70, 116, 108), 11, (168, 172, 173), 3.2, 0.3, MarkingStyle(solid_middle=True)),
}
_ASPHALTS: tuple[Colour, ...] = (
    (104, 103, 101), (118, 117, 115), (132, 131, 128), (142, 142, 141), (156, 156, 155), (128, 133, 138),
)  # fmt: skip
_PAINT = (238, 242, 244)
_NEAR_M = 75.0
_MOST_WAYS = 40
_MOST_SPOILS = 60


def paint_ground(streets: Streets, surroundings: Surroundings, canvas: GroundCanvas, rng: np.random.Generator) -> Field:
    """Paint the ground in even daylight, (rows, W, 3) float32 BGR of the canvas's rows."""
    # Step 1: verges everywhere, in lumps and large patches
    style = STYLES[surroundings]
    lanes = drivable(streets)
    outer = sides(lanes)
    image = np.empty((*canvas.shape, 3), np.float32)
    image[:] = style.verge
    lumps = canvas.noise(3.0, 0.5) * canvas.fading(0.04) + 0.7 * canvas.noise(11.0, 1.0) * canvas.fading(0.2)
    image += style.verge_noise * lumps[..., None] * np.array((0.7, 1.0, 1.0), np.float32)
    image += style.verge_noise * canvas.noise(90.0, 1.4)[..., None] * np.array((0.5, 0.5, 1.3), np.float32)
    # Step 2: pavements and carriageways over them
    _lay_pavement(image, canvas, streets, lanes, outer, style)
    road = _lay_asphalt(image, canvas, streets, lanes, rng)
    # Step 3: wear of the asphalt
    worn = _wear(canvas, [*lanes, *ways_across(streets, lanes)], outer, rng)
    image += (worn * (road.astype(np.float32) / 255))[..., None]
    # Step 4: bus lanes and markings
    _tint_bus_lanes(image, canvas, lanes, rng)
    _blend(image, canvas.fill(canvas.blank(), paint_lines(streets, style.markings)), _PAINT, _paint_left(canvas, rng))
    return image


def _blend(image: Field, mask: NDArray[np.uint8], colour: Colour, share: float | Field = 1.0) -> None:
    """Cover what a mask marks with a colour, in place."""
    rows = np.flatnonzero(mask.any(1))
    if not len(rows):
        return
    span = slice(rows[0], rows[-1] + 1)
    weight = mask[span].astype(np.float32) / 255
    weight *= share[span] if isinstance(share, np.ndarray) else np.float32(share)
    image[span] += weight[..., None] * (np.array(colour, np.float32) - image[span])


def _around(streets: Streets, lanes: list[Lane], by_m: float) -> list[Line]:
    """Polygons that cover the carriageway and the ground within `by_m` of it."""
    parts = []
    for lane in lanes:
        half_m = lane.width_m / 2 + by_m
        parts.append(strip(lane.centre_m, half_m, -half_m))
    for junction in streets.junctions:
        parts += grown(junction, by_m) if by_m else [junction]
    return parts


def _lay_pavement(
    image: Field, canvas: GroundCanvas, streets: Streets, lanes: list[Lane], outer: list[Side], style: GroundStyle
) -> None:
    """Paint pavements with their joints, kerbs and gutters, in place."""
    paving = canvas.fill(canvas.blank(), _around(streets, lanes, style.pavement_m))
    for lane in streets.lanes:
        if lane.kind == "walk" and len(lane.centre_m) > 1:
            canvas.fill(paving, [strip(lane.centre_m, lane.width_m / 2, -lane.width_m / 2)])
    stone = (
        np.array(style.pavement, np.float32) + 6 * canvas.noise(4.0, 0.6)[..., None] * canvas.fading(0.05)[..., None]
    )
    stone += 6 * canvas.noise(50.0, 1.3)[..., None]
    weight = (paving.astype(np.float32) / 255)[..., None]
    image += weight * (stone - image)
    joints = canvas.blank()
    for side in outer:
        for start in beside_points(side, style, canvas):
            canvas.draw(joints, start, 110)
    _blend(image, cv2.min(joints, paving), tuple(0.7 * part for part in style.pavement), canvas.fading(0.12))  # type: ignore[arg-type]
    if style.kerb_m:
        _blend(image, canvas.fill(canvas.blank(), _around(streets, lanes, style.kerb_m)), (186, 190, 192), 0.85)
        _blend(image, canvas.fill(canvas.blank(), _around(streets, lanes, 0.05)), (60, 62, 64), 0.8)


def beside_points(side: Side, style: GroundStyle, canvas: GroundCanvas) -> list[Line]:
    """Lines of the joints of the paving along one side, near the camera."""
    line = even(side.line, 1.0)
    here = np.array([canvas.projection.pose.x_m, canvas.projection.pose.y_m])
    near = np.linalg.norm(line - here, axis=1) < _NEAR_M * 0.6
    inner, outer = (beside(line, side.outward * reach) for reach in (style.kerb_m + 0.02, style.pavement_m))
    joints = [np.stack([inner[k], outer[k]]) for k in np.flatnonzero(near)]
    for reach_m in np.arange(style.kerb_m + 0.6, style.pavement_m, 0.6):
        parallel = beside(line, side.outward * float(reach_m))
        joints += [parallel[k : k + 2] for k in np.flatnonzero(near)[:-1]]
    return joints


def _lay_asphalt(
    image: Field, canvas: GroundCanvas, streets: Streets, lanes: list[Lane], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Paint the carriageway, in place, its tone by street, and one for junctions; returns its mask, (rows, W) uint8."""
    choice = rng.permutation(len(_ASPHALTS))
    names = sorted({_street(lane) for lane in lanes})
    tones = {name: _ASPHALTS[choice[min(k % 5, k % 3 + k // 5) % len(_ASPHALTS)]] for k, name in enumerate(names)}
    road = canvas.blank()
    for junction in streets.junctions:
        mask = canvas.fill(canvas.blank(), [junction])
        _blend(image, mask, _ASPHALTS[choice[0]])
        cv2.max(road, mask, dst=road)
    for name in names:
        of_street = [lane for lane in lanes if _street(lane) == name]
        strips = [strip(lane.centre_m, lane.width_m / 2 + 0.03, -lane.width_m / 2 - 0.03) for lane in of_street]
        mask = canvas.fill(canvas.blank(), strips)
        _blend(image, mask, tones[name])
        cv2.max(road, mask, dst=road)
    grain = 6.5 * canvas.noise(3.0, 0.15) * canvas.fading(0.012) + 3.5 * canvas.noise(12.0, 0.7) * canvas.fading(0.06)
    grain += 4.0 * canvas.noise(70.0, 1.2) + 3.0 * canvas.noise(300.0, 1.5)
    image += (grain * (road.astype(np.float32) / 255))[..., None]
    return road


def ways_across(streets: Streets, lanes: list[Lane]) -> list[Lane]:
    """Curves on which vehicles cross junctions, from the end of each lane to the beginning of others."""
    ways: list[Lane] = []
    for junction in streets.junctions:
        near = [
            (lane, point)
            for lane in lanes
            for point in (0, -1)
            if np.linalg.norm(lane.centre_m[point] - junction.mean(0)) < np.ptp(junction, axis=0).max()
            and np.linalg.norm(lane.centre_m[point] - junction, axis=1).min() < 4
        ]
        for start in (lane for lane, point in near if point == -1):
            for end in (lane for lane, point in near if point == 0):
                way = _bend(start.centre_m, end.centre_m)
                if way is not None and _street(start) != _street(end) and len(ways) < _MOST_WAYS:
                    ways.append(Lane("", 0, way, 3.0))
    return ways


def _bend(start: Line, end: Line) -> Line | None:
    """Curve (N, 2) from the end of one line to the beginning of another; None for a turn back."""
    here, there = start[-1], end[0]
    out, into = (step / max(1e-9, float(np.linalg.norm(step))) for step in (start[-1] - start[-2], end[1] - end[0]))
    reach_m = 0.5 * float(np.linalg.norm(there - here))
    if out @ into < -0.5 or (there - here) @ out <= 0 or reach_m < 1:
        return None
    t = np.linspace(0, 1, 14)[:, None]
    first, second = here + out * reach_m, there - into * reach_m
    return np.asarray(here * (1 - t) ** 3 + 3 * first * t * (1 - t) ** 2 + 3 * second * t**2 * (1 - t) + there * t**3)


def _street(lane: Lane) -> str:
    """Name of the street of a lane, the same for both directions and all sections."""
    return lane.edge.lstrip("-").split("#")[0]


def _wear(canvas: GroundCanvas, lanes: list[Lane], outer: list[Side], rng: np.random.Generator) -> Field:
    """Wear of the asphalt, (rows, W) grey levels to add: tracks, oil, dirt at the kerb, patches, cracks, lids."""
    worn = np.zeros(canvas.shape, np.float32)
    here = np.array([canvas.projection.pose.x_m, canvas.projection.pose.y_m])
    polished = float(rng.choice([-5.0, -3.5, 4.0]))
    # Step 1: tracks of wheels, darker or brighter than the rest
    soft = canvas.blank()
    for width_m, level in ((0.75, 70), (0.5, 150), (0.28, 230)):
        for lane in lanes:
            for offset_m in (-0.82, 0.82):
                canvas.fill(soft, [strip(lane.centre_m, offset_m + width_m / 2, offset_m - width_m / 2)], level)
    patchy = np.clip(0.75 + 0.4 * canvas.noise(45.0, 1.3), 0, 1.4)
    worn += polished / 255 * 1.6 * soft * patchy
    # Step 2: oil along the middle of lanes
    oil = canvas.blank()
    for lane in lanes:
        canvas.fill(oil, [strip(lane.centre_m, 0.45, -0.45)], 110)
        canvas.fill(oil, [strip(lane.centre_m, 0.25, -0.25)], 220)
    worn -= 7.0 / 255 * oil * np.clip(0.6 + 0.5 * canvas.noise(30.0, 1.2), 0, 1.6)
    # Step 3: dirt at the kerb
    for side in outer:
        for reach_m, darker in ((0.9, 4), (0.4, 7)):
            edge = strip(side.line, 0.0, -side.outward * reach_m)
            worn -= darker / 255 * canvas.fill(canvas.blank(), [edge]).astype(np.float32)
    # Step 4: patches, cracks, lids and stains near the camera
    near = [lane for lane in lanes if np.linalg.norm(lane.centre_m - here, axis=1).min() < _NEAR_M]
    for _ in range(min(_MOST_SPOILS, int(rng.integers(3, 6)) * max(1, len(near)))):
        _spoil(worn, canvas, near[int(rng.integers(len(near)))] if near else None, here, rng)
    return worn


def _spoil(
    worn: Field, canvas: GroundCanvas, lane: Lane | None, here: NDArray[np.float64], rng: np.random.Generator
) -> None:
    """Add one patch, crack, lid or stain somewhere in a lane, in place."""
    if lane is None:
        return
    total_m = float(lengths(lane.centre_m)[-1])
    distance = np.linalg.norm(lane.centre_m - here, axis=1)
    nearest_m = float(lengths(lane.centre_m)[int(distance.argmin())])
    at_m = float(np.clip(nearest_m + rng.normal(0, 28), 0.5, max(0.6, total_m - 0.5)))
    kind, half_m = rng.random(), lane.width_m / 2
    if kind < 0.34:
        low, high = np.sort(rng.uniform(-half_m, half_m, 2))
        part = piece(lane.centre_m, at_m, at_m + rng.choice([1.2, 2.5, 6.0, 14.0]))
        if len(part) > 1 and high - low > 0.4:
            mask = canvas.fill(canvas.blank(), [strip(part, high, low)])
            worn += rng.choice([-24, -17, -12, 9, 13]) / 255 * mask
            outline = strip(part, high, low)
            edge = canvas.blank()
            canvas.draw(edge, np.concatenate([outline, outline[:1]]), 200)
            worn -= 14 / 255 * edge
    elif kind < 0.66:
        cracks = canvas.blank()
        along = piece(lane.centre_m, at_m, at_m + rng.uniform(3, 16))
        if len(along) > 1:
            along = even(along, 0.35)
            canvas.draw(cracks, beside(along, np.cumsum(rng.normal(0, 0.09, len(along))) + rng.uniform(-1, 1)), 220)
            worn -= 34 / 255 * cracks * canvas.fading(0.1)
    else:
        middle = beside(piece(lane.centre_m, at_m, at_m + 1), float(rng.normal(0, 0.7)))[0]
        radius_m, level = (0.34, -46.0) if kind < 0.83 else (float(rng.uniform(0.3, 0.9)), -15.0)
        mask = canvas.fill(canvas.blank(), [disc(middle, radius_m)])
        if level < -20:
            canvas.fill(mask, [disc(middle, radius_m * 0.75)], 150)
        worn += level / 255 * mask


def _tint_bus_lanes(image: Field, canvas: GroundCanvas, lanes: list[Lane], rng: np.random.Generator) -> None:
    tint: Colour = ((72, 78, 128), (88, 88, 87))[int(rng.random() < 0.3)]
    strips = [strip(lane.centre_m, lane.width_m / 2, -lane.width_m / 2) for lane in lanes if lane.kind == "bus"]
    if strips and rng.random() < 0.55:
        _blend(image, canvas.fill(canvas.blank(), strips), tint, 0.45)


def _paint_left(canvas: GroundCanvas, rng: np.random.Generator) -> Field:
    """Share of the paint that is left, (rows, W): worn off in grains and in patches."""
    age = rng.uniform(0.05, 0.35)
    left = 1.05 - age + 0.22 * canvas.noise(2.5, 0.5) * canvas.fading(0.03) + (0.1 + age / 3) * canvas.noise(25.0, 1.2)
    return np.asarray(np.clip(left, 0.12, 0.97), np.float32)
