"""Kafka's address, and the topics on a real broker."""

import uuid
from contextlib import closing
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from deploy.cli import topics as topics_command
from deploy.log.address import parse_kafka_url
from deploy.log.brokers.topics import create_topics, describe_topics, require_topics, settings_of
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.topics import (
    ALL,
    ASSOCIATION_STATE,
    CAMERAS,
    COMPACTED,
    DEAD_LETTERS,
    LAYOUTS,
    OBSERVATIONS,
    TRAJECTORIES,
    Layout,
)
from ingest.errors import ConfigError
from tests.contracts.kafka_broker import servers
from tests.integration.kafka_log.waiting import wait_until


@pytest.mark.parametrize(
    ("url", "bootstrap"),
    [
        ("kafka://broker:9092", "broker:9092"),
        ("kafka://a.example:9092,b.example:9093", "a.example:9092,b.example:9093"),
        ("kafka://10.0.0.7:9092/", "10.0.0.7:9092"),
        ("kafka://[::1]:9092", "[::1]:9092"),
    ],
)
def test_an_address(url: str, bootstrap: str) -> None:
    assert parse_kafka_url(url) == bootstrap


@pytest.mark.parametrize(
    "url",
    [
        "kafka://",
        "kafka:broker:9092",
        "kafka://broker",
        "kafka://broker:0",
        "kafka://broker:99999",
        "kafka://a:9092,",
        "kafka://a:9092/topic",
        "http://a:9092",
    ],
)
def test_no_address(url: str) -> None:
    with pytest.raises(ConfigError, match="is not a Kafka address"):
        parse_kafka_url(url)


def test_a_password_in_the_address_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as raised:
        parse_kafka_url("kafka://me:secret@broker:9092")
    assert "secret" not in str(raised.value)


def test_every_topic_has_a_layout() -> None:
    assert {layout.name for layout in LAYOUTS} == {*ALL, ASSOCIATION_STATE}
    assert {layout.name for layout in LAYOUTS if layout.compacted} == {*COMPACTED, ASSOCIATION_STATE}
    assert all(layout.partitions == 1 for layout in LAYOUTS if layout.name in ALL and layout.name != CAMERAS)


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "2"), (3, "2")])
def test_a_commit_is_on_two_brokers_where_there_are_two(replication: int, in_sync: str) -> None:
    assert settings_of(Layout("t"), replication)["min.insync.replicas"] == in_sync


def test_topics_are_created_once() -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}."
    assert {topic.problem for topic in describe_topics(Cluster(servers(), prefix))} == {"missing"}
    with pytest.raises(ConfigError, match="--replication 3 needs as many brokers"):
        create_topics(Cluster(servers(), prefix), replication=30 if "," in servers() else 3)
    assert create_topics(Cluster(servers(), prefix)) == [f"{prefix}{layout.name}" for layout in LAYOUTS]
    assert create_topics(Cluster(servers(), prefix)) == []
    found = describe_topics(Cluster(servers(), prefix))
    assert {topic.problem for topic in found} == {""}
    for topic, layout in zip(found, LAYOUTS, strict=True):
        assert topic.partitions == layout.partitions
        assert settings_of(layout, 1).items() <= topic.settings.items()
        assert ("compact" in topic.settings.get("cleanup.policy", "")) == layout.compacted


def test_the_command(tmp_path: Path) -> None:
    file, runner = tmp_path / "site.toml", CliRunner()
    file.write_text(
        '[[cameras]]\nid = "north"\nsource = "clip.mp4"\n'
        f'[log]\nurl = "kafka://{servers()}"\nprefix = "t{uuid.uuid4().hex[:8]}."\n'
    )
    assert runner.invoke(topics_command.app, ["list", str(file)]).output.count("missing") == len(LAYOUTS)
    assert "created" in runner.invoke(topics_command.app, ["create", str(file)]).output
    assert "all topics are on" in runner.invoke(topics_command.app, ["create", str(file)]).output
    assert runner.invoke(topics_command.app, ["list", str(file)]).output.count("present") == len(LAYOUTS)


UNFIT: dict[str, tuple[str, dict[str, str], str]] = {
    "compacted observations": (
        OBSERVATIONS,
        {"cleanup.policy": "compact"},
        r"observations on Kafka at .* has cleanup\.policy=compact and loses what it must keep: set delete",
    ),
    "state that is deleted": (
        ASSOCIATION_STATE,
        {"cleanup.policy": "delete"},
        r"association-state .* has cleanup\.policy=delete and loses what it must keep: set compact",
    ),
    "small records only": (
        DEAD_LETTERS,
        {"max.message.bytes": "500000"},
        r"dead-letters .* has max\.message\.bytes=500000 and would refuse records: set 1000512 or more",
    ),
    "more copies than there are": (
        TRAJECTORIES,
        {"min.insync.replicas": "2"},
        r"trajectories .* has min\.insync\.replicas=2 and 1 copies, so that nothing can be written: set 1",
    ),
    "the broker's times": (
        OBSERVATIONS,
        {"message.timestamp.type": "LogAppendTime"},
        r"observations .* has message\.timestamp\.type=LogAppendTime.*set CreateTime",
    ),
}


@pytest.mark.parametrize(("topic", "settings", "words"), UNFIT.values(), ids=UNFIT)
def test_a_topic_that_cannot_serve_is_refused_by_name(topic: str, settings: dict[str, str], words: str) -> None:
    cluster = Cluster(servers(), f"t{uuid.uuid4().hex[:8]}.")
    create_topics(cluster)
    with cluster.admin() as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, cluster.topic(topic), settings)])
    with pytest.raises(ConfigError, match=words):
        wait_until(lambda: not require_topics(cluster, 10.0))  # the broker takes a moment to say so
    assert sum(bool(each.problem) for each in describe_topics(cluster)) == 1


def test_how_long_records_are_kept_is_known() -> None:
    cluster = Cluster(servers(), f"t{uuid.uuid4().hex[:8]}.")
    create_topics(cluster)
    with closing(KafkaLog(cluster)) as log:
        assert log.kept_s(OBSERVATIONS) == 7 * 86_400
        assert log.kept_s(ASSOCIATION_STATE) is None


def test_a_log_on_sqlite_has_no_topics_to_make() -> None:
    result = CliRunner().invoke(topics_command.app, ["create", "sqlite:runs/site/corridor.db"])
    assert isinstance(result.exception, ConfigError)
    assert "only a log on Kafka" in str(result.exception)


def test_a_cluster_that_is_away_is_told() -> None:
    with pytest.raises(ConfigError, match="no Kafka broker answers"):
        create_topics(Cluster("127.0.0.1:1"), connect_timeout_s=0.1)
