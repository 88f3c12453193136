"""`python -m tests.bench kafka_outage`: links after the broker was away, beside those of an undisturbed run.

Two camera processes of ten cameras each say in real time what a ring of cameras sees, while the broker is killed for 60
and for 300 s. Their log is replayed; so are the same messages as they would have come without the outage.
"""

import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import msgspec

from associate.associator import Associator
from associate.settings import AssociateSettings
from associate.trajectory import decode as decode_event
from deploy.log.base import Record, StoredRecord
from deploy.log.brokers.topics import create_topics
from deploy.log.decoding import decoded
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.observations import read_messages
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.site.replay import replay
from embed.observation import Message, decode
from ingest.clock import NS
from tests.bench.association_scale.stream import APPEND_S, ENCODER
from tests.bench.kafka.cameras import Cost, Share, said, site_of
from tests.bench.measure import table
from tests.conftest import ROOT
from tests.contracts.kafka_broker import Broker, new_broker

OUTAGES_S = (60, 300)
BEFORE_S, AFTER_S = 60, 60
READY_S = 60.0
PARTS = 2
Links = dict[str, str]
"""Tracklet to the one that it was linked to, where that is settled."""


def main() -> None:
    rows = []
    for outage_s in OUTAGES_S:
        with tempfile.TemporaryDirectory() as name:
            rows.append(_one(Path(name), outage_s))
    print(f"{PARTS} processes of ten cameras each\n")
    header = ["outage", "messages", "lost", "twice", "links undisturbed", "links", "of those undisturbed"]
    table([*header, "caught up after"], rows)


def _one(folder: Path, outage_s: int) -> list[str]:
    broker = new_broker()
    create_topics(Cluster(broker.servers))
    share = Share(
        servers=broker.servers,
        writer="spool",
        folder=str(folder / "spool"),
        starts_ns=time.time_ns() + round(READY_S * NS),
        seconds=BEFORE_S + outage_s + AFTER_S,
        cameras=20,
        vehicles_per_s=1.5,
        parts=PARTS,
    )
    processes = start(share)
    _sleep_until(share.starts_ns + BEFORE_S * NS)
    broker.kill()
    _sleep_until(share.starts_ns + (BEFORE_S + outage_s) * NS)
    broker.start()
    back_s = _caught_up_s(broker)
    costs = [msgspec.json.decode(process.communicate()[0].splitlines()[-1], type=Cost) for process in processes]
    assert not any(cost.held + cost.dropped for cost in costs), costs
    whole = sorted(each for part in range(PARTS) for each in said(msgspec.structs.replace(share, part=part)))
    with closing(KafkaLog(Cluster(broker.servers))) as log:
        records = len(list(decoded(log, OBSERVATIONS, bytes)))
        distinct = len(list(read_messages(log)))
        disturbed = _links(_replayed(log, folder / "disturbed.db", share))
    with closing(SqliteLog(folder / "source.db")) as log:
        writer = log.claim("bench")
        records_of = [Record(OBSERVATIONS, camera, record, at + round(APPEND_S * NS)) for at, camera, record in whole]
        writer.commit(records_of)
        undisturbed = _links(_replayed(log, folder / "undisturbed.db", share))
    broker.discard()
    same = len(undisturbed.items() & disturbed.items()) / max(1, len(undisturbed))
    lost = len(whole) - distinct
    counts = [str(number) for number in (len(whole), lost, records - distinct, len(undisturbed), len(disturbed))]
    return [f"{outage_s} s", *counts, f"{same:.2%}", f"{back_s:.1f} s"]


def start(share: Share) -> list["subprocess.Popen[str]"]:
    """Start the processes of a site, and wait until all have claimed their cameras."""
    processes = []
    for part in range(share.parts):
        described = msgspec.json.encode(msgspec.structs.replace(share, part=part)).decode()
        command = [sys.executable, "-m", "tests.bench.kafka.cameras", described]
        processes.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    assert time.time_ns() < share.starts_ns, "the machine is too slow: raise READY_S"
    return processes


def _caught_up_s(broker: Broker) -> float:
    """Seconds until what is said now is on the log."""
    began_ns = time.time_ns()
    with closing(KafkaLog(Cluster(broker.servers))) as log:
        while True:
            page = log.read(OBSERVATIONS, max(0, log.end(OBSERVATIONS) - 50), 50)
            newest = max((message.at_ns for message in map(_decoded, page)), default=0)
            if time.time_ns() - newest < 2 * NS:
                return (time.time_ns() - began_ns) / NS
            time.sleep(0.1)


def _decoded(record: StoredRecord) -> Message:
    message = decode(record.value)
    assert isinstance(message, Message)
    return message


def _replayed(log: KafkaLog | SqliteLog, path: Path, share: Share) -> Path:
    associator = Associator(AssociateSettings(zone="bench"), cameras=site_of(share).names, encoder=ENCODER)
    replay(log, path, "bench", associator)
    return path


def _links(path: Path) -> Links:
    links: Links = {}
    with closing(SqliteLog(path, must_exist=True)) as log:
        for event in decoded(log, TRAJECTORIES, decode_event):
            if event.settled and event.observation is not None and len(event.visits) > 1:
                tracklets = [visit.observation.rpartition("|")[0] for visit in event.visits]
                place = tracklets.index(event.observation.rpartition("|")[0])
                if place:
                    links[tracklets[place]] = tracklets[place - 1]
    return links


def _sleep_until(at_ns: int) -> None:
    time.sleep(max(0.0, (at_ns - time.time_ns()) / NS))
