"""The records of the topic `workers`: the cameras that each process has and how they are, and its end, where asked for.

A process replaces its record every few seconds. One that has expired is of a process that has died, or cannot reach
the log.
"""

import logging
from collections.abc import Iterable, Mapping

import msgspec

from deploy.log.base import Log
from deploy.log.topics import WORKERS
from embed.observation import LONGEST_BY
from ingest.camera import CameraId
from ingest.clock import NS

logger = logging.getLogger(__name__)

EVERY_S = 2.0
"""Seconds between two records of a process."""
EXPIRES_S = 10.0
"""Time after which a record says nothing any more."""
PAGE = 1000


class WatchedCamera(msgspec.Struct, frozen=True, kw_only=True):
    """A camera that a process has.

    camera: its id.
    state: of its feed: `opening`, `running`, `waiting`, `refused`, `ended`, `failed`.
    since_ns: when the process got it, Unix nanoseconds.
    opened_ns: when its first session was open; null before.
    first_ns: when its first frame was analysed; null before.
    analysed: frames that have been analysed since.
    """

    camera: CameraId
    state: str
    since_ns: int
    opened_ns: int | None = None
    first_ns: int | None = None
    analysed: int = 0


class WorkerRecord(msgspec.Struct, frozen=True, kw_only=True, tag="worker"):
    """A process that watches cameras.

    worker: its name.
    pid: its process id on its machine.
    at_ns: when this was so, Unix nanoseconds.
    expires_ns: until when it holds.
    slots: the slots that it has, on Kafka.
    cameras: the cameras that it has.
    refused: cameras that are its own and that it does not watch, with the reason.
    ended: it has ended, as it was asked to.
    """

    worker: str
    pid: int
    at_ns: int
    expires_ns: int
    slots: list[int] = []
    cameras: list[WatchedCamera] = []
    refused: dict[CameraId, str] = {}
    ended: bool = False


class DrainRequest(msgspec.Struct, frozen=True, kw_only=True, tag="drain"):
    """A process is asked to end, and to leave its cameras to others.

    worker: its name.
    at_ns: when it was asked, Unix nanoseconds.
    by: who asked, free text of at most 64 characters.
    """

    worker: str
    at_ns: int
    by: str = ""


def encode(record: WorkerRecord | DrainRequest) -> bytes:
    """One record of the topic."""
    return msgspec.json.encode(record)


def decode(value: bytes) -> WorkerRecord | DrainRequest:
    """The record of some bytes; raises ValueError where it is none."""
    try:
        record = msgspec.json.decode(value, type=WorkerRecord | DrainRequest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"not a worker's record: {error}") from error
    if isinstance(record, DrainRequest) and len(record.by) > LONGEST_BY:
        raise ValueError(f"not a worker's record: 'by' has {len(record.by)} characters")
    return record


class Workers:
    """The workers of a site as the log tells of them; `read` takes in what is new. One thread at a time.

    passed_over: records so far that are no worker's.
    """

    def __init__(self, *, after: int = 0) -> None:
        self.records: dict[str, WorkerRecord] = {}
        self.asked: dict[str, DrainRequest] = {}
        self.passed_over = 0
        self._offset = after

    def read(self, log: Log) -> None:
        """Take in the records since the last call, with a warning of any that cannot be read; raises LogError."""
        while stored := log.read(WORKERS, self._offset, PAGE):
            for each in stored:
                self._offset = each.offset
                try:
                    record = decode(each.value)
                except ValueError as error:
                    self.passed_over += 1
                    logger.warning("record %d of %s is passed over: %s", each.offset, WORKERS, error)
                    continue
                if isinstance(record, DrainRequest):
                    self.asked[record.worker] = record
                else:
                    self.records[record.worker] = record

    def living(self, now_ns: int) -> list[WorkerRecord]:
        """Those that have neither ended nor expired, by name."""
        alive = [it for it in self.records.values() if not it.ended and it.expires_ns > now_ns]
        return sorted(alive, key=lambda it: it.worker)


def watched_by(workers: Iterable[WorkerRecord]) -> Mapping[str, tuple[WorkerRecord, WatchedCamera]]:
    """By camera: the worker that has it, and how it is there; of two, the one that got it later."""
    found: dict[str, tuple[WorkerRecord, WatchedCamera]] = {}
    for worker in workers:
        for each in worker.cameras:
            if each.camera not in found or found[each.camera][1].since_ns < each.since_ns:
                found[each.camera] = worker, each
    return found


def expires_ns(now_ns: int) -> int:
    return now_ns + round(EXPIRES_S * NS)
