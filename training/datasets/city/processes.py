"""Rendering in fresh processes, one a batch of work: what the renderer does not give back ends with its process."""

import multiprocessing
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import SimpleQueue

import cv2

from ingest.errors import CorridorError, SourceError

POLL_S = 0.25

Work = Callable[[Callable[[], bool]], None]
"""Does a batch, and leaves its results in files; asks now and then whether it is still wanted. Can be pickled."""


def run_batches(batches: Sequence[Work], workers: int, on_progress: Callable[[], None], *, kept: bool = True) -> None:
    """Do all batches, `workers` at a time; `on_progress` is called now and then.

    kept: what is finished is kept where this fails, and the same command goes on from there.

    Raises SourceError where a process died or cannot go on. Whatever ends this early ends the processes too.
    """
    waiting, running = list(batches), list[SpawnProcess]()
    complaints: SimpleQueue[str] = multiprocessing.get_context("spawn").SimpleQueue()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                running.append(_start(waiting.pop(0), complaints))
            wait([process.sentinel for process in running], timeout=POLL_S)
            ended = [process for process in running if process.exitcode is not None]
            _check(ended, complaints, kept)  # those and no others: one that ends from now on is looked at the next time
            running = [process for process in running if process not in ended]
            on_progress()
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.join()


def _start(work: Work, complaints: "SimpleQueue[str]") -> SpawnProcess:
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(work, complaints), daemon=True)
    process.start()
    return process


def _check(ended: Sequence[SpawnProcess], complaints: "SimpleQueue[str]", kept: bool) -> None:
    for process in ended:
        if process.exitcode:
            if not complaints.empty():
                again = " (what is finished is kept: give the same command again)" if kept else ""
                raise SourceError(f"a rendering process cannot go on: {complaints.get()}{again}")
            again = "What is finished is kept: give" if kept else "Give"
            raise SourceError(
                f"a rendering process ended with code {process.exitcode} (out of memory, or killed? {again} the same "
                "command again, perhaps with fewer --workers)"
            )


def _run(work: Work, complaints: "SimpleQueue[str]") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its children
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    try:
        work(lambda: parent is None or parent.is_alive())
    except (CorridorError, OSError) as error:
        complaints.put(str(error))
        sys.exit(1)
