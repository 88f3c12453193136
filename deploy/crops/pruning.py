"""Deletion of old crops now and then, in a process of its own: no camera waits for it."""

import logging
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import msgspec

from deploy.crops import prune_files
from ingest.clock import NS, Clock

logger = logging.getLogger(__name__)

EVERY_S = 300.0
CLOSE_TIMEOUT_S = 10.0


class _Report(msgspec.Struct):
    """Report that the process prints: `prune_files.PruneReport`."""

    gone: int
    failed: dict[str, int]
    links: list[str]


class Pruner:
    """Pruner of a store: tracklets that are too old are deleted, then the oldest of what is too much.

    `rounds` counts the rounds between `start` and `close`, failed ones too; `gone` the tracklets that they deleted.
    """

    def __init__(self, folder: Path, clock: Clock, *, keep_s: float, max_bytes: float) -> None:
        self.rounds = 0
        self.gone = 0
        self._folder = folder
        self._clock = clock
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self._closing = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._warned: set[str] = set()

    def start(self) -> None:
        """Prune at once and every few minutes, until `close`."""
        self._closing.clear()
        self._thread = threading.Thread(target=self._run, name="crop pruning", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish with one round without rests; what is not deleted in time is left to the next run."""
        if self._thread is None:
            return
        self._closing.set()
        if (child := self._child) is not None:
            child.terminate()
        self._thread.join()
        self._thread = None

    def prune(self) -> int:
        """Run one round here and now; returns how many tracklets have gone."""
        report = prune_files.prune_files(self._folder, oldest_s=self._oldest_s, max_bytes=self._max_bytes)
        return self._note(_Report(report.gone, report.failed, report.links))

    @property
    def _oldest_s(self) -> float:
        return self._clock.now_ns() / NS - self._keep_s

    def _run(self) -> None:
        last = False
        while not last:
            last = self._closing.is_set()
            try:
                self._round(last=last)
            except Exception as error:  # the next round may do better; nobody else would delete anything
                words = f"{type(error).__name__}: {error}"
                self._warn(words, f"old crops in {self._folder} cannot be deleted: {words}")
            self.rounds += 1
            if not last:
                self._closing.wait(EVERY_S)

    def _round(self, *, last: bool) -> None:
        limits = (str(self._folder), repr(self._oldest_s), repr(self._max_bytes))
        # Isolated and without site packages: it starts in a few milliseconds. In a session of its own, so that Ctrl-C
        # does not reach it.
        command = [sys.executable, "-I", "-S", prune_files.__file__, *limits, "0" if last else str(prune_files.REST_S)]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as child:
            self._child = child
            if self._closing.is_set() and not last:
                child.terminate()  # `close` may have come before there was a child
            try:
                printed, words = child.communicate(timeout=CLOSE_TIMEOUT_S if last else None)
            except subprocess.TimeoutExpired:
                child.kill()
                logger.info("old crops in %s are left to the next run: there are too many", self._folder)
                return
            finally:
                self._child = None
        if child.returncode == 0:
            self.gone += self._note(msgspec.json.decode(printed, type=_Report))
        elif not self._closing.is_set():
            reason = (words.decode(errors="replace").strip().splitlines() or [f"exit code {child.returncode}"])[-1]
            self._warn(reason, f"old crops in {self._folder} cannot be deleted: {reason}")

    def _note(self, report: _Report) -> int:
        """Warn of what could not be deleted; returns how many tracklets have gone."""
        for reason, files in Counter(report.failed).items():
            self._warn(reason, f"{files} old files of crops in {self._folder} cannot be deleted: {reason}")
        for link in report.links:
            self._warn(link, f"{link} is a link: no old crops are deleted behind it")
        return report.gone

    def _warn(self, reason: str, line: str) -> None:
        """Warn once a reason."""
        if reason not in self._warned:
            self._warned.add(reason)
            logger.warning("%s", line)
