"""`python -m tests.bench city_statistics`: grey statistics of rendered frames beside those of real clips."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from ingest.frame import Image
from ingest.synthetic.render.camera_renderer import CameraRenderer
from ingest.synthetic.world.presets import PRESETS, find_camera
from ingest.video import RecordedVideo
from tests.bench.measure import table
from tests.bench.tracking import DATA

FRAMES = 6
"""Of every camera or clip."""
CAMERAS = 4
"""Of every preset at most."""
SIZE = (352, 288)
"""All pictures are brought to one size first, for sharpness depends on it."""


def statistics_of(image: Image) -> tuple[float, float, float]:
    """Deviation of the Laplacian, deviation of grey, 99th percentile of grey."""
    gray = cv2.cvtColor(cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(gray, cv2.CV_64F).std()), float(gray.std()), float(np.percentile(gray, 99))


def city_frames(name: str) -> Iterator[Image]:
    """A few frames of a preset's cameras."""
    for index in range(min(CAMERAS, len(PRESETS[name].cameras))):
        preset, spec = find_camera(name, index)
        renderer = CameraRenderer(preset, spec)
        for sequence in np.linspace(0, preset.frame_count(spec) - 1, FRAMES).round().astype(int).tolist():
            yield renderer.render(sequence)[0]
        renderer.close()


def real_frames(clip: str) -> Iterator[Image]:
    """A few frames of a recording."""
    frames = list(RecordedVideo(DATA / "video" / f"{clip}.mp4", clip).frames())
    for sequence in np.linspace(0, len(frames) - 1, FRAMES).round().astype(int).tolist():
        yield frames[sequence].image


def _row(name: str, frames: Iterable[Image]) -> list[str]:
    columns = zip(*(statistics_of(frame) for frame in frames), strict=True)
    return [name, *(f"{np.median(column):.0f} ({min(column):.0f} to {max(column):.0f})" for column in columns)]


def main() -> None:
    """Median and range of each figure."""
    rows = [_row(f"city://{name}", city_frames(name)) for name in PRESETS]
    clips = sorted(path.stem for path in (DATA / "video").glob("*.mp4"))
    if not clips:
        print(f"the real clips were left out: there are none in {DATA / 'video'} (tests/data/SOURCES.md)")
    rows += [_row(clip, real_frames(clip)) for clip in clips]
    print(f"Pictures brought to {SIZE[0]}x{SIZE[1]}; median (least to most)\n")
    table(["where", "Laplacian deviation", "grey deviation", "99th percentile"], rows)


if __name__ == "__main__":
    main()
