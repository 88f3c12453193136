"""The site of the live page: three RTSP cameras, `observe --live`, `associate` and `serve`, each a process."""

import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.redact import redact
from tests.bench.streams import CLIPS, Cameras, environment, statuses
from tests.contracts.kafka_broker import free_ports
from tests.deploy.web.client import Client
from tests.integration.kafka_log.waiting import wait_until
from tests.system.command import start

WARMUP_S = 15.0
APART = os.environ.get("CORRIDOR_BENCH_APART") == "1"
"""Cameras and association keep to the first core, the server and its viewers to the others."""


@dataclass(frozen=True, slots=True)
class Site:
    """The processes of a site, its folder and the port of its page."""

    folder: Path
    port: int
    observe: "subprocess.Popen[str]"
    associate: "subprocess.Popen[str]"
    serve: "subprocess.Popen[str]"

    def position(self) -> int:
        """Records that association has taken in."""
        with closing(sqlite3.connect(self.folder / "runs" / "site" / "corridor.db", timeout=30)) as db:
            (found,) = db.execute("SELECT position FROM owners WHERE owner LIKE 'zone/%'").fetchone()
        return int(found)

    def analysed(self) -> int:
        return sum(each["analysed"] for each in statuses(self.folder).values())


@contextmanager
def running() -> Iterator[Site]:
    """Start everything, and wait until there is live video of every camera."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cores = sorted(os.sched_getaffinity(0))
        stack.callback(os.sched_setaffinity, 0, cores)
        _keep_to(cores[:1])
        cameras = Cameras()
        cameras.start()
        stack.callback(cameras.kill)
        tables = [
            f'[[cameras]]\nid = "{name}"\nsource = "{url.replace("://", "://viewer@")}"\ncredentials = "env:RIGHT"\n'
            for name, url in zip(CLIPS, cameras.urls, strict=True)
        ]
        (folder / "site.toml").write_text("".join(tables))
        (port,) = free_ports(1)
        commands = (
            ("observe", "site.toml", "--live", ":0", "--status", "status.json"),
            ("associate", "site.toml"),
            ("serve", "site.toml", "--listen", f":{port}"),
        )
        started = []
        for words in commands:
            _keep_to(cores[1:] if words[0] == "serve" else cores[:1])
            started.append(start(folder, *words, **environment()))
            stack.callback(end, started[-1])
            wait_until((folder / "runs" / "site" / "corridor.db").exists, 300)
        wait_until(lambda: watched(port) == len(CLIPS), 300)
        time.sleep(WARMUP_S)
        yield Site(folder, port, *started)


def _keep_to(cores: list[int]) -> None:
    """From here on, what is started runs on these cores, where it is to be kept apart."""
    if APART:
        if not cores:
            raise SystemExit("CORRIDOR_BENCH_APART=1 needs two cores")
        os.sched_setaffinity(0, cores)


def end(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    if process.returncode:
        print(redact(said[-500:]))


def watched(port: int) -> int:
    """Cameras that the live page has."""
    try:
        return Client(port).get("/live").text.count('class="tile"')
    except OSError:
        return 0
