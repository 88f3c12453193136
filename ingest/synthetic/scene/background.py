"""The empty image of a camera, rendered once, and its occluders."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.camera.spec import CameraSpec, Projection
from ingest.synthetic.mesh import Mesh, join
from ingest.synthetic.render.panda import (
    Node,
    Pass,
    discard_scene,
    draw_in_turn,
    light_scene,
    make_node,
    make_root,
    make_texture,
    render_passes,
)
from ingest.synthetic.scene.canvas import Field, GroundCanvas
from ingest.synthetic.scene.ground import paint_ground
from ingest.synthetic.scene.lighting import SHADE_BGR, lamp_light, lamp_shine, mirror_in_wet, shade_on_ground, tone_of
from ingest.synthetic.scene.scene_object import SceneObject, TexturedMesh
from ingest.synthetic.scene.scenery import draw_scenery
from ingest.synthetic.scene.skyline import paint_skyline
from ingest.synthetic.world.presets import Preset, streets_of
from ingest.synthetic.world.streets import Streets
from ingest.synthetic.world.weather import Weather

_SUPERSAMPLED_PX = 450_000
"""Most pixels of an image that is rendered at twice its size."""

_VIEW_M = 260.0


def scale_of(spec: CameraSpec) -> int:
    """Factor by which a camera's image is rendered larger than it is."""
    return 2 if spec.width * spec.height <= _SUPERSAMPLED_PX else 1


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """The empty scene of one camera, with a margin around its image.

    image: (scale * H, scale * W, 3) uint8 BGR, before the camera's own processing. foreground: (H, W) uint8, 255 where
    something other than the ground is seen. shade: (H, W) uint8, 255 where the sun does not reach the ground.
    lightness: (H, W) uint8, how bright vehicles are there, 255 in full light. occluders: an engine node with all that
    may hide a vehicle.
    """

    scale: int
    image: Image
    foreground: NDArray[np.uint8]
    shade: NDArray[np.uint8]
    lightness: NDArray[np.uint8]
    occluders: Node


def render_background(preset: Preset, spec: CameraSpec, margin_px: int = 0) -> Background:
    """Draw the surroundings of a camera and render them; needs ENGINE_LOCK."""
    streets = streets_of(preset).near(spec.pose.x_m, spec.pose.y_m, _VIEW_M)
    return background_of(streets, preset.weather, spec, preset.seed, margin_px)


def background_of(streets: Streets, weather: Weather, spec: CameraSpec, seed: int, margin_px: int) -> Background:
    """Render the empty image of any streets; needs ENGINE_LOCK.

    seed: draws the surroundings, together with the camera's own. margin_px: added to the image on each side.
    """
    # Step 1: all that stands beside the streets
    rng = np.random.default_rng((seed, spec.seed))
    objects, site = draw_scenery(streets, spec, weather, rng)
    scale, spec = scale_of(spec), spec.with_margin(margin_px)
    width, height = spec.width * scale, spec.height * scale
    # Step 2: paint the ground in even daylight, light it, and paint sky and distance behind it
    canvas = GroundCanvas(Projection(spec.pose, width, height), rng)
    ground = np.zeros((height, width, 3), np.float32)
    rows = ground[canvas.horizon_row :]
    rows[:] = paint_ground(streets, spec.place, canvas, rng)
    shade, light = _light(objects, canvas, weather, rows, white=spec.seed % 3 > 0)
    paint_skyline(ground, spec.place, weather, canvas, site.lanes, tone_of(weather), rng)
    # Step 3: render what stands there, over the ground
    drawn = _render_things(objects, spec, weather, (width, height))
    covered = drawn[..., 3]
    image = np.where(covered[..., None] > 0, drawn[..., :3], np.clip(ground, 0, 255).astype(np.uint8))
    image = np.ascontiguousarray(image)
    # Step 4: the glare of lamps, mirrors of a wet road
    if weather.dark:
        lamp_shine(image, objects, canvas, white=spec.seed % 3 > 0)
    if weather.wet:
        image = mirror_in_wet(image, covered, canvas, weather, rng)
    # Step 5: the occluders, all objects between the camera and a street
    hiding = [scene_object for scene_object in objects if site.before_streets(scene_object.footprint)]
    small = spec.width, spec.height
    return Background(
        scale,
        image,
        np.asarray(cv2.resize(covered, small, interpolation=cv2.INTER_AREA), np.uint8),
        _small(shade, canvas, small),
        _small(light, canvas, small),
        _occluders(hiding),
    )


def _light(
    objects: Sequence[SceneObject], canvas: GroundCanvas, weather: Weather, rows: Field, *, white: bool
) -> tuple[Field, Field]:
    """Light the painted ground, in place; returns shade and the brightness of vehicles, (rows, W) from 0 to 1."""
    shade = shade_on_ground(objects, canvas, weather)
    if weather.wet:
        rows *= np.float32(0.72)
    light = np.broadcast_to(tone_of(weather), rows.shape).copy()
    light *= 1 - shade[..., None] * (1 - np.array(SHADE_BGR, np.float32))
    bright = 1 - 0.3 * shade
    if weather.dark:
        pools = lamp_light(objects, canvas, white=white) * np.float32(0.8 if weather.light == "night" else 0.25)
        light += pools
        bright = np.clip(0.72 + pools.max(axis=2) * 0.6, 0, 1) if weather.light == "night" else bright
    rows *= light
    return shade, bright


def _small(field: Field, canvas: GroundCanvas, size: tuple[int, int]) -> NDArray[np.uint8]:
    whole = np.zeros((canvas.height, canvas.width), np.uint8)
    whole[canvas.horizon_row :] = np.round(np.clip(field, 0, 1) * 255)
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)


def _render_things(
    objects: Sequence[SceneObject], spec: CameraSpec, weather: Weather, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Render the scenery alone, (H, W, 4) BGRA."""
    root = make_root("scenery")
    draw_in_turn(root, 0)
    lit, unlit = root.attach_new_node("lit"), root.attach_new_node("unlit")
    light_scene(lit, weather)
    tone = tone_of(weather)
    for of_kind in _by_kind(objects).values():
        first = of_kind[0]
        node = make_node(join([piece.mesh for piece in of_kind]))
        node.set_texture(make_texture(_in_light(first, weather, tone)))
        node.set_two_sided(first.two_sided)
        node.reparent_to(lit if first.lit else unlit)
    view = Pass(root, spec.pose, *size)
    render_passes([view])
    drawn = view.read((0, 0, *size))
    view.close()
    discard_scene(root)
    return drawn


def _by_kind(objects: Sequence[SceneObject]) -> dict[tuple[int, float, bool], list[TexturedMesh]]:
    """Group pieces that can be drawn at once: of one texture, gain and kind of lighting."""
    kinds: dict[tuple[int, float, bool], list[TexturedMesh]] = defaultdict(list)
    for scene_object in objects:
        for piece in scene_object.pieces:
            kinds[id(piece.texture), round(piece.gain, 2), piece.lit].append(piece)
    return kinds


def _in_light(piece: TexturedMesh, weather: Weather, tone: NDArray[np.float32]) -> Image:
    """Light a texture for the weather; one that the engine lights itself stays as it is."""
    if piece.lit:
        return piece.texture
    strength = tone * (1.7 if weather.light == "night" else 1.0)
    image = piece.texture * (piece.gain * strength)
    if weather.dark and piece.lights is not None:
        image[piece.lights] = image[piece.lights] * 0.3 + np.array((96, 160, 205)) * 0.85
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def _occluders(objects: Sequence[SceneObject]) -> Node:
    root = make_root("occluders")
    draw_in_turn(root, 0)
    meshes: list[Mesh] = [piece.mesh for scene_object in objects for piece in scene_object.pieces]
    if meshes:
        node = make_node(join(meshes))
        node.set_two_sided(True)
        node.reparent_to(root)
    return root
