"""Association on Kafka says what it says on SQLite, byte for byte, however often it changes hands."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from associate.associator import Associator
from associate.settings import AssociateSettings
from deploy.log.base import Log, Record
from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import IDENTITIES, OBSERVATIONS, TRAJECTORIES
from deploy.site.association_state import start_anew
from deploy.site.association_worker import AssociationWorker
from embed.observation import BoxAt, CameraEpoch, Message, Observation, Tick, TrackletState, encode, pack_vector
from ingest.clock import NS
from ingest.frame import ClockQuality
from tests.contracts.kafka_broker import servers

CAMERAS = ("north", "south")
EPOCH = CameraEpoch(1, 0)


def observed(vehicles: int = 30) -> Iterator[Message]:
    """Vehicles pass the north, and 20 s later the south; both cameras tick every second."""
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(vehicles, 64))
    seen: dict[tuple[str, int], int] = {}
    for second in range(vehicles * 2 + 40):
        for camera, delay_s in zip(CAMERAS, (0, 20), strict=True):
            vehicle = (second - delay_s) / 2
            if vehicle in range(vehicles):
                track = seen[camera, int(vehicle)] = len(seen)
                vector = vectors[int(vehicle)] + rng.normal(scale=0.2, size=64)
                yield sighting(camera, track, second * NS, pack_vector(vector / np.linalg.norm(vector)))
            yield Tick(camera=camera, epoch=EPOCH, sequence=second, at_ns=second * NS + NS // 2)


def sighting(camera: str, track: int, at_ns: int, vector: bytes) -> Observation:
    return Observation(
        id=f"{camera}|{EPOCH}|{track}|0",
        camera=camera,
        epoch=EPOCH,
        track=track,
        sequence=0,
        state=TrackletState.CLOSED,
        at_ns=at_ns,
        first_ns=at_ns - NS,
        last_ns=at_ns,
        clock=ClockQuality.SYNTHETIC,
        frame_size=(640, 480),
        path=[BoxAt(0, 0, 0, 100, 100)],
        label="car",
        score=0.9,
        encoder="colour@1",
        vector=vector,
        quality=1.0,
        crops=1,
    )


def worker(log: Log, batch: int) -> AssociationWorker:
    associator = Associator(AssociateSettings(zone="main"), cameras=CAMERAS, encoder="colour@1")
    return AssociationWorker(log, "main", associator, batch=batch)


def records_of(log: Log, topic: str) -> list[tuple[str, bytes]]:
    return [(record.key, record.value) for record in log.read(topic, 0, 100_000)]


def test_kafka_and_sqlite_say_the_same(tmp_path: Path) -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}."
    create_topics(Cluster(servers(), prefix))
    messages = list(observed())
    with closing(SqliteLog(tmp_path / "log.db")) as small, closing(KafkaLog(Cluster(servers(), prefix))) as large:
        for log in (small, large):
            camera = log.claim("camera/north")
            for first in range(0, len(messages), 25):
                part = messages[first : first + 25]
                camera.commit([Record(OBSERVATIONS, message.camera, encode(message)) for message in part])
        worker(small, 500).drain()
        # On Kafka it changes hands in the middle, twice.
        for steps in (1, 2):
            passing = worker(large, 37)
            for _ in range(steps):
                assert passing.step() == 37
        worker(large, 37).drain()
        expected = records_of(small, TRAJECTORIES)
        assert len(expected) >= 60
        assert records_of(large, TRAJECTORIES) == expected
        assert dict(records_of(large, IDENTITIES)) == dict(records_of(small, IDENTITIES))


def test_a_rebuild_on_kafka_follows_what_was_said_before() -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}."
    create_topics(Cluster(servers(), prefix))
    with closing(KafkaLog(Cluster(servers(), prefix))) as log:
        camera = log.claim("camera/north")
        camera.commit([Record(OBSERVATIONS, message.camera, encode(message)) for message in observed(8)])
        worker(log, 100).drain()
        before = records_of(log, TRAJECTORIES)
        begins_after = start_anew(log, "main")
        assert begins_after is not None
        worker(log, 100).drain()
        assert records_of(log, TRAJECTORIES) == before * 2
        again = log.read(TRAJECTORIES, begins_after, 100_000)
        assert [(record.key, record.value) for record in again] == before
