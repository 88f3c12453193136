"""Decoding alone against the whole perception pipeline, per detector, on one clip in one run; and memory."""

import os
import tempfile
from itertools import cycle, islice
from pathlib import Path

from deploy.log.opening import open_log
from deploy.site.config import parse_config
from deploy.site.wiring import make_association_worker, make_detector, make_perception_worker
from ingest.video import RecordedVideo
from tests.bench.measure import interleaved, rate, resident_mb, table
from tests.conftest import ROOT
from tests.ingest.clips import write_clip

DETECTORS = ("motion", "crossroad-1016")


def find_clip(folder: Path) -> Path:
    """A real clip where there is one, else one made on the spot."""
    real = Path(os.environ.get("CORRIDOR_DATA", ROOT.parent / "shared" / "data")) / "video" / "jamcam_06514.mp4"
    return real if real.exists() else write_clip(folder / "made.mp4", 250, size=(352, 288))


def decode_only(clip: Path) -> float:
    frames = 0

    def work() -> None:
        nonlocal frames
        frames = sum(1 for _ in RecordedVideo(clip, "a").frames())

    speed = rate(1, work)
    return frames * speed


def whole(clip: Path, detector: str) -> float:
    """Analysed frames a second with every frame analysed, observations and trajectories on a log."""
    with tempfile.TemporaryDirectory() as folder:
        text = f'[[cameras]]\nid = "a"\nsource = "{clip}"\n[detect]\ndetector = "{detector}"\nanalyse_fps = 120\n'
        config = parse_config(f'{text}[log]\nurl = "sqlite:{folder}/log.db"\n', "bench.toml")
        log = open_log(config.log.url)
        worker = make_perception_worker(config, log)
        association = make_association_worker(config, log)

        def work() -> None:
            worker.run()
            association.drain()

        speed = rate(1, work)
        log.close()
        return worker.runtimes["a"].analysed * speed


def detector_only(clip: Path, detector: str, frames: int = 120) -> float:
    config = parse_config(f'[[cameras]]\nid = "a"\nsource = "x"\n[detect]\ndetector = "{detector}"\n', "bench.toml")
    find = make_detector(config.detect)
    recorded = list(islice(cycle(RecordedVideo(clip, "a").frames()), frames))
    find(recorded[0])
    return rate(frames, lambda: [find(frame) for frame in recorded])


def main() -> None:
    data = Path(os.environ.get("CORRIDOR_DATA", ROOT.parent / "shared" / "data"))
    os.environ.setdefault("CORRIDOR_WEIGHTS", str(data / "weights"))
    have_weights = (Path(os.environ["CORRIDOR_WEIGHTS"]) / "person-vehicle-bike-detection-crossroad-1016.xml").exists()
    detectors = DETECTORS if have_weights else DETECTORS[:1]
    with tempfile.TemporaryDirectory() as folder:
        clip = find_clip(Path(folder))
        print(f"clip: {clip.name}; median of 3 interleaved runs; {os.cpu_count()} cores\n")
        works = {"decode only": lambda: decode_only(clip)}
        for name in detectors:
            works[f"{name} alone"] = lambda name=name: detector_only(clip, name)  # type: ignore[misc]
            works[f"pipeline, {name}"] = lambda name=name: whole(clip, name)  # type: ignore[misc]
        before_mb = resident_mb()
        speeds = interleaved(works)
        reference = speeds["decode only"]
        rows = [[name, f"{speed:.0f}", f"{speed / reference:.3f}"] for name, speed in speeds.items()]
        table(["what", "frames/s", "ratio to decode only"], rows)
        print(f"\nmemory: {before_mb:.0f} MB before, {resident_mb():.0f} MB after all of it")
        if not have_weights:
            print("crossroad-1016 was left out: its weights are missing (corridor weights pull)")
