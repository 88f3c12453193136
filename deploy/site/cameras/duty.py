"""A process on duty: it follows the roster, keeps its record on the log, and on Kafka shares cameras with others."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from deploy.log.address import on_this_machine
from deploy.log.base import Log
from deploy.site.cameras.changes import give_slots
from deploy.site.cameras.following import RosterFollower
from deploy.site.cameras.reporting import LOOK_S as REPORT_S
from deploy.site.cameras.reporting import WorkerReport, publishing
from deploy.site.cameras.roster import Roster
from deploy.site.cameras.sharing import FixedShare, SlotShare
from deploy.site.config import Config
from deploy.site.perception_worker import PerceptionWorker
from deploy.site.repeating import repeating
from ingest.clock import SystemClock
from ingest.errors import ConfigError

LOOK_S = 0.5
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Characters that Kafka allows in the name of a group's member."""


def machine_name() -> str:
    """The name of a process that shares cameras, where it is given none: a container keeps it over a restart."""
    return socket.gethostname()


@contextmanager
def on_duty(
    config: Config, log: Log, roster: Roster, worker: PerceptionWorker, *, name: str, only: frozenset[str] | None
) -> Iterator[None]:
    """Obey changes of cameras while the block runs, for all cameras or only some."""
    name = name or f"{machine_name()}-{os.getpid()}"
    follower = RosterFollower(log, roster, worker, FixedShare(only))
    with publishing(log, name, here=on_this_machine(config.log.url)) as publish:
        report = WorkerReport(log, name, worker, publish)
        with repeating(follower.look, every_s=LOOK_S), _kept(report):
            yield


@contextmanager
def in_group(
    config: Config, log: Log, roster: Roster, worker: PerceptionWorker, *, name: str, most: int | None
) -> Iterator[None]:
    """Watch the cameras of the slots that this process gets in the site's group, at most `most`, while the block runs.

    Ends the worker once all there is has been read. Raises FencedError where another process came with the same name.
    """
    from deploy.log.brokers.slots import SlotMember
    from deploy.log.kafka_log import KafkaLog

    assert isinstance(log, KafkaLog)
    name = name or machine_name()
    if not NAME.fullmatch(name):
        raise ConfigError(f"--worker '{name}': expected letters (a to z), digits, '.', '_' and '-', at most 64 of them")
    give_slots(log, config, at_ns=SystemClock().now_ns(), by="the configuration")
    roster.read(log)
    member = SlotMember(log.cluster, name)
    member.use(roster.used_slots)
    share = SlotShare(lambda: member.slots, most)
    follower = RosterFollower(log, roster, worker, share)

    def look() -> None:
        follower.look()
        member.use(roster.used_slots)
        if member.fenced is not None or follower.all_read:
            worker.stop()

    with ExitStack() as stack:
        stack.enter_context(worker.changing())  # without a camera at present it waits for one
        publish = stack.enter_context(publishing(log, name, here=False))
        report = WorkerReport(log, name, worker, publish, slots=lambda: member.slots, refused=lambda: share.refused)
        stack.enter_context(_kept(report))
        member.join()
        stack.callback(member.leave)
        stack.enter_context(repeating(look, every_s=LOOK_S))
        yield
    if member.fenced is not None:
        raise member.fenced


@contextmanager
def _kept(report: WorkerReport) -> Iterator[None]:
    """Keep a process's record up to date while the block runs, and put its end down."""
    try:
        with repeating(report.look, every_s=REPORT_S):
            yield
    finally:
        report.end()
