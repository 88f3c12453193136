"""Draining: a process that shares cameras is asked to end, and waited for."""

from deploy.log.base import Log, Record
from deploy.log.topics import WORKERS
from deploy.site.cameras.workers import DrainRequest, Workers, encode
from deploy.site.controls import checked_by
from ingest.clock import Clock
from ingest.errors import ConfigError, CorridorError

OWNER = "controls/workers"
LOOK_S = 0.2


def ask_to_end(log: Log, worker: str, *, at_ns: int, by: str) -> DrainRequest:
    """Ask a process to end; raises ConfigError for one that is not there."""
    checked_by(by)
    workers = Workers()
    workers.read(log)
    living = [each.worker for each in workers.living(at_ns)]
    if worker not in living:
        raise ConfigError(f"there is no worker '{worker}' at present (there are: {', '.join(living) or 'none'})")
    request = DrainRequest(worker=worker, at_ns=at_ns, by=by)
    writer = log.claim(OWNER)
    writer.commit([Record(WORKERS, f"drain/{worker}", encode(request))])
    writer.close()
    return request


def await_end(log: Log, worker: str, *, timeout_s: float, clock: Clock) -> None:
    """Wait until a process has ended, or says nothing any more; raises CorridorError where it goes on."""
    workers, until_s = Workers(), clock.monotonic_s() + timeout_s
    while True:
        workers.read(log)
        if worker not in [each.worker for each in workers.living(clock.now_ns())]:
            return
        if clock.monotonic_s() > until_s:
            raise CorridorError(f"worker '{worker}' has not ended within {timeout_s:g} s; stop it on its machine")
        clock.sleep(LOOK_S)
