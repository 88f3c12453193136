"""Ctrl-C and SIGTERM: an interruption while a command starts, later a request for a good end."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 130
"""Exit code of a process that Ctrl-C or SIGTERM ended, as shells have it (128 + SIGINT)."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_interrupted = threading.Event()


def interrupt_on_signals() -> None:
    """Make Ctrl-C and SIGTERM raise KeyboardInterrupt from now on; the second one ends the process at once.

    To be called before anything slow is imported: the kernel drops a SIGTERM that process 1 of a container has no
    handler for, and then the orchestrator waits in vain and kills.
    """
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


def _interrupt(number: int, _: object) -> None:
    if _interrupted.is_set():
        os._exit(INTERRUPTED)
    _interrupted.set()
    raise KeyboardInterrupt


def check_interrupted() -> None:
    """Raise KeyboardInterrupt again where an import or a callback of a library has swallowed it."""
    if _interrupted.is_set():
        raise KeyboardInterrupt


@contextmanager
def stops_on_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first Ctrl-C or SIGTERM, for a good end; the second one is handled as before the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    check_interrupted()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def handle(number: int, _: object) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        stop()

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
