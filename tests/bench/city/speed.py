"""`python -m tests.bench city_speed`: frames a second of one camera on one core, beside the bare render passes."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import cv2
import numpy as np

from ingest.synthetic.camera.spec import CameraPose, Look
from ingest.synthetic.render.camera_renderer import CameraRenderer, PlacedVehicle
from ingest.synthetic.render.panda import ENGINE_LOCK, render_passes
from ingest.synthetic.vehicle.fleet import Vehicle, draw_vehicle
from ingest.synthetic.world.presets import find_camera
from tests.bench.measure import interleaved, rate, table

SIZES = ((352, 288), (640, 360), (1280, 720), (1920, 1080))
VEHICLES = 10
FRAMES = 30
PLAIN = Look(noise_sigma=0.0)
EVERYTHING = Look(
    dark_noise=2.0, drift=0.04, flicker=0.01, shutter_s=0.02, jitter_px=1.5, caption="Camera 1",
)  # fmt: skip
RAIN = 0.6


def main() -> None:
    """Medians; the works of one size take turns."""
    cv2.setNumThreads(1)
    print(f"{VEHICLES} vehicles in the picture, truth included, one thread; medians of 3\n")
    rows = []
    for width, height in SIZES:
        stages = {
            "plain": _renderer(width, height, PLAIN, 0.0),
            "every effect": _renderer(width, height, EVERYTHING, RAIN),
        }
        works: dict[str, Callable[[], float]] = {"passes": lambda renderer=stages["plain"]: _passes(renderer)}  # type: ignore[misc]
        for name, renderer in stages.items():
            works[name] = lambda renderer=renderer: _frames(renderer)  # type: ignore[misc]
        found = interleaved(works)
        plate_s = _plate_s(width, height)
        rows.append([f"{width}x{height}", *(f"{found[name]:.0f}" for name in works), f"{plate_s:.1f}"])
        for renderer in stages.values():
            renderer.close()
    table(["size", "bare passes, frames/s", "plain, frames/s", "every effect, frames/s", "opening, s"], rows)


def _renderer(width: int, height: int, look: Look, rain: float) -> CameraRenderer:
    preset, spec = find_camera("smooth", 0)
    preset = replace(preset, weather=replace(preset.weather, rain=rain))
    return CameraRenderer(preset, replace(spec, look=look, width=width, height=height))


def _plate_s(width: int, height: int) -> float:
    began_s = time.perf_counter()
    _renderer(width, height, PLAIN, 0.0).close()
    return time.perf_counter() - began_s


def _placed(number: int) -> list[PlacedVehicle]:
    """Ten vehicles that drive in the lanes before the camera."""
    _, spec = find_camera("smooth", 0)
    return [
        PlacedVehicle(vehicle, (x_m, y_m, heading_deg), 11.0)
        for vehicle, (x_m, y_m, heading_deg) in zip(_vehicles(), _poses(spec.pose, number), strict=True)
    ]


@cache
def _vehicles() -> tuple[Vehicle, ...]:
    return tuple(draw_vehicle(number + 1, None, 5) for number in range(VEHICLES))


def _poses(pose: CameraPose, number: int) -> list[tuple[float, float, float]]:
    """Two columns ahead of the camera, driving away from it."""
    yaw = np.radians(pose.yaw_deg)
    ahead, right = np.array([-np.sin(yaw), np.cos(yaw)]), np.array([np.cos(yaw), np.sin(yaw)])
    here = np.array([pose.x_m, pose.y_m])
    spots = [
        here + ahead * (18 + 9 * (k // 2) + 0.45 * (number % 12)) + right * (3.4 * (k % 2) - 1.7)
        for k in range(VEHICLES)
    ]
    return [(float(x_m), float(y_m), pose.yaw_deg) for x_m, y_m in spots]


def _frames(renderer: CameraRenderer) -> float:
    renderer.render_vehicles(_placed(0), 0)
    return rate(FRAMES, lambda: [renderer.render_vehicles(_placed(number), number) for number in range(FRAMES)])


def _passes(renderer: CameraRenderer) -> float:
    """Colour and ids alone, nothing read, nothing composed."""
    renderer.render_vehicles(_placed(0), 0)
    with ENGINE_LOCK:
        return rate(FRAMES, lambda: _render(renderer))


def _render(renderer: CameraRenderer) -> None:
    for _ in range(FRAMES):
        render_passes(renderer.passes)
