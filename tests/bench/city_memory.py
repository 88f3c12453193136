"""`python -m tests.bench city_memory`: memory while cameras are opened, rendered and closed one after the other."""

import gc
import itertools

from ingest.synthetic.presets import PRESETS, find_camera
from ingest.synthetic.stage import Stage
from tests.bench.measure import resident_mb, table

OPENINGS = 20
SECONDS = 60
EVERY = 20
"""One frame in so many is rendered: memory hangs on what appears, not on how often."""


def main() -> None:
    """Resident memory after every fourth camera; the first round fills buffers and bodies."""
    names = [name for name in PRESETS if len(PRESETS[name].cameras) >= 4]
    cameras = itertools.cycle([(names[0], index) for index in range(4)])
    rows = []
    for number, (name, index) in enumerate(itertools.islice(cameras, OPENINGS), start=1):
        render_some(name, index)
        gc.collect()
        if number % 4 == 0:
            rows.append([str(number), f"{resident_mb():.0f}"])
    table(["cameras opened and closed", "memory, MB"], rows)


def render_some(name: str, index: int) -> None:
    """Frames spread over a minute of one camera."""
    preset, spec = find_camera(name, index)
    stage = Stage(preset, spec)
    for sequence in range(0, min(SECONDS * spec.fps, preset.frame_count(spec)), EVERY):
        stage.render(sequence)
    stage.close()
