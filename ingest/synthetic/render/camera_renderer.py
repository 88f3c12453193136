"""Renderer of one camera: vehicles over its empty image, with the ground truth of each frame."""

from collections.abc import Sequence

from ingest.frame import Image
from ingest.synthetic.camera.frame_effects import EffectState, FrameEffects
from ingest.synthetic.camera.spec import CameraSpec, Projection
from ingest.synthetic.render.actors import Actor, PlacedVehicle, Pose, close_by, make_actor, may_be_seen
from ingest.synthetic.render.compose import PAD_PX, Composer
from ingest.synthetic.render.ground_truth import GroundTruthPass
from ingest.synthetic.render.panda import (
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
from ingest.synthetic.render.rects import Rect, merge, overlap
from ingest.synthetic.render.vehicles import body_of
from ingest.synthetic.scene.background import render_background, scale_of
from ingest.synthetic.vehicle.fleet import Vehicle
from ingest.synthetic.world.presets import Preset, timetable_of
from ingest.truth import TrueSighting

__all__ = ["CameraRenderer", "PlacedVehicle", "Pose"]

_SPEED_OVER_S = 0.04


class CameraRenderer:
    """Renderer of any frame of one camera; the same frame is the same bytes, whatever was rendered before.

    Not for use by two threads at once, except `close`.
    """

    def __init__(self, preset: Preset, spec: CameraSpec) -> None:
        self._preset, self._spec = preset, spec
        self._timetable = timetable_of(preset)
        self._effects = FrameEffects(spec, preset.weather)
        self._scale = scale_of(spec)
        with ENGINE_LOCK:
            background = render_background(preset, spec, self._effects.margin_px)
            self._occluders = background.occluders
            self._root = make_root("vehicles")
            light_scene(self._root, preset.weather)
            only_hide(self._occluders.copy_to(self._root))
            self._colour = Pass(self._root, spec.pose, spec.width * self._scale, spec.height * self._scale)
            self._ground_truth = GroundTruthPass(self._occluders, Projection(spec.pose, spec.width, spec.height))
        self._composer = Composer(background, spec, preset.weather, self._effects.margin_px)
        self._nodes: dict[int, Node] = {}
        self._vehicles: dict[int, Vehicle] = {}

    def render(self, sequence: int) -> tuple[Image, list[TrueSighting]]:
        """Render frame `sequence`; returns its image and the sightings in it."""
        return self.render_vehicles(self._placed(sequence / self._spec.fps), sequence)

    def render_vehicles(
        self, placed: Sequence[PlacedVehicle], sequence: int, *, only: int | None = None, truth: bool = True
    ) -> tuple[Image, list[TrueSighting]]:
        """Render vehicles where they are placed, with the electronics of frame `sequence`.

        only: the id of the one vehicle that matters: what lies apart from it is left out of image and truth. truth:
        False reports no sightings, which saves the renderings of their masks.
        """
        # Step 1: the camera at this frame, and the vehicles that may be in its image
        state = self._effects.state(sequence)
        projection = Projection(self._spec.pose, self._spec.width, self._spec.height, state.shift_px)
        actors = [
            make_actor(one, self._preset.weather, projection, self._spec.look.shutter_s)
            for one in close_by(placed, self._preset.weather, projection)
            if may_be_seen(one, self._preset.weather, projection)
        ]
        # Step 2: the rectangles of the image that they change, or those of one vehicle only
        rects = self._rects(actors)
        if only is not None:
            rects = [
                rect for rect in rects if any(a.vehicle_id == only and overlap(self._reach(a), rect) for a in actors)
            ]
            actors = [actor for actor in actors if any(overlap(self._reach(actor), rect) for rect in rects)]
        # Step 3: draw them over the empty image
        image = self._composer.empty(state)
        sightings: list[TrueSighting] = []
        if actors:
            sightings = self._draw(image, actors, rects, state, truth)
        else:
            self._drop_absent(())
        # Step 4: exposure, rain, noise and caption over all of it
        return self._effects.finish(image, state), sightings

    @property
    def passes(self) -> list[Pass]:
        """Passes rendered for a frame with vehicles: colour and ids."""
        return [self._colour, self._ground_truth.view]

    def close(self) -> None:
        """Give the engine's buffers and nodes back."""
        with ENGINE_LOCK:
            self._drop_absent(())
            self._ground_truth.close()
            self._colour.close()
            discard_scene(self._root)
            discard_scene(self._occluders)

    def _draw(
        self, image: Image, actors: Sequence[Actor], rects: Sequence[Rect], state: EffectState, truth: bool
    ) -> list[TrueSighting]:
        """Render the vehicles, put them into the image, in place, and return their sightings where they are wanted."""
        scale = self._scale
        with ENGINE_LOCK:
            self._move(actors)
            self._colour.set_shift((state.shift_px[0] * scale, state.shift_px[1] * scale))
            self._ground_truth.view.set_shift(state.shift_px)
            render_passes(self.passes if truth else [self._colour])
            drawn = [self._colour.read((x0 * scale, y0 * scale, x1 * scale, y1 * scale)) for x0, y0, x1, y1 in rects]
            hulls = [(actor.placed.vehicle, actor.hull) for actor in actors] if truth else []
            sightings = self._ground_truth.read_sightings(hulls)
        for rect, part in zip(rects, drawn, strict=True):
            self._composer.compose(image, rect, part, actors, state)
        return sightings

    def _placed(self, time_s: float) -> list[PlacedVehicle]:
        """Place the vehicles of all trips under way at a time, with their speeds where the shutter blurs them."""
        placed = []
        for trip in self._timetable.near(time_s):
            pose = trip.pose(time_s)
            if pose is None:
                continue
            before = trip.pose(time_s - _SPEED_OVER_S) if self._spec.look.shutter_s else None
            way_m = ((pose[0] - before[0]) ** 2 + (pose[1] - before[1]) ** 2) ** 0.5 if before else 0.0
            placed.append(PlacedVehicle(trip.vehicle, pose, way_m / _SPEED_OVER_S))
        return placed

    def _reach(self, actor: Actor) -> Rect:
        return actor.reach(PAD_PX, self._spec.width, self._spec.height)

    def _rects(self, actors: Sequence[Actor]) -> list[Rect]:
        rects = [self._reach(actor) for actor in actors]
        return merge([rect for rect in rects if rect[2] > rect[0] and rect[3] > rect[1]])

    def _move(self, actors: Sequence[Actor]) -> None:
        """Put the vehicles in view where they are, and take the others out of the scene."""
        self._drop_absent([actor.placed.vehicle for actor in actors])
        for actor in actors:
            body = body_of(actor.placed.vehicle)
            if actor.vehicle_id not in self._nodes:
                node = body.node.copy_to(self._root)
                node.set_texture(body.texture)
                draw_in_turn(node, actor.vehicle_id)
                self._nodes[actor.vehicle_id] = node
                self._vehicles[actor.vehicle_id] = actor.placed.vehicle
                self._ground_truth.add(actor.vehicle_id, body.node)
            x_m, y_m, heading_deg = actor.placed.pose
            node = self._nodes[actor.vehicle_id]
            node.set_pos_hpr(x_m, y_m, 0, heading_deg, 0, 0)
            light = self._composer.light_at(actor)
            node.set_color_scale(light, light, light, 1)
            self._ground_truth.move(actor.vehicle_id, x_m, y_m, heading_deg)

    def _drop_absent(self, present: Sequence[Vehicle]) -> None:
        absent = [known for known, vehicle in self._vehicles.items() if vehicle not in present]
        for vehicle_id in absent:
            with ENGINE_LOCK:
                del self._vehicles[vehicle_id]
                self._nodes.pop(vehicle_id).remove_node()
                self._ground_truth.drop(vehicle_id)
