"""The live page as it is deployed: three RTSP cameras, `observe --live`, `associate`, `serve`, and a browser.

Three real clips with a key frame a second are served over RTSP, and the default detector analyses them. A page in
Chromium notes, for every frame that it draws and all boxes that come, how long ago they were captured; then viewers
that only read show what each costs, and what they cost cameras and association. CORRIDOR_BENCH_S: seconds of each
step (20).
"""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from ingest.redact import redact
from tests.bench.measure import table
from tests.bench.streams import CLIPS, Cameras, environment, statuses
from tests.bench.tracking import ROOT
from tests.browser.conftest import CHROMIUM
from tests.contracts.kafka_broker import free_ports
from tests.deploy.web.client import Client
from tests.integration.kafka_log.waiting import wait_until
from tests.system.command import start

STEP_S = float(os.environ.get("CORRIDOR_BENCH_S", "20"))
WARMUP_S = 15.0
VIEWERS = (0, 1, 10, 50)
ROUNDS = 2
WITH = 20
"""Viewers with which the rates are to be those without, within 5 %."""

NOTE = """() => { window.noted = []; for (const [camera, tile] of corridorTiles) {
  const draw = tile.draw.bind(tile), boxes = tile.takeBoxes.bind(tile);
  tile.draw = (drawn) => { draw(drawn); noted.push([camera, "frame", Date.now() - drawn.at / 1000, !!drawn.found]); };
  tile.takeBoxes = (said) => { boxes(said); noted.push([camera, "boxes", Date.now() - said.at_us / 1000, true]); };
} }"""


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
            started.append(start(folder, *words, **environment()))
            stack.callback(end, started[-1])
            wait_until((folder / "runs" / "site" / "corridor.db").exists, 300)
        wait_until(lambda: watched(port) == len(CLIPS), 300)
        time.sleep(WARMUP_S)
        yield Site(folder, port, *started)


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


def latencies(port: int) -> dict[str, list[float]]:
    """By what was noted, the milliseconds from capture to the page, of all cameras in one page for a step."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"http://localhost:{port}/live")
        page.wait_for_timeout(WARMUP_S * 1000)
        page.evaluate(NOTE)
        page.wait_for_timeout(STEP_S * 1000)
        noted: list[list[Any]] = page.evaluate("noted")
        states = page.locator(".tile [data-state]").all_inner_texts()
        browser.close()
    print(f"what the page says of each camera at the end: {'; '.join(states)}\n")
    return {
        "frame drawn": [ms for _, kind, ms, _ in noted if kind == "frame"],
        "frame drawn with its boxes": [ms for _, kind, ms, boxed in noted if kind == "frame" and boxed],
        "boxes on the page": [ms for _, kind, ms, _ in noted if kind == "boxes"],
    }


@contextmanager
def viewers(port: int, count: int) -> Iterator[None]:
    """Viewers of all cameras while the block runs."""
    if not count:
        yield
        return
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.web.viewers", str(port), str(count), *CLIPS],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    try:
        yield
    finally:
        process.communicate("")
    assert process.returncode == 0


def cost(site: Site, count: int) -> list[str]:
    """CPU of serve and observe in per cent of a core, memory of serve in MB, with some viewers."""
    processes = [psutil.Process(each.pid) for each in (site.serve, site.observe)]
    with viewers(site.port, count):
        time.sleep(3)
        before, began_s = [sum(each.cpu_times()[:2]) for each in processes], time.monotonic()
        time.sleep(STEP_S)
        took_s = time.monotonic() - began_s
        used = [sum(each.cpu_times()[:2]) - was for each, was in zip(processes, before, strict=True)]
        memory = processes[0].memory_info().rss / 1e6
        dropped = sum(
            float(line.rpartition(" ")[2])
            for line in Client(site.port).get("/metrics").text.splitlines()
            if line.startswith("corridor_live_dropped_total")
        )
    return [str(count), *(f"{100 * each / took_s:.1f}" for each in used), f"{memory:.0f}", f"{dropped:.0f}"]


def rates(site: Site, count: int) -> tuple[float, float]:
    """Frames analysed, and records associated, a second, with some viewers."""
    with viewers(site.port, count):
        time.sleep(3)
        before, began_s = (site.analysed(), site.position()), time.monotonic()
        time.sleep(STEP_S)
        took_s = time.monotonic() - began_s
        return (site.analysed() - before[0]) / took_s, (site.position() - before[1]) / took_s


def main() -> None:
    with running() as site:
        print(f"three RTSP cameras, the default detector, {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}\n")
        clocks = {each["clock"] for each in statuses(site.folder).values()}
        print(f"origin of capture times: {', '.join(sorted(clocks))}")
        found = latencies(site.port)
        rows = [
            [name, str(len(ms)), *(f"{value:.0f}" for value in (*np.percentile(ms, [50, 95]), max(ms)))]
            for name, ms in found.items()
            if ms
        ]
        table(["capture to", "count", "p50, ms", "p95, ms", "slowest, ms"], rows)
        print()
        header = ["viewers of three cameras", "serve, % of a core", "observe, %", "memory of serve, MB", "dropped"]
        table(header, [cost(site, count) for count in VIEWERS])
        without, watching = zip(*[(rates(site, 0), rates(site, WITH)) for _ in range(ROUNDS)], strict=True)
        print()
        names = ("frames analysed a second", "records associated a second")
        rows = []
        for place, name in enumerate(names):
            one, other = (np.median([each[place] for each in some]) for some in (without, watching))
            rows.append([name, f"{one:.2f}", f"{other:.2f}", f"{100 * (other / one - 1):+.1f} %"])
        table([f"median of {ROUNDS}, in turns", "nobody watches", f"{WITH} watch", "difference"], rows)
        print(f"\nload at the end {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main()
