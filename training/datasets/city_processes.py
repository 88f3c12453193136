"""Rendering in fresh processes, one a batch of work: what the renderer does not give back ends with its process."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

import cv2

from ingest.errors import SourceError

POLL_S = 0.25

Work = Callable[[Callable[[], bool]], None]
"""Does a batch, and leaves its results in files; asks now and then whether it is still wanted. Can be pickled."""


def run_batches(batches: Sequence[Work], workers: int, tell: Callable[[], None]) -> None:
    """Do all batches, `workers` at a time; `tell` is called now and then.

    Raises SourceError where a process died. Whatever ends this early ends the processes too.
    """
    waiting, running = list(batches), list[SpawnProcess]()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                running.append(_start(waiting.pop(0)))
            wait([process.sentinel for process in running], timeout=POLL_S)
            _check(running)
            running = [process for process in running if process.exitcode is None]
            tell()
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.join()


def _start(work: Work) -> SpawnProcess:
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(work,), daemon=True)
    process.start()
    return process


def _check(running: Sequence[SpawnProcess]) -> None:
    for process in running:
        if process.exitcode not in (None, 0):
            raise SourceError(
                f"a rendering process ended with code {process.exitcode} (out of memory, or killed? What is finished "
                "is kept: give the same command again, perhaps with fewer --workers)"
            )


def _run(work: Work) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its children
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    work(lambda: parent is None or parent.is_alive())
