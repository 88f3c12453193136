"""One camera's scene: moves the vehicles, renders them over the empty picture, and knows what is visible."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.cameras import CameraSpec, Points, Projection
from ingest.synthetic.look import REACH_PX, Finish, Noise
from ingest.synthetic.panda import (
    ENGINE_LOCK,
    Node,
    Pass,
    discard_scene,
    draw_in_turn,
    light_scene,
    make_root,
    only_hide,
    render_passes,
)
from ingest.synthetic.plate import SCALE, render_plate
from ingest.synthetic.presets import Preset, trips_of
from ingest.synthetic.rects import Rect, around, merge
from ingest.synthetic.schedule import box_corners, in_view, place
from ingest.synthetic.shadows import SPREAD_PX, Polygon, cast_shadow, contact_shadow, light_left
from ingest.synthetic.traffic import Trip
from ingest.synthetic.vehicles import body_of
from ingest.synthetic.witness import Witness
from ingest.truth import TrueSighting

_PAD_PX = REACH_PX + SPREAD_PX


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """One vehicle in front of the camera.

    hull: (N, 2) float32 pixels, the convex outline of the whole body, also beyond the picture. cast, contact:
    its shadows in the sun and under the body.
    """

    trip: Trip
    hull: Polygon
    cast: Polygon
    contact: Polygon

    @property
    def vehicle_id(self) -> int:
        """The vehicle's id."""
        return self.trip.vehicle.vehicle_id


class Stage:
    """Renders any frame of one camera; the same frame is the same bytes, whatever was rendered before.

    Not for use by two threads at once, except `close`.
    """

    def __init__(self, preset: Preset, spec: CameraSpec) -> None:
        self._preset, self._spec = preset, spec
        self._projection = Projection(spec.pose, spec.width, spec.height)
        self._corners = {trip.vehicle.vehicle_id: box_corners(trip.vehicle.model) for trip in trips_of(preset)}
        with ENGINE_LOCK:
            self._plate = render_plate(preset, spec)
            self._root = make_root("vehicles")
            light_scene(self._root, preset.weather.sun)
            only_hide(self._plate.occluders.copy_to(self._root))
            self._colour = Pass(self._root, spec.pose, spec.width * SCALE, spec.height * SCALE)
            self._witness = Witness(self._plate.occluders, self._projection)
        self._nodes: dict[int, Node] = {}
        self._finish = Finish(spec.look, spec.width, spec.height)
        self._noise = Noise(spec.seed, spec.look.noise_sigma, spec.width, spec.height)
        small = cv2.resize(self._plate.image, (spec.width, spec.height), interpolation=cv2.INTER_AREA)
        self._empty = self._finish.apply(np.asarray(small, np.uint8), (0, 0, spec.width, spec.height))

    def render(self, sequence: int) -> tuple[Image, list[TrueSighting]]:
        """Frame `sequence` and what is visible in it."""
        actors = self._actors(sequence / self._spec.fps)
        if not actors:
            self._drop_absent(())
            return self._noise.add(self._empty, sequence), []
        rects = self._rects(actors)
        with ENGINE_LOCK:
            self._move(actors, sequence / self._spec.fps)
            render_passes([self._colour, self._witness.view])
            drawn = [self._colour.read((x0 * SCALE, y0 * SCALE, x1 * SCALE, y1 * SCALE)) for x0, y0, x1, y1 in rects]
            sightings = self._witness.look([(actor.trip.vehicle, actor.hull) for actor in actors])
        image = self._empty.copy()
        for rect, part in zip(rects, drawn, strict=True):
            self._compose(image, rect, part, actors)
        return self._noise.add(image, sequence), sightings

    def close(self) -> None:
        """Give the engine's buffers and nodes back."""
        with ENGINE_LOCK:
            self._drop_absent(())
            self._witness.close()
            self._colour.close()
            discard_scene(self._root)
            discard_scene(self._plate.occluders)

    def _actors(self, time_s: float) -> list[Actor]:
        """The vehicles that may be in the picture, themselves or by their shadow."""
        actors = []
        for trip in trips_of(self._preset):
            pose = trip.pose(time_s)
            if pose is None:
                continue
            corners = place(self._corners[trip.vehicle.vehicle_id], pose)
            shadow = corners.copy()
            shadow[:, :2] -= corners[:, 2:3] * np.array(self._preset.weather.sun[:2]) / self._preset.weather.sun[2]
            shadow[:, 2] = 0
            if in_view(np.concatenate([corners, shadow]), self._projection):
                actors.append(self._actor(trip, place(body_of(trip.vehicle).vertices_m, pose)))
        return actors

    def _actor(self, trip: Trip, points_m: Points) -> Actor:
        pixels = self._projection.pixels(points_m).astype(np.float32)
        hull = np.asarray(cv2.convexHull(pixels)[:, 0], np.float32)
        cast = cast_shadow(points_m, self._preset.weather.sun, self._projection)
        return Actor(trip, hull, cast, contact_shadow(points_m, self._projection))

    def _rects(self, actors: Sequence[Actor]) -> list[Rect]:
        width, height = self._spec.width, self._spec.height
        rects = [
            around(np.concatenate([actor.hull, actor.cast, actor.contact]), _PAD_PX, width, height) for actor in actors
        ]
        return merge([rect for rect in rects if rect[2] > rect[0] and rect[3] > rect[1]])

    def _move(self, actors: Sequence[Actor], time_s: float) -> None:
        """Put the vehicles in view where they are, and take the others out of the scene."""
        self._drop_absent([actor.vehicle_id for actor in actors])
        for actor in actors:
            body = body_of(actor.trip.vehicle)
            if actor.vehicle_id not in self._nodes:
                node = body.node.copy_to(self._root)
                node.set_texture(body.texture)
                draw_in_turn(node, actor.vehicle_id)
                self._nodes[actor.vehicle_id] = node
                self._witness.add(actor.vehicle_id, body.node)
            pose = actor.trip.pose(time_s)
            assert pose is not None
            x_m, y_m, heading_deg = pose
            self._nodes[actor.vehicle_id].set_pos_hpr(x_m, y_m, 0, heading_deg, 0, 0)
            self._witness.place(actor.vehicle_id, x_m, y_m, heading_deg)

    def _drop_absent(self, present: Sequence[int]) -> None:
        for vehicle_id in [known for known in self._nodes if known not in present]:
            with ENGINE_LOCK:
                self._nodes.pop(vehicle_id).remove_node()
                self._witness.drop(vehicle_id)

    def _compose(self, image: Image, rect: Rect, drawn: NDArray[np.uint8], actors: Sequence[Actor]) -> None:
        """A part of the picture: ground, shadows, vehicles, then the camera's processing."""
        left, top, right, bottom = rect
        light = light_left(
            [actor.cast for actor in actors], [actor.contact for actor in actors], self._plate.standing, rect
        )
        large = (right - left) * SCALE, (bottom - top) * SCALE
        lights = cv2.merge([cv2.resize(light, large, interpolation=cv2.INTER_LINEAR)] * 3)
        ground = self._plate.image[top * SCALE : bottom * SCALE, left * SCALE : right * SCALE]
        scene = cv2.multiply(ground, lights, scale=1 / 255)
        cv2.copyTo(cv2.cvtColor(drawn, cv2.COLOR_BGRA2BGR), cv2.extractChannel(drawn, 3), scene)
        small = cv2.resize(scene, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        done = self._finish.apply(np.asarray(small, np.uint8), rect)
        x0, y0, x1, y1 = self._without_seam(rect)
        image[y0:y1, x0:x1] = done[y0 - top : y1 - top, x0 - left : x1 - left]

    def _without_seam(self, rect: Rect) -> Rect:
        """The part of a rectangle that its edges do not influence; the edges of the picture do no harm."""
        left, top, right, bottom = rect
        return (
            left + (REACH_PX if left > 0 else 0),
            top + (REACH_PX if top > 0 else 0),
            right - (REACH_PX if right < self._spec.width else 0),
            bottom - (REACH_PX if bottom < self._spec.height else 0),
        )
