"""Old crops are deleted while cameras are analysed: frames a second of every camera with and without it, in turns.

Two cameras keep crops. 100,000 old files lie in their store. Deletion goes on for twelve seconds and stands still for
four, in turns, so that a slow moment of the machine hits both. First the cameras are read as fast as the processor can,
so that deletion takes from what they need, for two and a half minutes; then at the pace of a live site, until all files
have gone.
"""

import os
import signal
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from deploy.crops.pruning import Pruner
from deploy.log.opening import open_log
from deploy.site.config import parse_config
from deploy.site.perception_worker import PerceptionWorker
from deploy.site.wiring import make_perception_worker
from ingest.video import VideoWriter
from tests.bench.measure import table
from tests.ingest.clips import clip_image

FILES = 100_000
FILES_A_TRACKLET = 5
CAMERAS = ("a", "b")
STRETCH_S = {True: 12.0, False: 4.0}
"""While deletion goes on, and while it stands still."""
SETTLE_S = 0.1
CLIP_FRAMES = 46_000


@dataclass(frozen=True, slots=True)
class Pace:
    """Pace of the cameras: a name, their settings, analysed frames a second at most, and the longest measurement."""

    name: str
    camera: str
    analyse_fps: int
    longest_s: float


PACES = (Pace("as fast as can be", "", 120, 150.0), Pace("live", "realtime = true", 10, 1800.0))
SIZE = (320, 192)


def long_clip(path: Path) -> Path:
    writer = VideoWriter(path, SIZE, 25)
    for image in islice(cycle([clip_image(index, SIZE) for index in range(140)]), CLIP_FRAMES):
        writer.write(image)
    writer.close()
    return path


def fill(store: Path) -> None:
    """Files of a week ago, in the folders of both cameras; their content does not matter to a deletion."""
    then_s = time.time() - 7 * 86_400
    for camera in CAMERAS:
        (store / camera).mkdir(parents=True)
    for number in range(FILES // FILES_A_TRACKLET):
        folder = store / CAMERAS[number % len(CAMERAS)]
        for name in (f"9.9-{number}.json", *(f"9.9-{number}-{n}.jpg" for n in range(FILES_A_TRACKLET - 1))):
            (folder / name).write_bytes(b"x")
            os.utime(folder / name, (then_s, then_s))


def files_left(store: Path) -> int:
    return sum(entry.name.startswith("9.9-") for camera in CAMERAS for entry in os.scandir(store / camera))


def make_worker(folder: Path, clip: Path, pace: Pace) -> PerceptionWorker:
    cameras = "".join(f'[[cameras]]\nid = "{name}"\nsource = "{clip}"\n{pace.camera}\n' for name in CAMERAS)
    text = f'{cameras}[detect]\ndetector = "motion"\nanalyse_fps = {pace.analyse_fps}\n[embed]\nencoder = "colour"\n'
    text += f'[crops]\nkeep = true\nfolder = "{folder}/crops"\n[log]\nurl = "sqlite:{folder}/log.db"\n'
    config = parse_config(text, "bench.toml")
    return make_perception_worker(config, open_log(config.log.url))


def hold(pruner: Pruner, *, still: bool) -> None:
    """Let the process that deletes stand still or go on."""
    if (child := pruner._child) is not None:
        child.send_signal(signal.SIGSTOP if still else signal.SIGCONT)


def measure(worker: PerceptionWorker, pruner: Pruner, longest_s: float) -> dict[bool, Counter[str]]:
    """Analysed frames by camera, and milliseconds, while deletion goes on (True) and while it stands still (False)."""
    found: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    began_s, turn = time.perf_counter(), (True, False)
    while pruner.rounds == 0 and time.perf_counter() - began_s < longest_s:
        turn = turn[::-1]
        for deleting in turn:
            hold(pruner, still=not deleting)
            time.sleep(SETTLE_S)
            before, from_s = {name: worker.runtimes[name].analysed for name in CAMERAS}, time.perf_counter()
            time.sleep(STRETCH_S[deleting])
            if deleting and pruner.rounds:
                break
            found[deleting]["ms"] += round((time.perf_counter() - from_s) * 1000)
            for name in CAMERAS:
                found[deleting][name] += worker.runtimes[name].analysed - before[name]
    assert not any(worker.runtimes[name].over for name in CAMERAS), "the clip is too short for this machine"
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        clip = long_clip(Path(name) / "clip.mp4")
        for number, pace in enumerate(PACES):
            run(Path(name) / str(number), clip, pace)


def run(folder: Path, clip: Path, pace: Pace) -> None:
    fill(folder / "crops")
    worker = make_worker(folder, clip, pace)
    assert worker.crops is not None
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        while not all(worker.runtimes[camera].analysed for camera in CAMERAS):
            time.sleep(SETTLE_S)
        found = measure(worker, worker.crops.pruner, pace.longest_s)
        gone = FILES - files_left(folder / "crops")
    finally:
        hold(worker.crops.pruner, still=False)
        worker.stop()
        thread.join()
    print(f"\nCameras {pace.name}:")
    report(found, gone)


def report(found: dict[bool, Counter[str]], gone: int) -> None:
    deleting_s, still_s = found[True]["ms"] / 1000, found[False]["ms"] / 1000
    speed = f"{gone} of {FILES} files in {deleting_s:.0f} s, {gone / deleting_s:.0f} a second"
    print(f"{speed}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    rows = []
    for name in CAMERAS:
        disturbed, undisturbed = found[True][name] / deleting_s, found[False][name] / still_s
        rows.append([name, f"{undisturbed:.1f}", f"{disturbed:.1f}", f"{disturbed / undisturbed - 1:+.1%}"])
    table(["camera", "analysed/s undisturbed", "while files are deleted", "change"], rows)


if __name__ == "__main__":
    main()
