"""The live page as it is deployed: three RTSP cameras, `observe --live`, `associate`, `serve`, and a browser.

Three real clips with a key frame a second are served over RTSP, and the default detector analyses them. A page in
Chromium notes, for every frame that it draws and all boxes that come, how long ago they were captured; then viewers
that only read show what each costs, and what they cost cameras and association: slices with different numbers of them
take turns, and each is compared with the slice of its own round that nobody watched. CORRIDOR_BENCH_S: seconds of a
step or slice (20); CORRIDOR_BENCH_ROUNDS: rounds of slices (5).
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
ROUNDS = int(os.environ.get("CORRIDOR_BENCH_ROUNDS", "5"))
VIEWERS = (0, 1, 10, 20, 50)
"""With 20 the rates are to be those without any, within 5 %."""

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


@dataclass(frozen=True, slots=True)
class Slice:
    """What was there while some watched: rates a second, CPU in per cent of a core, memory in MB, messages dropped."""

    analysed: float
    associated: float
    observe: float
    serve: float
    memory: float
    dropped: float


def slice_of(site: Site, count: int) -> Slice:
    """Measure the site with so many viewers."""
    processes = [psutil.Process(each.pid) for each in (site.observe, site.serve)]

    def counts() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        used_s = [sum(each.cpu_times()[:2]) for each in processes]
        return np.array([site.analysed(), site.position(), *(100 * each for each in used_s)])

    with viewers(site.port, count):
        time.sleep(3)
        before, began_s = counts(), time.monotonic()
        time.sleep(STEP_S)
        took_s = time.monotonic() - began_s
        dropped = sum(
            float(line.rpartition(" ")[2])
            for line in Client(site.port).get("/metrics").text.splitlines()
            if line.startswith("corridor_live_dropped_total")
        )
        analysed, associated, observe, serve = ((counts() - before) / took_s).tolist()
        return Slice(analysed, associated, observe, serve, processes[1].memory_info().rss / 1e6, dropped)


def slices(site: Site) -> dict[int, list[Slice]]:
    """Slices by number of viewers, which take turns; every other round goes backwards, as the machine's load may."""
    found: dict[int, list[Slice]] = {count: [] for count in VIEWERS}
    for number in range(ROUNDS):
        for count in VIEWERS if number % 2 == 0 else reversed(VIEWERS):
            found[count].append(slice_of(site, count))
            print(f"round {number + 1}, {count} watch: {found[count][-1]}, load {os.getloadavg()[0]:.0f}", flush=True)
    return found


def change(found: dict[int, list[Slice]], count: int, name: str) -> str:
    """The median change of a rate against the slice of the same round that nobody watched, and the extremes."""
    pairs = [(getattr(some, name), getattr(none, name)) for some, none in zip(found[count], found[0], strict=True)]
    changes = [100 * (some / none - 1) for some, none in pairs if none]
    if not changes:
        return "none measured"
    return f"{np.median(changes):+.0f} % ({min(changes):+.0f} to {max(changes):+.0f})"


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
        print(flush=True)
        measured = slices(site)
        rows = []
        for count, some in measured.items():
            rates = [np.median([getattr(each, name) for each in some]) for name in ("analysed", "associated")]
            others = [np.median([getattr(each, name) for each in some]) for name in ("observe", "serve", "memory")]
            rows.append(
                [
                    str(count),
                    *(f"{rate:.2f}" for rate in rates),
                    change(measured, count, "analysed"),
                    change(measured, count, "associated"),
                    *(f"{other:.1f}" for other in others),
                    f"{some[-1].dropped:.0f}",
                ]
            )
        header = ["viewers of three cameras", "frames analysed a second", "records associated a second"]
        header += ["analysed, change", "associated, change", "observe, % of a core", "serve, %", "memory of serve, MB"]
        print(f"\nmedians of {ROUNDS} slices of {STEP_S:g} s each, in turns")
        table([*header, "dropped so far"], rows)
        print(f"\nload at the end {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main()
