"""Least privilege: with the ACLs that docs/operating/kafka.md gives, every role does its work, and no more."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from deploy.log.base import Addition
from deploy.log.brokers.topics import create_topics, describe_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.topics import (
    ALL,
    ASSOCIATION_STATE,
    DEAD_LETTERS,
    FORGOTTEN,
    IDENTITIES,
    LIVE,
    MATCHES,
    OBSERVATIONS,
    TOPOLOGY,
    TRAJECTORIES,
    WATCHLIST,
)
from ingest.errors import ConfigError, LogError
from tests.integration.kafka_log.waiting import wait_until
from tests.integration.kafka_secured.records import record
from tests.integration.kafka_secured.secured_broker import SecuredBroker

RESULTS = (TRAJECTORIES, IDENTITIES, TOPOLOGY, DEAD_LETTERS)

pytestmark = [
    pytest.mark.usefixtures("granted"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


class Users:
    """Logs of the site as its users open them."""

    def __init__(self, broker: SecuredBroker, prefix: str) -> None:
        self._broker, self._prefix = broker, prefix
        self._logs: list[KafkaLog] = []

    def cluster(self, user: str, prefix: str | None = None) -> Cluster:
        prefix = self._prefix if prefix is None else prefix
        return Cluster(self._broker.scram, prefix, self._broker.access(user))

    def log(self, user: str, prefix: str | None = None) -> KafkaLog:
        self._logs.append(KafkaLog(self.cluster(user, prefix), commit_timeout_s=3.0))
        return self._logs[-1]

    def close(self) -> None:
        for log in self._logs:
            log.close()


@pytest.fixture
def role(broker: SecuredBroker, prefix: str) -> Iterator[Users]:
    role = Users(broker, prefix)
    yield role
    role.close()


def test_cameras_append_what_they_say_and_see_who_owns_them(role: Users) -> None:
    log = role.log("cameras")
    log.claim_to_append("camera/appending")
    assert log.claims.lost() == set()
    appender = log.appender()
    said = Addition("camera/appending", OBSERVATIONS, "zone/zone", record(OBSERVATIONS).value)
    progress = Addition("camera/appending", ASSOCIATION_STATE, "camera/appending|progress", b"1")
    offered = Addition("live/appending", LIVE, "appending", record(LIVE).value)
    appender.send([said, progress, offered])
    wait_until(lambda: appender.acknowledged() == 0 and not appender._unanswered)
    appender.discard()


def test_association_may_show_its_lag(role: Users, caplog: pytest.LogCaptureFixture) -> None:
    zone = role.log("association").claim("zone/lag")
    zone.commit([], position=1)
    zone.close()
    assert "cannot be kept up to date" not in caplog.text


def test_every_role_does_its_work(role: Users) -> None:
    cameras = role.log("cameras").claim("camera/other")
    cameras.commit([record(OBSERVATIONS)], state={"progress": b"1"})
    association = role.log("association")
    assert association.read(OBSERVATIONS, 0, 1000)[-1].key == "zone/zone"
    zone = association.claim("zone/other")
    zone.commit([record(topic) for topic in RESULTS], state={"s": b"1"}, position=association.end(OBSERVATIONS))
    reader = role.log("reader")
    for topic in ALL:
        if topic != LIVE:
            assert reader.read(topic, 0, 1000), topic
    operator = role.log("operator")
    assert operator.read(LIVE, 0, 1000)
    operator.claim("controls/zone").commit([record(OBSERVATIONS)])
    operator.claim("forgotten/zone").commit([record(FORGOTTEN)])
    operator.claim("watchlist/zone").commit([record(WATCHLIST)])
    watcher = role.log("watcher").claim("watch/zone")
    watcher.commit([record(MATCHES)], state={"s": b"1"}, position=1)
    assert operator.read(OBSERVATIONS, 0, 1000)[-1].key == "zone/zone"


REFUSED: dict[str, tuple[Callable[[Users], object], str]] = {
    "cameras do not write trajectories": (
        lambda role: role.log("cameras").claim("camera/north").commit([record(TRAJECTORIES)]),
        r"cannot commit for 'camera/north' to Kafka at .*: not permitted, an ACL \(Read to read, Write to write\) on "
        r"the topic is missing.*give user 'cameras' the ACLs of its role",
    ),
    "cameras are no association": (
        lambda role: role.log("cameras").claim("zone/zone"),
        r"cannot claim 'zone/zone' on Kafka at .*: not permitted, the ACL Write on the transactional id is missing",
    ),
    "cameras do not read": (
        lambda role: role.log("cameras").read(OBSERVATIONS, 0, 1),
        r"cannot read t\w+\.observations on Kafka at .*: not permitted, an ACL \(Read to read.*user 'cameras'",
    ),
    "association writes no observations": (
        lambda role: role.log("association").claim("zone/zone").commit([record(OBSERVATIONS)]),
        r"not permitted, an ACL .* on the topic is missing.*user 'association'",
    ),
    "readers own nothing": (
        lambda role: role.log("reader").claim("zone/zone"),
        r"not permitted, the ACL Write on the transactional id is missing.*user 'reader'",
    ),
    "readers do not see where live video is, and what opens it": (
        lambda role: role.log("reader").read(LIVE, 0, 1),
        r"cannot read t\w+\.live .*not permitted",
    ),
    "cameras read no trajectories": (
        lambda role: role.log("cameras").read(TRAJECTORIES, 0, 1),
        r"cannot read t\w+\.trajectories .*not permitted",
    ),
    "nobody": (
        lambda role: role.log("nobody"),
        r"lacks the topics t\w+\.observations, .*or user 'nobody' has no ACL \(Describe\) on them; make them with "
        r"`corridor topics create FILE`",
    ),
    "another site": (
        lambda role: role.log("association", "south."),
        r"lacks the topics south\.observations, .*or user 'association' has no ACL",
    ),
    "only the admin makes topics": (
        lambda role: create_topics(role.cluster("cameras", "new.")),
        r"cannot create the topics on Kafka at .*: not permitted, an ACL",
    ),
}


@pytest.mark.parametrize(("act", "words"), REFUSED.values(), ids=REFUSED)
def test_no_role_does_more(act: Callable[[Users], object], words: str, role: Users) -> None:
    with pytest.raises((LogError, ConfigError), match=words) as raised:
        act(role)
    assert "\n" not in str(raised.value)


def test_settings_that_may_not_be_read_are_not_taken_for_right(
    broker: SecuredBroker, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Kafka answers with none, and no error."""
    grant = f"kafka-acls.sh --bootstrap-server {broker.scram} --command-config admin.properties --add"
    one = f"--allow-principal User:nobody --operation Describe --topic {prefix} --resource-pattern-type prefixed"
    broker.run_acls(f"{grant} {one}")
    cluster = Cluster(broker.scram, prefix, broker.access("nobody"))
    assert {(topic.partitions > 0, bool(topic.settings)) for topic in describe_topics(cluster)} == {(True, False)}
    with closing(KafkaLog(cluster)):
        assert "cannot be checked: user 'nobody' has no ACL (DescribeConfigs) on them" in caplog.text
