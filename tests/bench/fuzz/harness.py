"""Cases run in processes of their own, so that a crash or a hang is a finding and not the end of the bench."""

import io
import logging
import multiprocessing
import os
import random
import re
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

from ingest.redact import RedactingFilter, forget_all
from tests.ingest.credential_urls import forms

HANG_S = 60.0

Check = Callable[[random.Random, Path], Sequence[str]]
"""Runs one case in an empty folder, which is the working directory, and prints what its user would read; returns the
secrets that were in it. Raises where something else happened than a result or a CorridorError."""


@dataclass(frozen=True, slots=True)
class Case:
    """One input: the module of its check, and what its random numbers begin with."""

    kind: str
    seed: int
    number: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case showed; `finding` is empty where all was well."""

    case: Case
    took_s: float
    finding: str = ""

    def __str__(self) -> str:
        return f"run_case({self.case}):\n{self.finding}"


def run_case(case: Case) -> Outcome:
    """Run one case here and now; to repeat a finding: `run_case(Case(KIND, SEED, NUMBER))`."""
    check: Check = import_module(f"tests.bench.fuzz.{case.kind}").check
    rng = random.Random(f"{case.kind} {case.seed} {case.number}")
    said, began_s, finding = io.StringIO(), time.monotonic(), ""
    secrets: Sequence[str] = ()
    forget_all()
    with tempfile.TemporaryDirectory() as name, chdir(name), _captured(said):
        try:
            secrets = check(rng, Path(name))
        except BaseException:
            finding = traceback.format_exc()
    text = said.getvalue()
    leaks = sorted({secret for secret in secrets for form in forms(secret) if form in text})
    if not finding and leaks:
        finding = f"said the secret {leaks[0]!r}:\n{text}"
    if not finding and (found := re.search(r"Traceback \(most recent call last\)", text)):
        finding = text[found.start() :]
    return Outcome(case, time.monotonic() - began_s, finding)


class _captured:  # noqa: N801 - used like a function
    """Everything that is printed, logged, or died of in a thread, as the command shows it."""

    def __init__(self, said: io.StringIO) -> None:
        self._said = said
        self._handler = logging.StreamHandler(said)
        self._handler.addFilter(RedactingFilter())
        self._redirected = (redirect_stdout(said), redirect_stderr(said))

    def __enter__(self) -> None:
        root = logging.getLogger()
        root.handlers, root.level = [self._handler], logging.INFO
        for each in self._redirected:
            each.__enter__()
        threading.excepthook = lambda hook: traceback.print_exception(hook.exc_value, file=self._said)

    def __exit__(self, *failure: object) -> None:
        for each in reversed(self._redirected):
            each.__exit__(None, None, None)


def _serve(cases: "Connection[Outcome | None, Case | None]") -> None:
    """The process: one case after the other until None comes."""
    os.environ["CORRIDOR_WEIGHTS"] = "/nonexistent"
    cases.send(None)  # ready: what importing takes is no case's time
    while (case := cases.recv()) is not None:
        cases.send(run_case(case))


class Worker:
    """A process that runs cases, and a new one after a crash or a hang."""

    def __init__(self, hang_s: float = HANG_S) -> None:
        self._hang_s = hang_s
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe: Connection[Case | None, Outcome | None]
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def run(self, case: Case) -> Outcome:
        """The outcome of a case, at the latest after `hang_s`; a deadlock need not come again with the same case."""
        began_s = time.monotonic()
        try:
            self._pipe.send(case)
            outcome = self._pipe.recv() if self._pipe.poll(self._hang_s) else None
            if outcome is not None:
                return outcome
            finding = f"hung for {self._hang_s:g} s"
        except (EOFError, ConnectionError):
            self._process.join()
            finding = f"the process died with exit code {self._process.exitcode}"
        self._process.kill()
        self._process.join()
        self._start()
        return Outcome(case, time.monotonic() - began_s, finding)

    def close(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join()


def run_cases(cases: Iterable[Case], workers: int = 2) -> list[Outcome]:
    """All cases, shared out among processes; findings are printed as they come."""
    waiting = list(cases)

    def work(mine: list[Case]) -> list[Outcome]:
        worker = Worker()
        outcomes = []
        for case in mine:
            outcomes.append(worker.run(case))
            if outcomes[-1].finding:
                print(f"\n{outcomes[-1]}", flush=True)
        worker.close()
        return outcomes

    with ThreadPoolExecutor(workers) as pool:
        shares = pool.map(work, [waiting[first::workers] for first in range(workers)])
        return [outcome for share in shares for outcome in share]
