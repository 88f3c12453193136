"""The whole system as it is deployed: RTSP cameras, `corridor observe`, Kafka, `corridor associate`, a plain consumer.

Three real clips, re-encoded with a key frame a second, are served over RTSP for two minutes (CORRIDOR_BENCH_S says
otherwise) while everything, the broker included, shares the machine.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from associate.trajectory import Kind, TrajectoryEvent
from associate.trajectory import decode as decode_event
from embed.observation import Observation, TrackletState, decode
from ingest.clock import NS
from ingest.video import RecordedVideo, VideoWriter
from tests.bench.measure import table
from tests.bench.tracking import CACHE, DATA, ROOT
from tests.contracts.kafka_broker import new_broker
from tests.system.command import corridor, start

CLIPS = ("jamcam_06514", "jamcam_03604", "jamcam_08926")
WARMUP_S = 15.0
SETTLED_S = 5.0
"""Tracklets that closed this long before the end must have been decided."""


@dataclass(slots=True)
class Heard:
    """What a plain consumer has heard, each with the wall time in seconds."""

    observations: list[tuple[float, Observation]] = field(default_factory=list)
    messages: dict[str, float] = field(default_factory=dict)
    events: list[tuple[float, TrajectoryEvent]] = field(default_factory=list)


def clip_with_key_frames(name: str) -> Path:
    """The clip, re-encoded with a key frame a second."""
    path = CACHE / f"{name}-keys.mp4"
    if not path.exists():
        frames = list(RecordedVideo(DATA / "video" / f"{name}.mp4", name).frames())
        writer = VideoWriter(path, frames[0].size, 25, key_interval=25)
        for frame in frames:
            writer.write(frame.image)
        writer.close()
    return path


def listen(servers: str, heard: Heard, stop: threading.Event) -> None:
    """A consumer as anybody would write it."""
    from kafka import KafkaConsumer

    consumer: Any = KafkaConsumer(
        "observations",
        "trajectories",
        bootstrap_servers=servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    while not stop.is_set():
        for records in consumer.poll(timeout_ms=100).values():
            now_s = time.time()
            for record in records:
                if record.topic == "trajectories":
                    heard.events.append((now_s, decode_event(record.value)))
                    continue
                message = decode(record.value)
                heard.messages[message.id] = now_s
                if isinstance(message, Observation):
                    heard.observations.append((now_s, message))
    consumer.close()


class Cameras:
    """Our RTSP server with the clips, in a process of its own, that can be killed and started again."""

    def __init__(self) -> None:
        self._files = [str(clip_with_key_frames(name)) for name in CLIPS]
        self._port = "0"
        self.urls: list[str] = []

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.rtsp_clips", self._port, *self._files],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.urls = [self._process.stdout.readline().strip() for _ in CLIPS]
        self._port = str(urlsplit(self.urls[0]).port)

    def send_command(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def configuration(urls: list[str], servers: str, *, wrong_password: bool = False) -> str:
    """The three cameras; with `wrong_password` a fourth one that is turned away."""
    sources = {name: (url, "env:RIGHT") for name, url in zip(CLIPS, urls, strict=True)}
    if wrong_password:
        sources["turned-away"] = (urls[0], "env:WRONG")
    tables = [
        f'[[cameras]]\nid = "{name}"\nsource = "{url.replace("://", "://viewer@")}"\ncredentials = "{where}"\n'
        for name, (url, where) in sources.items()
    ]
    return f'{"".join(tables)}[log]\nurl = "kafka://{servers}"\n'


def environment() -> dict[str, str]:
    """Where the networks and the passwords are."""
    weights = os.environ.get("CORRIDOR_WEIGHTS", str(DATA / "weights"))
    return {"CORRIDOR_WEIGHTS": weights, "RIGHT": "open sesame", "WRONG": "open says me"}


def statuses(folder: Path) -> dict[str, Any]:
    """By camera, what `corridor observe --status` says now."""
    return {status["camera"]: status for status in json.loads((folder / "status.json").read_bytes())}


def run(seconds: float) -> tuple[Heard, dict[str, Any], dict[str, Any], float]:
    """Let it run; returns what was heard, the first and last status of the cameras, and the time between them."""
    heard, stop = Heard(), threading.Event()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = new_broker()
        stack.callback(broker.discard)
        cameras = Cameras()
        cameras.start()
        stack.callback(cameras.kill)
        (folder / "site.toml").write_text(configuration(cameras.urls, broker.servers))
        made = corridor(folder, "topics", "create", "site.toml")
        assert made.returncode == 0, made.stderr
        ear = threading.Thread(target=listen, args=(broker.servers, heard, stop))
        ear.start()
        associate = start(folder, "associate", "site.toml", **environment())
        observe = start(folder, "observe", "site.toml", "--status", "status.json", **environment())
        time.sleep(WARMUP_S)
        first, began_s = statuses(folder), time.time()
        time.sleep(seconds)
        last, took_s = statuses(folder), time.time() - began_s
        observe.send_signal(signal.SIGINT)
        output = observe.communicate(timeout=60)
        time.sleep(3)
        associate.send_signal(signal.SIGINT)
        associate.communicate(timeout=60)
        assert (observe.returncode, associate.returncode) == (0, 0), output
        stop.set()
        ear.join()
    return heard, first, last, took_s


def report_cameras(first: dict[str, Any], last: dict[str, Any], took_s: float) -> None:
    rows = []
    for camera, end in last.items():
        begin = first[camera]
        rate = (end["analysed"] - begin["analysed"]) / took_s
        rest = end["decoded"] - end["skipped"] - end["dropped"] - end["analysed"] - end["failed"]
        numbers = [end[name] for name in ("decoded", "skipped", "dropped", "analysed", "failed")]
        waited = f"{end['waited_p95_ms']:.0f} ms"
        rows.append([camera, f"{rate:.2f}", waited, *map(str, numbers), str(rest), str(end["clock"])])
    table(
        ["camera", "analysed/s", "waited p95", "decoded", "skipped", "dropped", "analysed", "failed", "rest", "clock"],
        rows,
    )


def report_delays(heard: Heard) -> None:
    """From the capture of the frame that decided an event to the event in the consumer's hands; and the log's lag."""
    rows = []
    kinds = [("all", list(Kind)), ("provisional", [Kind.PROVISIONAL]), ("links", [Kind.EXTENDED])]
    for name, chosen in kinds:
        delays = [at_s - event.at_ns / NS for at_s, event in heard.events if event.kind in chosen]
        if delays:
            p50, p95 = np.percentile(delays, [50, 95])
            rows.append([name, str(len(delays)), f"{p50:.2f} s", f"{p95:.2f} s"])
    print()
    table(["events", "count", "capture to event, p50", "p95"], rows)
    lags = [(at_s, at_s - heard.messages[e.decided_by]) for at_s, e in heard.events if e.decided_by in heard.messages]
    thirds = np.array_split(np.array([lag for _, lag in lags]), 3)
    output = ", ".join(f"{np.median(third) * 1000:.0f} ms" for third in thirds if len(third))
    print(f"\nfrom the deciding message on the log to its event on the log, median of each third of the run: {output}")


def report_identities(heard: Heard) -> None:
    """Every tracklet that closed in good time is in exactly one identity."""
    end_ns = max(observation.at_ns for _, observation in heard.observations) - SETTLED_S * NS
    closed = {o.tracklet for _, o in heard.observations if o.state is TrackletState.CLOSED and o.at_ns < end_ns}
    final = (Kind.CONFIRMED, Kind.EXTENDED)
    given = Counter(
        event.observation.rpartition("|")[0]
        for _, event in heard.events
        if event.kind in final and event.observation is not None
    )
    missing, twice = sorted(closed - given.keys()), sorted(name for name, count in given.items() if count > 1)
    repeated = len(heard.events) - len({event.id for _, event in heard.events})
    print(
        f"\n{len(closed)} tracklets closed; in no identity: {len(missing)}; in more than one: {len(twice)}; "
        f"events told twice: {repeated}"
    )


def main() -> None:
    seconds = float(os.environ.get("CORRIDOR_BENCH_S", "120"))
    heard, first, last, took_s = run(seconds)
    print(f"three RTSP cameras for {took_s:.0f} s on {os.cpu_count()} cores, the broker and all services included\n")
    report_cameras(first, last, took_s)
    report_delays(heard)
    report_identities(heard)
