"""What is really visible: a second picture in which every vehicle has its own colour."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.cameras import Projection
from ingest.synthetic.fleet import Vehicle
from ingest.synthetic.panda import Node, Pass, discard_scene, draw_in_turn, make_root, only_hide, render_passes
from ingest.synthetic.rects import Rect, around, overlap
from ingest.synthetic.shadows import Polygon
from ingest.truth import TrueSighting

LEAST_PX = 30
"""Vehicles with fewer visible pixels are left out."""

_CODE_STEP = 4  # the renderer may be off by one
_CODES = 255 // _CODE_STEP


class Witness:
    """Renders ids and reads sightings from them; all of it needs ENGINE_LOCK.

    `visible` of a sighting is the product of two shares: of the pixels that the vehicle would have alone in
    the scene, those it has (counted); of the area of its convex outline, that within the picture (computed).
    """

    def __init__(self, occluders: Node, projection: Projection) -> None:
        self._width, self._height = projection.width, projection.height
        self._root = make_root("ids")
        self._root.set_light_off()
        self._occluders = occluders.copy_to(self._root)
        self.view = Pass(self._root, projection.pose, self._width, self._height)
        self._nodes: dict[int, Node] = {}
        self._codes: dict[int, int] = {}
        self._occluded = self._picture_of_occluders()
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

    def place(self, vehicle_id: int, x_m: float, y_m: float, heading_deg: float) -> None:
        """Move a vehicle."""
        self._nodes[vehicle_id].set_pos_hpr(x_m, y_m, 0, heading_deg, 0, 0)

    def drop(self, vehicle_id: int) -> None:
        """Take a vehicle out."""
        self._nodes.pop(vehicle_id).remove_node()
        del self._codes[vehicle_id]

    def look(self, vehicles: Sequence[tuple[Vehicle, Polygon]]) -> list[TrueSighting]:
        """What the last rendering of `view` shows of the vehicles, each with its convex outline in pixels."""
        rects = [around(hull, 2, self._width, self._height) for _, hull in vehicles]
        masks = [self._mask(vehicle.vehicle_id, rect) for (vehicle, _), rect in zip(vehicles, rects, strict=True)]
        sightings = []
        for number, (vehicle, hull) in enumerate(vehicles):
            pixels = cv2.countNonZero(masks[number]) if masks[number].size else 0
            if pixels < LEAST_PX:
                continue
            left, top, _, _ = rects[number]
            x, y, width, height = cv2.boundingRect(masks[number])
            alone = pixels
            if self._may_be_hidden(number, rects):
                alone = max(pixels, self._count_alone(vehicle.vehicle_id, rects[number]))
            sightings.append(
                TrueSighting(
                    vehicle_id=vehicle.vehicle_id,
                    kind=vehicle.model.kind,
                    box_xyxy=(left + x, top + y, left + x + width, top + y + height),
                    visible=pixels / alone * self._share_inside(hull),
                )
            )
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

    def _may_be_hidden(self, number: int, rects: Sequence[Rect]) -> bool:
        left, top, right, bottom = rects[number]
        if self._occluded[top:bottom, left:right].any():
            return True
        return any(overlap(rects[number], other) for k, other in enumerate(rects) if k != number)

    def _count_alone(self, vehicle_id: int, rect: Rect) -> int:
        """The pixels a vehicle has when nothing else is in the scene."""
        others = [self._occluders, *(node for known, node in self._nodes.items() if known != vehicle_id)]
        for node in others:
            node.hide()
        render_passes([self.view])
        for node in others:
            node.show()
        return int(cv2.countNonZero(self._mask(vehicle_id, rect)))

    def _share_inside(self, hull: Polygon) -> float:
        frame = np.array([(0, 0), (self._width, 0), (self._width, self._height), (0, self._height)], np.float32)
        whole = cv2.contourArea(hull)
        if whole <= 0:
            return 0.0
        within, _ = cv2.intersectConvexConvex(hull, frame)
        return float(min(1.0, max(0.0, within / whole)))

    def _picture_of_occluders(self) -> NDArray[np.bool_]:
        """(H, W): where something stands that may hide a vehicle."""
        render_passes([self.view])
        return self.view.read((0, 0, self._width, self._height))[..., 3] > 0


def _blue_green(code: int) -> tuple[int, int]:
    """The colour of a code, at least 4 grey levels from every other and from black."""
    return (code % _CODES + 1) * _CODE_STEP, (code // _CODES + 1) * _CODE_STEP
