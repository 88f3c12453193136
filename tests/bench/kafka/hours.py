"""`python -m tests.bench kafka_hours`: three hours of twenty cameras, as fast as they can be taken in, on both logs.

What cameras say is put onto the log half an hour at a time; a process of its own associates it, as `corridor associate`
does. By the half hour: its processor time and memory, what its state and the log are on disk, and how long the next
process needs to take the zone over and restore the state.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import msgspec

from associate.associator import Associator
from associate.settings import AssociateSettings
from deploy.log.base import Log, Record
from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.opening import open_log
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.site.association_worker import AssociationWorker
from embed.observation import Observation, encode
from ingest.clock import NS
from tests.bench.association_city.logs import moved
from tests.bench.association_scale.stream import ENCODER, START_NS, Arrival, Site, arrivals
from tests.bench.measure import resident_mb, table
from tests.conftest import ROOT
from tests.contracts.kafka_broker import new_broker

ZONE = "bench"
HALF_S = 1800
AT_ONCE = 500
"""Records of a commit."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of the process that associates, for what was new on the log."""

    cpu_s: float
    wall_s: float
    resident_mb: float
    state_mb: float
    dead_letters: int


def main(arguments: Sequence[str] = ()) -> None:
    """Both logs, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kafka.hours")
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--log", choices=("sqlite", "kafka"), nargs="*", default=("sqlite", "kafka"))
    parser.add_argument("--associate", metavar="URL", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.associate:
        _associate(asked.associate)
        return
    rows = []
    for kind in asked.log:
        with tempfile.TemporaryDirectory() as name, _place(kind, Path(name)) as (url, folder):
            for row in _rows(url, folder, asked.hours):
                rows.append([kind, *row])
                print(*rows[-1], flush=True)
    print(f"\n{Site().cameras} cameras, {Site().vehicles_per_s:g} vehicles/s, by the half hour:\n")
    header = ["log", "until", "observations", "a second", "of the processor", "memory MB", "state MB"]
    table([*header, "log MB", "events", "set aside", "taken over and restored"], rows)


@contextmanager
def _place(kind: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """A log's URL, and the folder that it fills."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'log.db'}", folder
        return
    broker = new_broker()
    try:
        create_topics(Cluster(broker.servers))
        yield f"kafka://{broker.servers}", broker.folder
    finally:
        broker.discard()


def _rows(url: str, folder: Path, hours: float) -> Iterator[list[str]]:
    now_ns = time.time_ns() - round(hours * 3600) * NS  # a broker forgets what is too old
    stream = arrivals(Site(), hours * 3600 + 1)
    command = [sys.executable, "-m", "tests.bench.kafka.hours", "--associate", url]
    with closing(open_log(url)) as log:
        for half in range(1, 1 + round(2 * hours)):
            observations = _say(log, stream, now_ns - START_NS, half)
            # A process each half hour: it takes the zone over from the one that was killed.
            with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                restored_s = float(process.stdout.readline())
                cost = msgspec.json.decode(process.stdout.readline(), type=Cost)
                process.kill()
            yield [
                f"{half / 2:g} h",
                str(observations),
                f"{observations / cost.wall_s:.0f}",
                f"{cost.cpu_s / HALF_S:.1%}",
                f"{cost.resident_mb:.0f}",
                f"{cost.state_mb:.1f}",
                f"{_on_disk_mb(folder):.0f}",
                str(log.end(TRAJECTORIES)),
                str(cost.dead_letters),
                f"{restored_s:.2f} s",
            ]


def _on_disk_mb(folder: Path) -> float:
    """Disk space of its files, not their length: Kafka reserves room for indexes that it does not use."""
    return sum(each.stat().st_blocks for each in folder.rglob("*") if each.is_file()) * 512 / 1e6


def _say(log: Log, stream: Iterator[Arrival], shift_ns: int, half: int) -> int:
    """Put half an hour onto the log; returns how many observations it has."""
    writer, observations = log.claim("bench"), 0
    until_ns = START_NS + half * HALF_S * NS

    def records() -> Iterator[Record]:
        nonlocal observations
        for arrival in stream:
            message = moved(arrival.message, shift_ns)
            observations += isinstance(message, Observation)
            yield Record(OBSERVATIONS, message.camera, encode(message), arrival.appended_ns + shift_ns)
            if arrival.appended_ns >= until_ns:
                return

    waiting = records()
    while batch := list(islice(waiting, AT_ONCE)):
        writer.commit(batch)
    writer.close()
    return observations


def _associate(url: str) -> None:
    """Associate what is on a log; print how long it took to take over, and then the cost."""
    associator = Associator(AssociateSettings(zone=ZONE), cameras=Site().names, encoder=ENCODER)
    began_s = time.monotonic()
    with closing(open_log(url)) as log:
        worker = AssociationWorker(log, ZONE, associator)
        print(time.monotonic() - began_s, flush=True)
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        while not worker.caught_up:
            worker.step()
        cost = Cost(
            cpu_s=time.process_time() - began_cpu_s,
            wall_s=time.monotonic() - began_s,
            resident_mb=resident_mb(),
            state_mb=sum(map(len, worker._writer.state.values())) / 1e6,
            dead_letters=worker.counts["dead_letters"],
        )
        print(msgspec.json.encode(cost).decode(), flush=True)
        signal.pause()  # until it is killed, as by a power cut


if __name__ == "__main__":
    main(sys.argv[1:])
