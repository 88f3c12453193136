"""Work that is done again and again in a thread beside a block."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread


@contextmanager
def repeating(work: Callable[[], None], *, every_s: float) -> Iterator[None]:
    """Do something again and again in a thread, until the body is done."""
    stop = Event()

    def loop() -> None:
        while not stop.wait(every_s):
            work()

    thread = Thread(target=loop, name="repeating", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
