"""The empty picture of a camera, rendered once, and what of it may hide a vehicle."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.cameras import CameraSpec, Projection
from ingest.synthetic.ground import picture_of_ground
from ingest.synthetic.panda import (
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
from ingest.synthetic.presets import Preset
from ingest.synthetic.scenery import draw_scenery

SCALE = 2
"""Pictures are rendered at this many times their size."""


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """The empty scene of one camera.

    image: (SCALE * H, SCALE * W, 3) uint8 BGR, before the camera's own processing. standing: (H, W) uint8,
    255 where something other than the ground is seen. occluders: an engine node with all that may hide a
    vehicle.
    """

    image: Image
    standing: NDArray[np.uint8]
    occluders: Node


def render_plate(preset: Preset, spec: CameraSpec) -> Plate:
    """Draw the surroundings of a camera and render them; needs ENGINE_LOCK."""
    rng = np.random.default_rng((preset.seed, spec.seed))
    width, height = spec.width * SCALE, spec.height * SCALE
    ground = picture_of_ground(preset.road, Projection(spec.pose, width, height), rng)
    root, occluders = _build_scene(preset, spec, rng)
    view = Pass(root, spec.pose, width, height)
    render_passes([view])
    drawn = view.read((0, 0, width, height))
    view.close()
    discard_scene(root)
    covered = drawn[..., 3]
    image = np.where(covered[..., None] > 0, drawn[..., :3], ground)
    standing = cv2.resize(covered, (spec.width, spec.height), interpolation=cv2.INTER_AREA)
    return Plate(image, np.asarray(standing, np.uint8), occluders)


def _build_scene(preset: Preset, spec: CameraSpec, rng: np.random.Generator) -> tuple[Node, Node]:
    root, occluders = make_root("scenery"), make_root("occluders")
    draw_in_turn(root, 0)
    draw_in_turn(occluders, 0)
    lit, unlit = root.attach_new_node("lit"), root.attach_new_node("unlit")
    light_scene(lit, preset.weather.sun)
    for piece in draw_scenery(preset.road, spec.pose, preset.weather.sun, rng):
        node = make_node(piece.mesh)
        if piece.occludes:
            node.copy_to(occluders)
        node.set_texture(make_texture(piece.texture))
        node.reparent_to(lit if piece.lit else unlit)
    return root, occluders
