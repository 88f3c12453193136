"""Ground truth of a frame: an id pass, a second image in which every vehicle has its own colour."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.camera.passages import box_corners, to_world
from ingest.synthetic.camera.spec import Projection
from ingest.synthetic.render.outline import drawn_box
from ingest.synthetic.render.panda import Node, Pass, discard_scene, draw_in_turn, make_root, only_hide, render_passes
from ingest.synthetic.render.rects import Rect, around, overlap
from ingest.synthetic.render.shadows import Polygon
from ingest.synthetic.vehicle.fleet import Vehicle
from ingest.truth import TrueSighting, pack_mask

LEAST_PX = 30
"""Least visible pixels of a vehicle in the ground truth; those with fewer are left out."""

_PAD_PX = 2
_SWAY_PX = 8  # how far gusts may move the image from where the occluders were drawn
_STICKS_OUT_M = 1.0  # mirrors and loads beyond the box around the body
_CODE_STEP = 4  # the renderer may be off by one
_CODES = 255 // _CODE_STEP


@dataclass(frozen=True, slots=True)
class _VehiclePose:
    """Pose of a vehicle: the middle of its front bumper, and its heading."""

    x_m: float
    y_m: float
    heading_deg: float


class GroundTruthPass:
    """Id pass of a camera, from which sightings are read; all of it needs ENGINE_LOCK.

    What a vehicle would have alone is rendered as well, several vehicles an image where their outlines are apart, and
    only of vehicles that something in front may hide: the same engine draws both, so the two counts agree to the pixel.

    `visible` of a sighting is the product of two shares: of the pixels that the vehicle would have alone in
    the scene, those it has (counted); of the area of its convex outline, that within the image (computed).
    """

    def __init__(self, occluders: Node, projection: Projection) -> None:
        self._width, self._height = projection.width, projection.height
        self._projection = projection
        self._root = make_root("ids")
        self._root.set_light_off()
        self._occluders = occluders.copy_to(self._root)
        self.view = Pass(self._root, projection.pose, self._width, self._height)
        self._nodes: dict[int, Node] = {}
        self._codes: dict[int, int] = {}
        self._places: dict[int, _VehiclePose] = {}
        self._occluded = self._occluder_mask()
        only_hide(self._occluders)

    def add(self, vehicle_id: int, body: Node) -> None:
        """Bring a vehicle in; it gets a colour of its own."""
        taken = set(self._codes.values())
        code = next(code for code in range(_CODES**2) if code not in taken)
        self._codes[vehicle_id] = code
        blue, green = _blue_green(code)
        node = self._nodes[vehicle_id] = body.copy_to(self._root)
        node.set_color(0, green / 255, blue / 255, 1)
        draw_in_turn(node, vehicle_id)

    def move(self, vehicle_id: int, x_m: float, y_m: float, heading_deg: float) -> None:
        """Move a vehicle."""
        self._places[vehicle_id] = _VehiclePose(x_m, y_m, heading_deg)
        self._nodes[vehicle_id].set_pos_hpr(x_m, y_m, 0, heading_deg, 0, 0)

    def drop(self, vehicle_id: int) -> None:
        """Take a vehicle out."""
        self._nodes.pop(vehicle_id).remove_node()
        self._places.pop(vehicle_id, None)
        del self._codes[vehicle_id]

    def read_sightings(self, vehicles: Sequence[tuple[Vehicle, Polygon]]) -> list[TrueSighting]:
        """Read the sightings of vehicles, each with its convex outline in pixels, from the last rendering of `view`.

        Vehicles with fewer than LEAST_PX visible pixels are left out.
        """
        # Step 1: the visible pixels of each vehicle, by its colour
        vehicles = [(vehicle, hull) for vehicle, hull in vehicles if len(hull)]
        rects = [around(hull, _PAD_PX, self._width, self._height) for _, hull in vehicles]
        masks = [self._mask(vehicle.vehicle_id, rect) for (vehicle, _), rect in zip(vehicles, rects, strict=True)]
        counts = [cv2.countNonZero(mask) if mask.size else 0 for mask in masks]
        seen = [number for number, count in enumerate(counts) if count >= LEAST_PX]
        # Step 2: the pixels that those would have alone, where something may hide them
        alone = self._masks_alone(vehicles, rects, seen)
        # Step 3: boxes, shares and masks
        sightings = []
        for number in seen:
            vehicle, hull = vehicles[number]
            whole = alone.get(number, masks[number])
            sightings.append(self._sighting(vehicle, hull, rects[number], masks[number], whole))
        return sightings

    def close(self) -> None:
        """Give the buffer and the nodes back."""
        self.view.close()
        discard_scene(self._root)

    def _mask(self, vehicle_id: int, rect: Rect) -> NDArray[np.uint8]:
        if rect[0] >= rect[2] or rect[1] >= rect[3]:
            return np.zeros((0, 0), np.uint8)
        blue, green = _blue_green(self._codes[vehicle_id])
        least, most = (blue - 1, green - 1, 0, 0), (blue + 1, green + 1, 255, 255)
        return np.asarray(cv2.inRange(self.view.read(rect), least, most), np.uint8)

    def _sighting(
        self, vehicle: Vehicle, hull: Polygon, rect: Rect, mask: NDArray[np.uint8], alone: NDArray[np.uint8]
    ) -> TrueSighting:
        """Make the sighting of a vehicle; mask, alone: the pixels of `rect` that it has, and would have alone."""
        x, y, width, height = cv2.boundingRect(mask)
        stands = self._places[vehicle.vehicle_id]
        turn = np.radians(stands.heading_deg)
        half_m = vehicle.model.length_m / 2
        share = min(1.0, cv2.countNonZero(mask) / cv2.countNonZero(alone))
        return TrueSighting(
            vehicle_id=vehicle.vehicle_id,
            kind=vehicle.model.kind,
            box_xyxy=(rect[0] + x, rect[1] + y, rect[0] + x + width, rect[1] + y + height),
            full_xyxy=self._full_box(hull, rect, alone),
            visible=share * self._share_inside(hull),
            occluded=1 - share,
            ground_m=(stands.x_m + half_m * float(np.sin(turn)), stands.y_m - half_m * float(np.cos(turn))),
            heading_deg=stands.heading_deg,
            mask_bits=pack_mask(mask[y : y + height, x : x + width]),
        )

    def _full_box(self, hull: Polygon, rect: Rect, alone: NDArray[np.uint8]) -> Rect:
        """Full box of a vehicle alone: as rendered, and computed from its outline if the image's edge cuts it off."""
        x, y, width, height = cv2.boundingRect(alone)
        left, top, right, bottom = rect[0] + x, rect[1] + y, rect[0] + x + width, rect[1] + y + height
        if left > 0 and top > 0 and right < self._width and bottom < self._height:
            return left, top, right, bottom
        beyond = drawn_box(hull, self._width, self._height)
        return min(left, beyond[0]), min(top, beyond[1]), max(right, beyond[2]), max(bottom, beyond[3])

    def _masks_alone(
        self, vehicles: Sequence[tuple[Vehicle, Polygon]], rects: Sequence[Rect], seen: Sequence[int]
    ) -> dict[int, NDArray[np.uint8]]:
        """Render the pixels that vehicles have alone in the scene, by number, for those that something may hide."""
        # Step 1: vehicles that scenery or a nearer vehicle may hide
        touching = _touching([hull for _, hull in vehicles], rects)
        ids = [vehicle.vehicle_id for vehicle, _ in vehicles]
        depths = np.array([self._depths_m(vehicle) for vehicle, _ in vehicles]).reshape(-1, 2)
        hidden = [
            number
            for number in seen
            if (touching[number] & (depths[:, 0] < depths[number, 1])).any() or self._behind_scenery(rects[number])
        ]
        masks: dict[int, NDArray[np.uint8]] = {}
        if not hidden:
            return masks
        # Step 2: render them with all else out of the scene, vehicles that do not touch in one image
        everything = [self._occluders, *self._nodes.values()]
        for node in everything:
            node.hide()
        for layer in _apart(hidden, touching):
            nodes = [self._nodes[ids[number]] for number in layer]
            for node in nodes:
                node.show()
            render_passes([self.view])
            for node in nodes:
                node.hide()
            for number in layer:
                masks[number] = self._mask(ids[number], rects[number])
        for node in everything:
            node.show()
        return masks

    def _depths_m(self, vehicle: Vehicle) -> tuple[float, float]:
        """Least and greatest distance of a vehicle in front of the camera's plane, metres."""
        stands = self._places[vehicle.vehicle_id]
        corners = to_world(box_corners(vehicle.model), (stands.x_m, stands.y_m, stands.heading_deg))
        depths = self._projection.depth_m(corners)
        return float(depths.min()) - _STICKS_OUT_M, float(depths.max()) + _STICKS_OUT_M

    def _behind_scenery(self, rect: Rect) -> bool:
        """Test for scenery at a rectangle that may hide a vehicle."""
        left, top, right, bottom = rect
        rows = slice(max(0, top - _SWAY_PX), bottom + _SWAY_PX)
        return bool(self._occluded[rows, max(0, left - _SWAY_PX) : right + _SWAY_PX].any())

    def _share_inside(self, hull: Polygon) -> float:
        """Share of the area of a convex outline that is within the image."""
        if (hull >= 0).all() and (hull <= (self._width, self._height)).all():
            return 1.0
        frame = np.array([(0, 0), (self._width, 0), (self._width, self._height), (0, self._height)], np.float32)
        whole = cv2.contourArea(hull)
        if whole <= 0:
            return 0.0
        within, _ = cv2.intersectConvexConvex(hull, frame)
        return float(min(1.0, max(0.0, within / whole)))

    def _occluder_mask(self) -> NDArray[np.bool_]:
        """Render the occluders alone: (H, W) bool, True on those that may hide a vehicle."""
        render_passes([self.view])
        return self.view.read((0, 0, self._width, self._height))[..., 3] > 0


def _blue_green(code: int) -> tuple[int, int]:
    """Colour of a code (blue, green), at least 4 levels from every other and from black."""
    return (code % _CODES + 1) * _CODE_STEP, (code // _CODES + 1) * _CODE_STEP


def _touching(hulls: Sequence[Polygon], rects: Sequence[Rect]) -> NDArray[np.bool_]:
    """(N, N) bool, True where two outlines may have a pixel in common; False on the diagonal."""
    corners = np.array([(-_PAD_PX, -_PAD_PX), (-_PAD_PX, _PAD_PX), (_PAD_PX, -_PAD_PX), (_PAD_PX, _PAD_PX)], np.float32)
    wide = [cv2.convexHull((hull[:, None] + corners).reshape(-1, 2)) for hull in hulls]
    touching = np.zeros((len(hulls), len(hulls)), bool)
    for one, other in combinations(range(len(hulls)), 2):
        if overlap(rects[one], rects[other]) and cv2.intersectConvexConvex(wide[one], wide[other])[0] > 0:
            touching[one, other] = touching[other, one] = True
    return touching


def _apart(numbers: Sequence[int], touching: NDArray[np.bool_]) -> list[list[int]]:
    """Group numbers so that none touches another of its group: each goes to the first group that it fits."""
    groups: list[list[int]] = []
    for number in numbers:
        group = next((group for group in groups if not touching[number, group].any()), None)
        if group is None:
            groups.append([number])
        else:
            group.append(number)
    return groups
