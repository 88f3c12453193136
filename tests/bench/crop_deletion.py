"""Old crops are deleted while cameras are analysed: frames a second of every camera with and without it, in turns.

Two cameras keep crops and are read as fast as the processor can. In one run 100,000 old files lie in their store, and
the run ends when they are gone; the other run, of the same length, has an empty store.
"""

import os
import tempfile
import threading
import time
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from deploy.crops.pruning import Pruner
from deploy.log.opening import open_log
from deploy.site.config import parse_config
from deploy.site.wiring import make_perception_worker
from tests.bench.measure import table
from tests.ingest.clips import write_clip

FILES = 100_000
FILES_A_TRACKLET = 5
CAMERAS = ("a", "b")
ROUNDS = 3
WARMUP_S = 2.0
LONGEST_S = 300.0
CLIP_FRAMES = 20_000
SIZE = (320, 192)


def fill(store: Path) -> None:
    """Files of a week ago, in the folders of both cameras; their content does not matter to whoever deletes them."""
    then_s = time.time() - 7 * 86_400
    for number in range(FILES // FILES_A_TRACKLET):
        folder = store / CAMERAS[number % len(CAMERAS)]
        folder.mkdir(parents=True, exist_ok=True)
        for name in chain((f"9.9-{number}.json",), (f"9.9-{number}-{n}.jpg" for n in range(FILES_A_TRACKLET - 1))):
            (folder / name).write_bytes(b"x")
            os.utime(folder / name, (then_s, then_s))


def left(store: Path) -> int:
    return sum(1 for folder in store.iterdir() for entry in os.scandir(folder) if entry.name.startswith("9.9-"))


def rates(folder: Path, clip: Path, seconds: float | None) -> tuple[dict[str, float], float]:
    """Analysed frames a second by camera, over that many seconds, or until all old files are gone; and the seconds."""
    cameras = "".join(f'[[cameras]]\nid = "{name}"\nsource = "{clip}"\n' for name in CAMERAS)
    text = f'{cameras}[detect]\ndetector = "motion"\nanalyse_fps = 120\n[embed]\nencoder = "colour"\n'
    text += f'[crops]\nkeep = true\nfolder = "{folder}/crops"\n[log]\nurl = "sqlite:{folder}/log.db"\n'
    config = parse_config(text, "bench.toml")
    log = open_log(config.log.url)
    worker = make_perception_worker(config, log)
    thread = threading.Thread(target=worker.run)
    finished, finish = threading.Event(), Pruner.prune

    def prune(self: Pruner, *arguments: object, **named: object) -> int:
        gone = finish(self, *arguments, **named)  # type: ignore[arg-type]
        finished.set()
        return gone

    Pruner.prune = prune  # type: ignore[method-assign]
    try:
        thread.start()
        time.sleep(WARMUP_S)
        before, began_s = {name: worker.runtimes[name].analysed for name in CAMERAS}, time.perf_counter()
        if seconds is None:
            finished.wait(LONGEST_S)
        else:
            time.sleep(seconds)
        took_s = time.perf_counter() - began_s
        found = {name: (worker.runtimes[name].analysed - before[name]) / took_s for name in CAMERAS}
        assert not any(worker.runtimes[name].over for name in CAMERAS), "the clip is too short for this machine"
    finally:
        Pruner.prune = finish  # type: ignore[method-assign]
        worker.stop()
        thread.join()
        log.close()
    return found, took_s


def one_round(clip: Path) -> tuple[Mapping[str, float], Mapping[str, float], float]:
    """Rates while files go, undisturbed rates, and how many files a second went."""
    with tempfile.TemporaryDirectory() as name:
        busy, calm = Path(name) / "busy", Path(name) / "calm"
        fill(busy / "crops")
        calm.mkdir()
        disturbed, took_s = rates(busy, clip, None)
        assert left(busy / "crops") == 0, f"files are left after {LONGEST_S:g} s"
        undisturbed, _ = rates(calm, clip, took_s)
    return disturbed, undisturbed, FILES / (took_s + WARMUP_S)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(Path(folder) / "clip.mp4", CLIP_FRAMES, size=SIZE)
        rounds = [one_round(clip) for _ in range(ROUNDS)]
    print(f"{FILES} files, {ROUNDS} rounds in turns; analysed frames/s; {os.cpu_count()} cores\n")
    rows = []
    for number, (disturbed, undisturbed, files_per_s) in enumerate(rounds, 1):
        for camera in CAMERAS:
            change = disturbed[camera] / undisturbed[camera] - 1
            rates_of = [f"{undisturbed[camera]:.1f}", f"{disturbed[camera]:.1f}", f"{change:+.1%}"]
            rows.append([str(number), camera, *rates_of, f"{files_per_s:.0f}"])
    table(["round", "camera", "undisturbed", "while files go", "change", "files/s that go"], rows)
    whole = [sum(each[kind][camera] for each in rounds for camera in CAMERAS) for kind in (0, 1)]
    print(f"\nall rounds together: {whole[0] / whole[1] - 1:+.1%}")
