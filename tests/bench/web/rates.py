"""What viewers cost: rates of cameras and association, processor and memory, with 0 to 50 of them side by side."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import psutil

from tests.bench.measure import table
from tests.bench.streams import CLIPS
from tests.bench.tracking import ROOT
from tests.bench.web.site import Site
from tests.deploy.web.client import Client

STEP_S = float(os.environ.get("CORRIDOR_BENCH_S", "20"))
ROUNDS = int(os.environ.get("CORRIDOR_BENCH_ROUNDS", "5"))
VIEWERS = (0, 1, 10, 20, 50)
"""With 20 the rates are to be those without any, within 5 %."""


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


def rounds(site: Site) -> list[dict[int, Slice]]:
    """Slices by number of viewers, which take turns; every other round goes backwards, as the machine's load may."""
    found: list[dict[int, Slice]] = []
    for number in range(ROUNDS):
        found.append({})
        for count in VIEWERS if number % 2 == 0 else reversed(VIEWERS):
            try:
                found[-1][count] = slice_of(site, count)
            except OSError as error:  # of a server that does not get its turn
                print(f"round {number + 1}, {count} watch: left out, {error}", flush=True)
                continue
            print(f"round {number + 1}, {count} watch: {found[-1][count]}, load {os.getloadavg()[0]:.0f}", flush=True)
    return found


def change(found: list[dict[int, Slice]], count: int, name: str) -> str:
    """The median change of a rate against the slice of the same round that nobody watched, and the extremes."""
    pairs = [(getattr(each[count], name), getattr(each[0], name)) for each in found if {0, count} <= {*each}]
    changes = [100 * (some / none - 1) for some, none in pairs if none]
    if not changes:
        return "none measured"
    return f"{np.median(changes):+.0f} % ({min(changes):+.0f} to {max(changes):+.0f})"


def rates_table(found: list[dict[int, Slice]]) -> None:
    """Print medians by number of viewers, side by side."""
    rows = []
    for count in VIEWERS:
        some = [each[count] for each in found if count in each]
        if not some:
            continue
        medians = {name: np.median([getattr(each, name) for each in some]) for name in Slice.__dataclass_fields__}
        rows.append(
            [
                f"{count} ({len(some)})",
                *(f"{medians[name]:.2f}" for name in ("analysed", "associated")),
                *(change(found, count, name) for name in ("analysed", "associated")),
                *(f"{medians[name]:.1f}" for name in ("observe", "serve")),
                f"{medians['memory']:.0f}",
            ]
        )
    header = ["viewers of three cameras (slices)", "frames analysed a second", "records associated a second"]
    header += ["analysed, change", "associated, change", "observe, % of a core", "serve, %", "memory of serve, MB"]
    print(f"\nmedians of slices of {STEP_S:g} s, in turns")
    table(header, rows)
    dropped = max((each.dropped for one in found for each in one.values()), default=0)
    print(f"\nmessages that viewers were too slow for: {dropped:.0f}")
