"""`python -m tests.bench city_memory`: memory while the twenty cameras of `grand` are rendered, a minute each."""

import gc
import time

from ingest.synthetic.render.camera_renderer import CameraRenderer
from ingest.synthetic.world.presets import find_camera
from tests.bench.measure import resident_mb, table

PRESET = "grand"
SECONDS = 60


def main() -> None:
    """Resident memory after every fourth camera; the first ones fill buffers and the pool of bodies."""
    rows, frames, began_s = [], 0, time.perf_counter()
    preset, _ = find_camera(PRESET, 0)
    for number in range(1, len(preset.cameras) + 1):
        frames += render_a_minute(number - 1)
        gc.collect()
        if number % 4 == 0:
            speed = frames / (time.perf_counter() - began_s)
            rows.append([str(number), f"{resident_mb():.0f}", f"{speed:.0f}"])
    table(["cameras opened, rendered and closed", "memory, MB", "frames/s so far, one process"], rows)


def render_a_minute(index: int) -> int:
    """Every frame of a minute of one camera; returns how many."""
    preset, spec = find_camera(PRESET, index)
    renderer = CameraRenderer(preset, spec)
    for sequence in range(SECONDS * spec.fps):
        renderer.render(sequence)
    renderer.close()
    return SECONDS * spec.fps


if __name__ == "__main__":
    main()
