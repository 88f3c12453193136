"""The renderer: Panda3D's software pipe, no display and no GPU.

Panda3D is not thread-safe. Whoever touches one of its objects holds ENGINE_LOCK; the classes here say where
they take it themselves.
"""

import threading
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from panda3d import core

from ingest.frame import Image
from ingest.synthetic.camera.spec import FAR_M, NEAR_M, CameraPose, Projection
from ingest.synthetic.mesh import Mesh
from ingest.synthetic.world.weather import Weather

ENGINE_LOCK = threading.RLock()
"""Lock around all work with the engine, by every camera of the process."""

Node = Any
"""A core.NodePath; the library has no types."""

_SETTINGS = """
load-display p3tinydisplay
window-type offscreen
audio-library-name null
sync-video 0
textures-power-2 down
td-ignore-clamp 0
notify-level error
"""
_LARGEST_TEXTURE_PX = 2048


@cache
def _engine() -> tuple[Any, Any]:
    """Open the process's graphics engine and its software pipe."""
    core.load_prc_file_data("", _SETTINGS)
    pipe = core.GraphicsPipeSelection.get_global_ptr().make_pipe("TinyOffscreenGraphicsPipe", "p3tinydisplay")
    return core.GraphicsEngine.get_global_ptr(), pipe


def make_node(mesh: Mesh) -> Node:
    """Make a node with the triangles of a mesh."""
    _engine()
    rows = core.GeomVertexData("mesh", core.GeomVertexFormat.get_v3n3t2(), core.Geom.UH_static)
    rows.unclean_set_num_rows(len(mesh.vertices_m))
    columns = np.concatenate([mesh.vertices_m, mesh.normals, mesh.uv], axis=1).astype(np.float32)
    memoryview(rows.modify_array(0)).cast("B")[:] = columns.tobytes()
    primitive = core.GeomTriangles(core.Geom.UH_static)
    primitive.set_index_type(core.Geom.NT_uint32)
    index = primitive.modify_vertices()
    index.unclean_set_num_rows(mesh.triangles.size)
    memoryview(index).cast("B")[:] = mesh.triangles.astype(np.uint32).tobytes()
    geometry = core.Geom(rows)
    geometry.add_primitive(primitive)
    node = core.GeomNode("mesh")
    node.add_geom(geometry)
    return core.NodePath(node)


def make_root(name: str) -> Node:
    """Make the top node of a scene."""
    _engine()
    return core.NodePath(name)


def make_texture(image: Image) -> Any:
    """Make a texture from a (H, W, 3) BGR image, resized to powers of two: the pipe knows no others."""
    height, width = (_power_of_two(side) for side in image.shape[:2])
    if (height, width) != image.shape[:2]:
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    texture = core.Texture()
    texture.setup_2d_texture(width, height, core.Texture.T_unsigned_byte, core.Texture.F_rgb)
    texture.set_ram_image(np.ascontiguousarray(image[::-1]).tobytes())
    texture.set_minfilter(core.SamplerState.FT_linear_mipmap_linear)
    texture.set_magfilter(core.SamplerState.FT_linear)
    return texture


def _power_of_two(side: int) -> int:
    return int(min(_LARGEST_TEXTURE_PX, 1 << int(np.ceil(np.log2(side)))))


Light = tuple[float, float, float]
_LIGHTS: dict[str, tuple[Light, Light, Light]] = {
    "sun": ((0.66, 0.66, 0.686), (0.304, 0.32, 0.346), (0.62, 0.60, 0.54)),
    "overcast": ((0.72, 0.72, 0.73), (0.42, 0.42, 0.43), (0.0, 0.0, 0.0)),
    "dusk": ((0.34, 0.34, 0.40), (0.16, 0.16, 0.21), (0.06, 0.05, 0.04)),
    "night": ((0.33, 0.32, 0.32), (0.38, 0.35, 0.30), (0.0, 0.0, 0.0)),
}
"""Ambient, from the sky above (at night from the street lamps), and from the sun; red, green, blue."""


def light_scene(root: Node, weather: Weather) -> None:
    """Light a scene for a weather."""
    ambient_rgb, sky_rgb, sun_rgb = _LIGHTS[
        "overcast" if weather.light == "sun" and not weather.sunny else weather.light
    ]
    ambient = core.AmbientLight("ambient")
    ambient.set_color((*ambient_rgb, 1))
    sky = core.DirectionalLight("sky")
    sky.set_color((*sky_rgb, 1))
    sunlight = core.DirectionalLight("sun")
    sunlight.set_color((*sun_rgb, 1))
    directions = ((ambient, None), (sky, (0.0, 0.001, -1.0)), (sunlight, tuple(-part for part in weather.sun)))
    for turn, (light, direction) in enumerate(directions):
        light.set_priority(turn)  # equal priorities are added up in the order of memory addresses
        node = root.attach_new_node(light)
        if direction is not None:
            node.look_at(*direction)
        root.set_light(node)


def discard_scene(root: Node) -> None:
    """Free a scene and what only it uses."""
    for node in root.find_all_matches("**"):
        node.clear_light()  # a light's place in the scene keeps the scene, which keeps the light
    root.remove_node()
    # The engine does not do this by itself: states of removed nodes would keep their textures for ever
    core.RenderState.clear_cache()
    core.TransformState.clear_cache()
    core.RenderState.garbage_collect()
    core.TransformState.garbage_collect()


def draw_in_turn(node: Node, turn: int) -> None:
    """Draw a node after those with a smaller turn, and of one turn in the order of the scene.

    Without it the engine sorts by memory addresses, and pixels at equal depth differ from run to run.
    """
    node.set_bin("fixed", turn, 100)


def only_hide(node: Node) -> None:
    """Let a node hide what is behind it without being drawn itself."""
    node.set_attrib(core.ColorWriteAttrib.make(core.ColorWriteAttrib.C_off), 100)


class _Buffer:
    """An offscreen buffer and the memory that its image is copied to.

    The library never frees the memory of a software buffer, so buffers are kept and lent again. All share the
    state of the first one: a texture is prepared once for all of them.
    """

    def __init__(self, width: int, height: int, host: "_Buffer | None") -> None:
        engine, pipe = _engine()
        properties = core.FrameBufferProperties()
        properties.set_rgba_bits(8, 8, 8, 8)
        properties.set_depth_bits(16)
        size, flags = core.WindowProperties.size(width, height), core.GraphicsPipe.BF_refuse_window
        shared = () if host is None else (host.window.get_gsg(),)
        self.window: Any = engine.make_output(pipe, "pass", 0, properties, size, flags, *shared)
        self.target = core.Texture()
        self.window.add_render_texture(self.target, core.GraphicsOutput.RTM_copy_ram)
        self.window.set_clear_color((0, 0, 0, 0))
        self.window.set_active(False)


_buffers: list[_Buffer] = []
_idle: dict[tuple[int, int], list[_Buffer]] = defaultdict(list)


def _borrow_buffer(width: int, height: int) -> _Buffer:
    if _idle[width, height]:
        return _idle[width, height].pop()
    buffer = _Buffer(width, height, _buffers[0] if _buffers else None)
    _buffers.append(buffer)
    return buffer


class Pass:
    """One offscreen image of a scene from a camera: BGRA, alpha 0 where nothing was drawn.

    Making, rendering, reading and closing need ENGINE_LOCK. A pass renders only in `render_passes`.
    """

    def __init__(self, root: Node, pose: CameraPose, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._buffer = _borrow_buffer(width, height)
        self._camera = root.attach_new_node(_make_camera(pose, width, height))
        self._camera.set_pos(pose.x_m, pose.y_m, pose.z_m)
        self._camera.set_hpr(pose.yaw_deg, -pose.pitch_deg, 0)
        self._buffer.window.make_display_region().set_camera(self._camera)
        self._lens = self._camera.node().get_lens()
        self._shift_px = (0.0, 0.0)

    def set_shift(self, shift_px: tuple[float, float]) -> None:
        """Move the image by pixels to the right and down."""
        if shift_px != self._shift_px:
            film = self._lens.get_film_size()
            across, down = shift_px[0] / self._width * film[0], shift_px[1] / self._height * film[1]
            self._lens.set_film_offset(-across, down)
            self._shift_px = shift_px

    def read(self, rect_xyxy: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """Copy a part of the last image, (h, w, 4) uint8 BGRA."""
        left, top, right, bottom = rect_xyxy
        memory = np.frombuffer(self._buffer.target.get_ram_image(), np.uint8)
        pixels = memory.reshape(self._height, self._width, 4)[::-1]
        return np.array(pixels[top:bottom, left:right], order="C")

    def set_active(self, active: bool) -> None:
        """Include this pass in the next rendering, or leave it out."""
        self._buffer.window.set_active(active)

    def close(self) -> None:
        """Give the buffer back; the pass is not to be used any more."""
        self._buffer.window.remove_all_display_regions()
        self._camera.remove_node()
        _idle[self._width, self._height].append(self._buffer)


def _make_camera(pose: CameraPose, width: int, height: int) -> Any:
    lens = core.PerspectiveLens()
    lens.set_near_far(NEAR_M, FAR_M)
    lens.set_fov(pose.fov_deg, Projection(pose, width, height).vertical_fov_deg)
    camera = core.Camera("camera")
    camera.set_lens(lens)
    return camera


def render_passes(passes: Sequence[Pass]) -> None:
    """Render these passes and no others."""
    for one in passes:
        one.set_active(True)
    _engine()[0].render_frame()
    for one in passes:
        one.set_active(False)
