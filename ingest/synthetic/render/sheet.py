"""A sheet of vehicles: each alone on plain ground, as a camera on a mast sees it."""

from collections.abc import Sequence

import cv2
import numpy as np

from ingest.frame import Image
from ingest.synthetic.camera.spec import CameraPose, Projection
from ingest.synthetic.render.panda import ENGINE_LOCK, Pass, discard_scene, light_scene, make_root, render_passes
from ingest.synthetic.render.shadows import Polygon, cast_shadow, contact_shadow
from ingest.synthetic.render.vehicles import body_of
from ingest.synthetic.vehicle.fleet import Vehicle
from ingest.synthetic.world.weather import Weather

_WEATHER = Weather()
_GROUND_BGR = (118, 121, 122)
_SCALE = 2


def sheet_of_vehicles(vehicles: Sequence[Vehicle], *, columns: int, tile_px: int, turn_deg: float = 28.0) -> Image:
    """Render all vehicles in rows of `columns` tiles, (rows * tile_px, columns * tile_px, 3) uint8 BGR.

    turn_deg: how far their fronts look past the camera; around 180 shows the rear. Every vehicle fills its tile: the
    camera keeps its angle and goes nearer to the small ones.
    """
    tiles = [_tile(vehicle, tile_px, turn_deg) for vehicle in vehicles]
    empty = np.full((tile_px, tile_px, 3), _GROUND_BGR, np.uint8)
    tiles += [empty] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return np.asarray(np.vstack(rows), np.uint8)


def _tile(vehicle: Vehicle, tile_px: int, turn_deg: float) -> Image:
    model, body = vehicle.model, body_of(vehicle)
    turn = np.radians(180 + turn_deg)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    middle = rotation @ np.array([0, -model.length_m / 2, 0])
    points = body.vertices_m @ rotation.T - middle
    size_m = float(np.hypot(model.length_m * 0.92, model.height_m * 1.3))
    away_m = size_m * 2.55
    pitch = np.radians(21.0)
    pose = CameraPose(
        0.0,
        -away_m * np.cos(pitch),
        away_m * np.sin(pitch) + model.height_m * 0.42,
        0.0,
        float(np.degrees(pitch)),
        19.0,
    )
    projection = Projection(pose, tile_px, tile_px)
    with ENGINE_LOCK:
        root = make_root("tile")
        light_scene(root, _WEATHER)
        node = body.node.copy_to(root)
        node.set_texture(body.texture)
        node.set_pos_hpr(-middle[0], -middle[1], 0, float(np.degrees(turn)), 0, 0)
        view = Pass(root, pose, tile_px * _SCALE, tile_px * _SCALE)
        render_passes([view])
        drawn = view.read((0, 0, tile_px * _SCALE, tile_px * _SCALE))
        view.close()
        discard_scene(root)
    cast, contact = cast_shadow(points, _WEATHER.sun, projection), contact_shadow(points, projection)
    light = cv2.multiply(_shadow(cast, tile_px, 0.42, 1.2), _shadow(contact, tile_px, 0.60, 3.0), scale=1 / 255)
    ground = np.full((tile_px, tile_px, 3), _GROUND_BGR, np.uint8)
    shaded = cv2.multiply(ground, cv2.merge([light] * 3), scale=1 / 255)
    scene = cv2.resize(shaded, None, fx=_SCALE, fy=_SCALE, interpolation=cv2.INTER_LINEAR)
    cv2.copyTo(cv2.cvtColor(drawn, cv2.COLOR_BGRA2BGR), cv2.extractChannel(drawn, 3), scene)
    return np.asarray(cv2.resize(scene, (tile_px, tile_px), interpolation=cv2.INTER_AREA), np.uint8)


def _shadow(polygon: Polygon, tile_px: int, strength: float, blur_px: float) -> Image:
    """Draw the light that a shadow leaves, (tile_px, tile_px) uint8."""
    light = np.full((tile_px, tile_px), 255, np.uint8)
    cv2.fillConvexPoly(light, np.round(polygon * 16).astype(np.int32), round(255 * (1 - strength)), cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(light, (0, 0), blur_px), np.uint8)
