"""`make mutants`: a seeded sample of small defects a room, each given to the module's own tests.

A mutant is killed when a test fails or hangs, and survives when all pass: a survivor is a test that is missing, or a
change that means nothing (`<` for `<=` between floats). Survivors are listed with their change. Modules without tests
of their own, and those whose tests fail without a defect, are counted apart: nothing can be said of them.
"""

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.conftest import ROOT
from tests.contracts.kafka_broker import new_broker, why_none
from tests.mutants.choosing import ROOMS, Mutant, choose

Value = TypeVar("Value")

LIMIT_S = 120.0
KILLED, SURVIVED, UNTESTED, BROKEN = "killed", "survived", "without tests of their own", "whose tests fail anyway"
SKIPPED = (".git", ".venv*", "runs", "dist", "*_cache", "__pycache__", ".hypothesis")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("rooms", nargs="*", help=f"only these: {', '.join(ROOMS)}")
    parser.add_argument("--sample", type=int, default=200, help="places a room (default: 200)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default: 0)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    rooms = given.rooms or list(ROOMS)
    if unknown := sorted(set(rooms) - set(ROOMS)):
        parser.error(f"no room {', '.join(unknown)}; there are {', '.join(ROOMS)}")
    if "log" in rooms and not why_none():
        os.environ.setdefault("KAFKA_BOOTSTRAP_SERVERS", new_broker().servers)  # one for all, not one a mutant
    for room in rooms:
        print(f"\n== {room}, seed {given.seed}", flush=True)
        _report(_try_all(choose(room, given.sample, given.seed), given.processes))


def _try_all(mutants: list[Mutant], processes: int) -> list[tuple[Mutant, str]]:
    """Try each mutant in a copy of the tree of its own."""
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

        def attempt(mutant: Mutant) -> str:
            outcome = UNTESTED if not mutant.tests else BROKEN
            if sound.get(mutant.tests):
                outcome = in_a_tree(lambda tree: _try(mutant, tree))
            bars.advance(task)
            return outcome

        with ThreadPoolExecutor(processes) as pool:
            several = list({mutant.tests for mutant in mutants if mutant.tests})
            passed = pool.map(lambda tests: in_a_tree(lambda tree: _pass(tests, tree)), several)
            sound = dict(zip(several, passed, strict=True))
            return list(zip(mutants, pool.map(attempt, mutants), strict=True))


def _try(mutant: Mutant, tree: Path) -> str:
    path = tree / mutant.module
    path.write_text(mutant.code())
    try:
        return SURVIVED if _pass(mutant.tests, tree) else KILLED
    finally:
        shutil.copyfile(ROOT / mutant.module, path)


def _pass(tests: Sequence[Path], tree: Path) -> bool:
    """Whether these tests pass in a tree, within the limit."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *map(str, tests)]
    data = os.environ.get("CORRIDOR_DATA", str(ROOT.parent / "shared" / "data"))  # a copy of the tree lies elsewhere
    own = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree), "CORRIDOR_REQUIRE": "", "CORRIDOR_DATA": data}
    try:
        ended = subprocess.run(
            command, cwd=tree, env={**os.environ, **own}, capture_output=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0


def _report(results: list[tuple[Mutant, str]]) -> None:
    counts = Counter(outcome for _, outcome in results)
    judged = counts[KILLED] + counts[SURVIVED]
    print(f"{counts[KILLED]} of {judged} killed ({counts[KILLED] / max(judged, 1):.0%})")
    for unjudged in (UNTESTED, BROKEN):
        modules = sorted({mutant.module.as_posix() for mutant, outcome in results if outcome == unjudged})
        if modules:
            print(f"  {counts[unjudged]} in modules {unjudged}: {', '.join(modules)}")
    for mutant, outcome in results:
        if outcome == SURVIVED:
            print(f"  survived: {mutant.module}:{mutant.line} {mutant.operator.removeprefix('core/')}")
            before, after = (ROOT / mutant.module).read_text(), mutant.code()
            for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""):
                if line[:1] in "+-" and line[:3] not in ("+++", "---"):
                    print(f"    {line}")


if __name__ == "__main__":
    main()
