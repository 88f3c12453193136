"""Perception and association in one process, and how both are brought to a good end."""

import logging
import threading
from typing import TYPE_CHECKING

from ingest.errors import FencedError, LogError
from ingest.signals import stops_on_signal

logger = logging.getLogger(__name__)

RETRY_S = 1.0

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.site.association_worker import AssociationWorker
    from deploy.site.perception_worker import PerceptionWorker


def run_perception(worker: "PerceptionWorker") -> None:
    """Run cameras to their end or to Ctrl-C."""
    with stops_on_signal(worker.stop):
        worker.run()


def run_association(
    make_worker: "Callable[[], AssociationWorker]", *, patient: bool, once: bool = False
) -> "AssociationWorker":
    """Associate until Ctrl-C, or with `once` until all that is on the log has been read; returns the last worker.

    With `patient` a log that fails later is waited for: a new worker takes over from what was committed.
    """
    stop = threading.Event()
    worker = make_worker()
    with stops_on_signal(stop.set):
        while True:
            try:
                worker.run(stop, once=once)
                return worker
            except FencedError:
                raise
            except LogError as error:
                if not patient:
                    raise
                logger.warning("%s; trying again", error)
            replaced = _retried(make_worker, stop)
            if replaced is None:
                return worker
            worker = replaced


def _retried(make_worker: "Callable[[], AssociationWorker]", stop: threading.Event) -> "AssociationWorker | None":
    """A new worker once the log answers again; None if it was stopped before."""
    while not stop.wait(RETRY_S):
        try:
            return make_worker()
        except FencedError:
            raise
        except LogError:
            continue
    return None


def run_together(perception: "PerceptionWorker", association: "AssociationWorker") -> None:
    """Perception here, association in a thread; returns when the last observation has been associated."""
    done, stop = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def associate() -> None:
        try:
            association.run(stop, finished=done.is_set)
        except BaseException as failure:  # handed to the main thread, which raises it
            failures.append(failure)
            perception.stop()

    thread = threading.Thread(target=associate, name="association")
    thread.start()
    try:
        run_perception(perception)
    except BaseException:
        stop.set()  # nobody waits for the rest; it is on the log
        raise
    finally:
        done.set()
        thread.join()
    if failures:
        raise failures[0]
