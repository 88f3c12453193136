"""Perception and association in one process, and how both are brought to a good end."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deploy.site.repeating import repeating
from ingest.clock import SystemClock
from ingest.errors import FencedError, LogError
from ingest.signals import stops_on_signal

logger = logging.getLogger(__name__)

RETRY_S = 1.0
LOOK_S = 0.5
SUMMARY_S = 60.0
BEAT_S = 1.0

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.log.kafka_standby import Standby
    from deploy.site.association_worker import AssociationWorker
    from deploy.site.perception_worker import PerceptionWorker


def run_perception(worker: "PerceptionWorker") -> None:
    """Run cameras to their end or to Ctrl-C."""
    with stops_on_signal(worker.stop), _journal_of_cameras(worker):
        worker.run()


@contextmanager
def _journal_of_cameras(worker: "PerceptionWorker") -> Iterator[None]:
    """Log the cameras that come and go, and a summary a minute, while the block runs."""
    from deploy.site.journal import CameraJournal
    from deploy.site.status import camera_statuses

    journal = CameraJournal(SystemClock())
    try:
        with repeating(lambda: journal.look(camera_statuses(worker)), every_s=LOOK_S):
            yield
    finally:
        journal.look(camera_statuses(worker))


def run_association(
    make_worker: "Callable[[], AssociationWorker]",
    *,
    patient: bool,
    once: bool = False,
    standby: "Standby | None" = None,
) -> "AssociationWorker | None":
    """Associate until Ctrl-C, or with `once` until all that is on the log has been read; returns the last worker.

    With `patient` a log that fails later is waited for: a new worker takes over from what was committed. With `standby`
    another owner of the zone is waited for; None where that never ended.
    """
    stop, clock = threading.Event(), SystemClock()
    with stops_on_signal(stop.set):
        if standby is not None and not standby.wait(stop):
            return None
        worker = make_worker()
        summary = _Summary(worker)
        with repeating(summary.log, every_s=SUMMARY_S), repeating(lambda: summary.worker.beat(), every_s=BEAT_S):
            while True:
                try:
                    worker.run(stop, once=once)
                    break
                except FencedError:
                    raise
                except LogError as error:
                    if not patient:
                        raise
                    logger.warning("%s; trying again", error)
                began_s = clock.monotonic_s()
                if standby is not None and not standby.wait(stop, own_generation=worker.generation):
                    break
                replaced = _retried(make_worker, stop)
                if replaced is None:
                    break
                worker = summary.worker = replaced
                away_s = clock.monotonic_s() - began_s
                logger.info("the log is back after %.1f s; association goes on after %d", away_s, worker.position)
        worker.close()
    return worker


class _Summary:
    """Log once a minute how much association has taken in."""

    def __init__(self, worker: "AssociationWorker") -> None:
        self.worker = worker
        self._before: tuple[AssociationWorker, Counter[str]] = worker, Counter()

    def log(self) -> None:
        worker, counts = self.worker, Counter(self.worker.counts)
        before = self._before[1] if self._before[0] is worker else Counter[str]()
        self._before = worker, counts
        news = counts - before
        logger.info(
            "in %.0f s: %d records, %d events, %d dead letters; association is at offset %d",
            SUMMARY_S,
            news["records"],
            news["events"],
            news["dead_letters"],
            worker.position,
        )


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
        with (
            repeating(_Summary(association).log, every_s=SUMMARY_S),
            repeating(association.beat, every_s=BEAT_S),
        ):
            run_perception(perception)
    except BaseException:
        stop.set()  # nobody waits for the rest; it is on the log
        raise
    finally:
        done.set()
        thread.join()
        association.close()
    if failures:
        raise failures[0]
