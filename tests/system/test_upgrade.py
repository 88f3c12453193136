"""A site that an earlier version left in mid-work is gone on with, or refused with the command that helps.

tests/data/sites has a site of each revision that wrote another state; tests/data/make_site.py made them there.
"""

import lzma
import re
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner

from associate.trajectory import TrajectoryEvent, decode
from deploy.cli.app import app
from deploy.cli.exit_codes import exit_code
from deploy.log.base import Log, Record, Writer
from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.kafka_state import partition_of
from deploy.log.spool.shared import SharedSpool
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import ALL, ASSOCIATION_STATE, OBSERVATIONS, TRAJECTORIES
from deploy.site.association_state import SUM_KEY, StateSum
from deploy.site.association_worker import AssociationWorker
from embed.observation import CameraEpoch, Message, Observation, encode, tracklet_id
from ingest.clock import SystemClock
from ingest.errors import CorridorError
from tests.associate.samples import associator
from tests.conftest import ROOT
from tests.contracts.kafka_broker import servers
from tests.data.make_site import CAMERAS, KEEPING_PAST, LOGGED, SPOOLED, messages
from tests.embed.samples import ENCODER

SITES = sorted((ROOT / "tests" / "data" / "sites").iterdir())
OWNERS = [f"camera/{camera}" for camera in CAMERAS]
PAGE = (ROOT / "docs" / "operating" / "upgrading.md").read_text()


@pytest.fixture(params=SITES, ids=[path.name for path in SITES])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with the site's log, and its spool."""
    (tmp_path / "spool").mkdir()
    for packed, target in (("corridor.db", "corridor.db"), ("waiting.spool", "spool/1-1.spool")):
        (tmp_path / target).write_bytes(lzma.decompress((request.param / f"{packed}.xz").read_bytes()))
    return tmp_path


def worker(log: Log) -> AssociationWorker:
    return AssociationWorker(log, "z", associator(KEEPING_PAST))


def events_of(log: Log) -> list[TrajectoryEvent]:
    return [decode(record.value) for record in log.read(TRAJECTORIES, 0, 100_000)]


def say(writers: Sequence[Writer], said: Sequence[Message]) -> None:
    """Say what is left, as the cameras' next process."""
    by_camera = dict(zip(CAMERAS, writers, strict=True))
    for message in said:
        epoch = CameraEpoch(by_camera[message.camera].generation, 0)
        assert epoch > message.epoch
        named = msgspec.structs.replace(message, epoch=epoch)
        if isinstance(named, Observation):
            own_id = f"{tracklet_id(named.camera, epoch, named.track)}|{named.sequence}"
            named = msgspec.structs.replace(named, id=own_id)
        by_camera[message.camera].commit([Record(OBSERVATIONS, named.camera, encode(named), named.at_ns)])


def assert_gone_on_with(log: Log, small: SqliteLog, before: list[TrajectoryEvent], folder: Path) -> None:
    """What was said stands, what follows fits, and vehicles under way are linked as if nothing had been."""
    events = events_of(log)
    assert events[: len(before)] == before
    assert len({event.id for event in events}) == len(events) > len(before)
    revisions = {event.identity: 0 for event in events}
    for event in events:
        revisions[event.identity] += 1
        assert event.revision == revisions[event.identity]
    observed = [*small.read(OBSERVATIONS, 0, LOGGED), *log.read(OBSERVATIONS, LOGGED, 100_000)]
    with closing(SqliteLog(folder / "undisturbed.db")) as undisturbed:
        records = [Record(OBSERVATIONS, each.key, each.value, each.appended_ns) for each in observed]
        undisturbed.claim("cameras").commit(records)
        worker(undisturbed).drain()
        assert linked(log) == linked(undisturbed)


def linked(log: Log) -> set[frozenset[str]]:
    """The tracklets of each vehicle."""
    last = {event.identity: event for event in events_of(log)}
    standing = [event.visits for event in last.values() if event.superseded_by is None]
    return {frozenset(visit.observation.rpartition("|")[0] for visit in visits) for visits in standing}


def test_a_sqlite_log_is_gone_on_with(site: Path) -> None:
    with closing(SqliteLog(site / "corridor.db")) as log:
        before = events_of(log)
        say([log.claim(owner) for owner in OWNERS], messages()[LOGGED:])
        worker(log).drain()
        assert_gone_on_with(log, log, before, site)


def test_topics_state_and_spool_on_kafka_are_gone_on_with(site: Path) -> None:
    cluster = Cluster(servers(), f"t{uuid.uuid4().hex[:8]}.")
    create_topics(cluster)
    with closing(SqliteLog(site / "corridor.db", must_exist=True)) as small, closing(KafkaLog(cluster)) as log:
        before = events_of(small)
        put_on_kafka(small, cluster, log.topic_id(OBSERVATIONS))
        cameras = SharedSpool(log, site / "spool", camera_bytes=1e8, clock=SystemClock())
        writers = cameras.writers(OWNERS)
        say(writers, messages()[SPOOLED:])
        cameras.close()
        worker(log).drain()
        assert log.end(OBSERVATIONS) == len(messages())
        assert_gone_on_with(log, small, before, site)


def put_on_kafka(log: SqliteLog, cluster: Cluster, topic_id: str) -> None:
    """Put down what the site's version would have on Kafka: its records, and every owner's state and last commit.

    With the present as append time, since Kafka removes what is older than its retention.
    """
    state = dict(log.state_of("zone/z"))
    state[SUM_KEY] = msgspec.json.encode(
        msgspec.structs.replace(msgspec.json.decode(state[SUM_KEY], type=StateSum), topic=topic_id)
    )
    changelog = [("zone/z", f"|{key}", value) for key, value in state.items()]
    changelog += [(owner, "", b'{"generation":1,"position":%d,"batch":3}' % LOGGED) for owner in (*OWNERS, "zone/z")]
    with closing(KafkaProducer(bootstrap_servers=cluster.servers)) as producer:
        for topic in ALL:
            for record in log.read(topic, 0, 100_000):
                producer.send(cluster.topic(topic), record.value, record.key.encode(), partition=0)
        for owner, key, value in changelog:
            producer.send(
                cluster.topic(ASSOCIATION_STATE), value, f"{owner}{key}".encode(), partition=partition_of(owner)
            )
        producer.flush()


def without_format(state: dict[str, bytes]) -> None:
    del state["format|2"]


def of_a_later_version(state: dict[str, bytes]) -> None:
    del state["format|2"]
    state["format|3"] = b""


def without_a_row(state: dict[str, bytes]) -> None:
    del state[next(key for key in state if key.startswith("tracklet|"))]


def of_another_topic(state: dict[str, bytes]) -> None:
    found = msgspec.json.decode(state[SUM_KEY], type=StateSum)
    state[SUM_KEY] = msgspec.json.encode(msgspec.structs.replace(found, topic="another"))


REFUSED = (without_format, of_a_later_version, without_a_row, of_another_topic)


@pytest.mark.parametrize("spoil", REFUSED, ids=[spoil.__name__ for spoil in REFUSED])
def test_what_cannot_be_gone_on_with_is_refused_in_the_words_of_the_page(
    site: Path, spoil: Callable[[dict[str, bytes]], None]
) -> None:
    """Nothing is changed by that, and the command that is named makes it anew."""
    file = site / "site.toml"
    where = f'[associate]\nzone = "z"\nencoder = "{ENCODER}"\n[log]\nurl = "sqlite:{site}/corridor.db"\n'
    file.write_text('[[cameras]]\nid = "a"\nsource = "rtsp://127.0.0.1:9/a"\n' + where)
    with closing(SqliteLog(site / "corridor.db")) as log:
        before, writer = events_of(log), log.claim("zone/z")
        state = dict(writer.state)
        spoil(state)
        writer.commit([], state={key: state.get(key) for key in {*state, *writer.state}})
    refusal = CliRunner().invoke(app, ["associate", "--once", str(file)]).exception
    assert isinstance(refusal, CorridorError)
    assert exit_code(refusal) == 2
    said = re.sub(r"(?<= )\d+", "N", str(refusal).replace("zone 'z'", "zone 'NAME'"))
    assert f"`{said}`" in PAGE
    with closing(SqliteLog(site / "corridor.db")) as log:
        assert events_of(log) == before
    command = said.rpartition("corridor ")[2].replace("FILE", str(file)).split()
    assert CliRunner().invoke(app, [*command, "--once"]).exit_code == 0
    with closing(SqliteLog(site / "corridor.db")) as log:
        assert linked(log) >= {frozenset(f"{camera}|1.0|{vehicle}" for camera in CAMERAS) for vehicle in range(1, 10)}
