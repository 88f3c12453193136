"""Kafka's address, and the topics on a real broker."""

import uuid

import pytest
from typer.testing import CliRunner

from deploy.cli import topics as topics_command
from deploy.log import kafka_cluster
from deploy.log.kafka_cluster import create_topics, describe_topics, parse_kafka_url, settings_of
from deploy.log.topics import ALL, ASSOCIATION_STATE, COMPACTED, LAYOUTS, Layout
from ingest.errors import ConfigError
from tests.contracts.kafka_broker import servers


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
    assert all(layout.partitions == 1 for layout in LAYOUTS if layout.name in ALL)


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "2"), (3, "2")])
def test_a_commit_is_on_two_brokers_where_there_are_two(replication: int, in_sync: str) -> None:
    assert settings_of(Layout("t"), replication)["min.insync.replicas"] == in_sync


def test_topics_are_created_once() -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}."
    assert {topic.problem for topic in describe_topics(servers(), prefix=prefix)} == {"missing"}
    with pytest.raises(ConfigError, match="--replication 3 needs as many brokers"):
        create_topics(servers(), prefix=prefix, replication=30 if "," in servers() else 3)
    assert create_topics(servers(), prefix=prefix) == [f"{prefix}{layout.name}" for layout in LAYOUTS]
    assert create_topics(servers(), prefix=prefix) == []
    found = describe_topics(servers(), prefix=prefix)
    assert {topic.problem for topic in found} == {""}
    for topic, layout in zip(found, LAYOUTS, strict=True):
        assert topic.partitions == layout.partitions
        wanted = settings_of(layout, 1)
        # What the broker has as its default is not told.
        assert topic.settings.items() <= wanted.items()
        assert ("compact" in topic.settings.get("cleanup.policy", "")) == layout.compacted


def test_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}."
    url, runner = f"kafka://{servers()}", CliRunner()
    for name in ("create_topics", "describe_topics"):
        plain = getattr(kafka_cluster, name)
        monkeypatch.setattr(
            kafka_cluster, name, lambda *args, _plain=plain, **kwargs: _plain(*args, prefix=prefix, **kwargs)
        )
    assert runner.invoke(topics_command.app, ["list", url]).output.count("missing") == len(LAYOUTS)
    assert "created" in runner.invoke(topics_command.app, ["create", url]).output
    assert "all topics are on" in runner.invoke(topics_command.app, ["create", url]).output
    assert runner.invoke(topics_command.app, ["list", url]).output.count("present") == len(LAYOUTS)


def test_a_log_on_sqlite_has_no_topics_to_make() -> None:
    result = CliRunner().invoke(topics_command.app, ["create", "sqlite:runs/site/corridor.db"])
    assert isinstance(result.exception, ConfigError)
    assert "only a log on Kafka" in str(result.exception)


def test_a_cluster_that_is_away_is_told() -> None:
    with pytest.raises(ConfigError, match="no Kafka broker answers"):
        create_topics("127.0.0.1:1", connect_timeout_s=0.1)
