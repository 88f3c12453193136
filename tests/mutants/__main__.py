"""`make mutants`: a seeded sample of small defects a room, each given to the module's own tests.

A mutant is killed when a test fails or hangs, and survives when all pass: a survivor is a test that is missing, or a
change that means nothing (`<` for `<=` between floats). Survivors are listed with their change. Modules without tests
of their own, and those whose tests fail without a defect, are counted apart: nothing can be said of them. A room ends
after its minutes, with what has been tried by then, in the order of the draw; Ctrl-C ends it at once.
"""

import argparse
import difflib
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.conftest import ROOT
from tests.contracts.kafka_broker import Broker, new_broker, why_none
from tests.mutants.choosing import ROOMS, Mutant, choose

Value = TypeVar("Value")

LEAST_LIMIT_S, TIMES_AS_LONG, UNHARMED_LIMIT_S = 60.0, 4.0, 600.0
"""A mutant hangs where its tests take four times as long as they do unharmed, in the same run on the same machine."""

LOOK_S, TELL_EVERY = 0.5, 10
"""Time after which a test that goes on is looked at again, and mutants after which a log without bars has a line."""

FRESH = 40
"""Mutants a broker: the topics of their tests pile up, and a development broker's memory is small."""

KILLED, SURVIVED, UNTRIED = "killed", "survived", "not tried"
UNTESTED, BROKEN = "without tests of their own", "whose tests fail anyway"
SKIPPED = (".git", ".venv*", "runs", "dist", "*_cache", "__pycache__", ".hypothesis")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("rooms", nargs="*", help=f"only these: {', '.join(ROOMS)}")
    parser.add_argument("--sample", type=int, default=200, help="places a room (default: 200)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default: 0)")
    parser.add_argument("--minutes", type=float, default=13.0, help="a room; 0 for the whole sample (default: 13)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    rooms = given.rooms or list(ROOMS)
    if unknown := sorted(set(rooms) - set(ROOMS)):
        parser.error(f"no room {', '.join(unknown)}; there are {', '.join(ROOMS)}")
    for room in rooms:
        print(f"\n== {room}, seed {given.seed}", flush=True)
        kafka = _Kafka() if room == "log" and not why_none() else None
        longest_s = 60 * given.minutes or math.inf
        _report(_try_all(choose(room, given.sample, given.seed), given.processes, kafka, longest_s))


class _Kafka:
    """Brokers that mutants share: one for some of them, then the next; a user's own where the environment names it."""

    def __init__(self) -> None:
        self._lock, self._uses, self._brokers = Lock(), 0, deque[Broker]()

    def environment(self) -> dict[str, str]:
        if "KAFKA_BOOTSTRAP_SERVERS" in os.environ:
            return {}
        with self._lock:
            if self._uses % FRESH == 0:
                self._brokers.append(new_broker())
            if len(self._brokers) > 2:  # tests that began with the one before may still run
                self._brokers.popleft().discard()
            self._uses += 1
            return {"KAFKA_BOOTSTRAP_SERVERS": self._brokers[-1].servers}


def _try_all(mutants: list[Mutant], processes: int, kafka: _Kafka | None, longest_s: float) -> list[tuple[Mutant, str]]:
    """Try each mutant in a copy of the tree of its own; after `longest_s` seconds none begins."""
    ends_s = time.monotonic() + longest_s
    columns = (TextColumn("mutants"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory() as folder, Progress(*columns) as bars:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(processes):
            tree = Path(folder) / str(number)
            shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*SKIPPED))
            free.put(tree)
        task = bars.add_task("", total=len(mutants))

        def in_a_tree(work: Callable[[Path], Value]) -> Value:
            tree = free.get()
            try:
                return work(tree)
            finally:
                free.put(tree)

        def seconds(tests: Sequence[Path], tree: Path, limit_s: float) -> float | None:
            return _seconds(tests, tree, limit_s, kafka.environment() if kafka else {}, stopped)

        def unharmed_seconds(test: Path) -> float | None:
            if test not in unharmed:
                unharmed[test] = in_a_tree(lambda tree: seconds([test], tree, UNHARMED_LIMIT_S))
            return unharmed[test]

        def attempt(mutant: Mutant) -> str:
            if time.monotonic() > ends_s:
                return UNTRIED
            took = [unharmed_seconds(test) for test in mutant.tests]
            outcome = BROKEN if took else UNTESTED
            if took and None not in took:
                limit_s = max(LEAST_LIMIT_S, TIMES_AS_LONG * sum(each or 0.0 for each in took))
                tests = sorted(mutant.tests, key=lambda test: unharmed[test] or 0.0)  # most die by the fast ones
                outcome = in_a_tree(lambda tree: _try(mutant, tree, lambda: seconds(tests, tree, limit_s)))
            bars.advance(task)
            return outcome

        unharmed, stopped = dict[Path, float | None](), Event()
        with ThreadPoolExecutor(processes) as pool:
            trying = [(mutant, pool.submit(attempt, mutant)) for mutant in mutants]
            try:
                for number, (_, future) in enumerate(trying, 1):
                    tried = future.result() != UNTRIED
                    if tried and number % TELL_EVERY == 0 and not bars.console.is_terminal:
                        bars.console.print(f"{number} of {len(trying)} tried")
            except KeyboardInterrupt:
                done = [(mutant, future.result()) for mutant, future in trying if future.done()]
                stopped.set()
                pool.shutdown(cancel_futures=True)
                bars.console.print(f"stopped: {len(done)} of {len(trying)} tried")
                return done
            return [(mutant, future.result()) for mutant, future in trying]


def _try(mutant: Mutant, tree: Path, seconds: Callable[[], float | None]) -> str:
    path = tree / mutant.module
    path.write_text(mutant.code())
    try:
        return KILLED if seconds() is None else SURVIVED
    finally:
        shutil.copyfile(ROOT / mutant.module, path)


def _seconds(
    tests: Sequence[Path], tree: Path, limit_s: float, more: Mapping[str, str], stopped: Event
) -> float | None:
    """How long these tests take in a tree; None where they fail, do not end within the limit, or all was stopped."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *map(str, tests)]
    data = os.environ.get("CORRIDOR_DATA", str(ROOT.parent / "shared" / "data"))  # a copy of the tree lies elsewhere
    own = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree), "CORRIDOR_REQUIRE": "", "CORRIDOR_DATA": data}
    begun_s = time.monotonic()
    running = subprocess.Popen(
        command,
        cwd=tree,
        env={**os.environ, **own, **more},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        status = None
        while status is None and time.monotonic() - begun_s < limit_s and not stopped.is_set():
            with suppress(subprocess.TimeoutExpired):
                status = running.wait(LOOK_S)
    finally:
        with suppress(ProcessLookupError):  # with all that its tests have started
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    return time.monotonic() - begun_s if status == 0 else None


def _report(results: list[tuple[Mutant, str]]) -> None:
    counts = Counter(outcome for _, outcome in results)
    judged = counts[KILLED] + counts[SURVIVED]
    print(f"{counts[KILLED]} of {judged} killed ({counts[KILLED] / max(judged, 1):.0%})")
    if counts[UNTRIED]:
        print(f"  {counts[UNTRIED]} of the sample were not tried: the minutes were over (--minutes)")
    for unjudged in (UNTESTED, BROKEN):
        modules = sorted({mutant.module.as_posix() for mutant, outcome in results if outcome == unjudged})
        if modules:
            print(f"  {counts[unjudged]} in modules {unjudged}: {', '.join(modules)}")
    for mutant, outcome in sorted(results, key=lambda each: (each[0].module.as_posix(), each[0].line)):
        if outcome == SURVIVED:
            print(f"  survived: {mutant.module}:{mutant.line} {mutant.operator.removeprefix('core/')}")
            before, after = (ROOT / mutant.module).read_text(), mutant.code()
            for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""):
                if line[:1] in "+-" and line[:3] not in ("+++", "---"):
                    print(f"    {line}")


if __name__ == "__main__":
    main()
