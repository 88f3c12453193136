"""`python -m tests.bench kafka_workers`: workers that share six cameras; one is killed, one drained, a camera added.

Cameras are streams of our own RTSP server in this process. Printed are who has which camera second by second, and for
the cameras of the killed worker how long each step took.
"""

import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import Popen

import numpy as np

from deploy.city.rtsp.server import RtspServer
from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.site.cameras import changes
from deploy.site.cameras.changes import CameraChanges
from deploy.site.cameras.workers import WatchedCamera, WorkerRecord, Workers, watched_by
from deploy.site.config import load_config
from ingest.clock import NS, SystemClock
from ingest.network.h264 import recorded_units
from tests.bench.measure import table
from tests.contracts.kafka_broker import new_broker
from tests.ingest.clips import write_clip
from tests.system.command import corridor, start

CAMERAS = [f"c{number}" for number in range(1, 7)]
ADDED = "c7"
ANALYSE_FPS = 4
SETTLED_S, BETWEEN_S = 20.0, 20.0
PATIENCE_S = 240.0


class Watch:
    """What the workers say, as it comes onto the log: by second of the bench, and every record by worker."""

    def __init__(self, log: KafkaLog) -> None:
        self.now: dict[str, tuple[WorkerRecord, WatchedCamera]] = {}
        self.living: list[WorkerRecord] = []
        self.said: dict[str, list[WorkerRecord]] = defaultdict(list)
        self.seconds: list[str] = []
        self.event = ""
        self._log, self._workers, self._stop = log, Workers(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        began_s, last = time.monotonic(), -1
        while not self._stop.wait(0.05):
            self._workers.read(self._log)
            for name, record in self._workers.records.items():
                if not self.said[name] or self.said[name][-1] is not record:
                    self.said[name].append(record)
            self.living = self._workers.living(time.time_ns())
            self.now = dict(watched_by(self.living))
            second = int(time.monotonic() - began_s)
            if second > last:
                last, event, self.event = second, self.event, ""
                self.seconds.append(f"{second:4}  {' '.join(map(self._cell, [*CAMERAS, ADDED]))}  {event}".rstrip())

    def _cell(self, camera: str) -> str:
        """The number of the worker that has it; in brackets until a frame was analysed."""
        if camera not in self.now:
            return " . "
        worker, watched = self.now[camera]
        return f" {worker.worker[1:]} " if watched.first_ns else f"({worker.worker[1:]})"

    def all_by(self, *workers: str, cameras: list[str] = CAMERAS) -> bool:
        """Whether these workers, and none else, analyse all cameras."""
        found = [self.now.get(camera) for camera in cameras]
        return all(it is not None and it[1].first_ns and it[0].worker in workers for it in found)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def site() -> Iterator[tuple[Path, KafkaLog, RtspServer]]:
    """A broker of one's own, seven streams, and a configuration with six of them."""
    broker = new_broker()
    create_topics(Cluster(broker.servers))
    with (
        tempfile.TemporaryDirectory() as name,
        RtspServer() as server,
        closing(KafkaLog(Cluster(broker.servers))) as log,
    ):
        folder = Path(name)
        film = write_clip(folder / "film.mp4", 75, size=(320, 192))
        for camera in (*CAMERAS, ADDED):
            server.add(f"/{camera}", lambda: recorded_units(film, starts_ns=SystemClock().now_ns(), loop=True))
        cameras = "".join(f'[[cameras]]\nid = "{it}"\nsource = "{server.url(f"/{it}")}"\n' for it in CAMERAS)
        rest = f'[detect]\ndetector = "motion"\nanalyse_fps = {ANALYSE_FPS}\n[embed]\nencoder = "colour"\n'
        (folder / "site.toml").write_text(f'{cameras}{rest}[log]\nurl = "kafka://{broker.servers}"\n')
        yield folder, log, server
    broker.discard()


def main() -> None:
    with site() as (folder, log, server):
        watch, config = Watch(log), load_config(folder / "site.toml")
        workers = {name: _start(folder, name) for name in ("w1", "w2")}
        _until(lambda: watch.all_by("w1", "w2") and len({it[0].worker for it in watch.now.values()}) == 2)
        time.sleep(SETTLED_S)
        # Step 1: one is killed
        untouched = next(camera for camera, (worker, _) in watch.now.items() if worker.worker == "w1")
        orphans = [camera for camera, (worker, _) in watch.now.items() if worker.worker == "w2"]
        workers["w2"].kill()
        killed_ns, watch.event = time.time_ns(), "w2 is killed"
        _until(lambda: watch.all_by("w1"))
        time.sleep(BETWEEN_S)
        # Step 2: another one comes, and a camera; then the first is drained
        workers["w3"], watch.event = _start(folder, "w3"), "w3 is started"
        _until(lambda: watch.all_by("w1", "w3") and len({it[0].worker for it in watch.now.values()}) == 2)
        changes.add(log, config, ADDED, CameraChanges(source=server.url(f"/{ADDED}")), at_ns=time.time_ns(), by="bench")
        added_s, watch.event = time.monotonic(), f"{ADDED} is added"
        _until(lambda: watch.all_by("w1", "w3", cameras=[*CAMERAS, ADDED]))
        added_s, watch.event = time.monotonic() - added_s, f"{ADDED} is analysed; w1 is to be drained"
        drained = corridor(folder, "cameras", "drain", "site.toml", "w1")
        drained_s, watch.event = time.monotonic(), f"drain: exit code {drained.returncode}"
        _until(lambda: watch.all_by("w3", cameras=[*CAMERAS, ADDED]))
        moved_s = time.monotonic() - drained_s
        time.sleep(3)
        watch.stop()
        for process in workers.values():
            process.terminate()
        codes = {name: process.wait() for name, process in workers.items()}
    print(
        "who has which camera, second by second; in brackets: not analysed yet\n\n      " + "  ".join([*CAMERAS, ADDED])
    )
    print("\n".join(watch.seconds))
    print(f"\n{ADDED} analysed {added_s:.1f} s after it was added; cameras of the drained worker {moved_s:.1f} s after")
    print(f"the command's end; exit codes {codes}\n")
    _report(watch, killed_ns, orphans, untouched)


def _report(watch: Watch, killed_ns: int, orphans: list[str], untouched: str) -> None:
    """Steps until the killed worker's cameras are analysed again, and the rate of a camera that nobody touched."""
    after = [record for record in watch.said["w1"] if record.at_ns > killed_ns]
    before = [record for record in watch.said["w1"] if record.at_ns <= killed_ns]
    slots = len(before[-1].slots)
    assigned_s = (next(record.at_ns for record in after if len(record.slots) > slots) - killed_ns) / NS
    rows = []
    for camera in orphans:
        each = next(it for record in after for it in record.cameras if it.camera == camera and it.first_ns)
        times = [each.since_ns, each.opened_ns or 0, each.first_ns or 0]
        rows.append([camera, f"{assigned_s:.1f} s", *(f"{(it - killed_ns) / NS:.1f} s" for it in times)])
    table(["camera", "noticed and assigned after", "claimed", "opened", "first frame analysed"], rows)
    rates = [_rate([*before, *after], untouched, killed_ns + offset) for offset in (-15 * NS, 0)]
    print(f"\n{untouched}, which nobody touched: {rates[0]:.2f} frames/s analysed in 15 s before, {rates[1]:.2f} after")


def _rate(records: list[WorkerRecord], camera: str, begin_ns: int) -> float:
    """Frames analysed a second in the 15 s from a time on."""
    points = [
        (record.at_ns, each.analysed)
        for record in records
        for each in record.cameras
        if each.camera == camera and begin_ns <= record.at_ns <= begin_ns + 15 * NS
    ]
    times, counts = np.array(points, np.float64).T
    return float((counts[-1] - counts[0]) / (times[-1] - times[0]) * NS)


def _start(folder: Path, name: str) -> "Popen[str]":
    return start(folder, "observe", "site.toml", "--worker", name)


def _until(works: Callable[[], object]) -> None:
    began_s = time.monotonic()
    while not works():
        assert time.monotonic() - began_s < PATIENCE_S, "it did not come about"
        time.sleep(0.05)


if __name__ == "__main__":
    main()
