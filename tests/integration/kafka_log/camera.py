"""A process with one camera, as `observe` makes it."""

from pathlib import Path

from deploy.log.kafka_log import KafkaLog
from deploy.log.spool.backlog import Backlog
from deploy.log.spool.file import Spool
from deploy.log.spool.writer import SpooledWriter, SpoolThread

OWNER = "camera/a"


def camera_of(log: KafkaLog, folder: Path, started_ns: int = 1) -> SpooledWriter:
    """The camera's writer, over a thread and a spool of its own."""
    claimed = log.claim_to_append(OWNER)
    backlog = Backlog(Spool(folder, frozenset({OWNER}), started_ns=started_ns), limit_bytes=1e8)
    thread = SpoolThread(log.appender(), backlog, log.claims)
    writer = SpooledWriter(thread, OWNER, claimed)
    thread.start()
    return writer
