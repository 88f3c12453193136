"""The demo on a busy machine: eight processes of the same priority beside it on two cores."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.log.sqlite_log import SqliteLog
from deploy.results.journeys import read_journeys
from tests.bench.measure import table
from tests.system.command import start

BUSY = 8
CORES = 2
LINKED_AT_LEAST = 10
PATIENCE_S = 3600.0
NEVER_PAUSE = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"
"""A busy process ends by itself when the bench has been killed."""


@contextmanager
def busy_machine() -> Iterator[None]:
    """This process and its children have two cores, and share them with processes that never pause."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:CORES])
    processes = [subprocess.Popen([sys.executable, "-c", NEVER_PAUSE]) for _ in range(BUSY)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
        os.sched_setaffinity(0, allowed)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, began_s = Path(name), time.monotonic()
        with busy_machine():
            demo = start(folder, "demo")
            try:
                out, err = demo.communicate(timeout=PATIENCE_S)
            finally:
                demo.kill()
        took_s = time.monotonic() - began_s
        assert demo.returncode == 0, f"exit code {demo.returncode}\n{out}\n{err}"
        log = SqliteLog(folder / "runs" / "demo" / "demo.db")
        linked = len(read_journeys(log).linked)
        log.close()
    table(
        ["busy processes", "cores", "exit code", "vehicles linked", "took"],
        [[str(BUSY), str(CORES), str(demo.returncode), str(linked), f"{took_s:.0f} s"]],
    )
    assert linked >= LINKED_AT_LEAST, f"{linked} vehicles linked, expected at least {LINKED_AT_LEAST}"
