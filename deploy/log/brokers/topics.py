"""The topics on a Kafka cluster: made, described, and checked before anything is written to them."""

import logging
from dataclasses import dataclass
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import InvalidReplicationFactorError, KafkaError, TopicAlreadyExistsError, for_code

from deploy.log.brokers.access import OPEN
from deploy.log.kafka_cluster import MAX_RECORD_BYTES, Cluster, UnreachableError, short_reason, translated_errors
from deploy.log.topics import LAYOUTS, Layout
from ingest.errors import ConfigError

logger = logging.getLogger(__name__)

DAY_MS = 86_400_000
BATCH_OVERHEAD_BYTES = 512
"""Room for what Kafka adds to a record: its key's length, the batch's head."""

UNKNOWN_TOPIC = 3
NOT_PERMITTED = 29


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is on the cluster.

    `partitions` is 0 where it is missing; `settings` is empty where they may not be read; `problem` is empty where it
    is right.
    """

    name: str
    partitions: int
    copies: int
    settings: dict[str, str]
    problem: str

    @property
    def kept_s(self) -> float | None:
        """Seconds after which records are removed; None where they stay, or the settings may not be read."""
        if "delete" not in self.settings.get("cleanup.policy", ""):
            return None
        kept_ms = int(self.settings.get("retention.ms", -1))
        return kept_ms / 1000 if kept_ms >= 0 else None


def require_topics(cluster: Cluster, timeout_s: float) -> list[TopicState]:
    """All topics as the cluster has them; raises ConfigError unless it lets us in and they are as they must be."""
    _require_reached(cluster, timeout_s)
    try:
        states = _describe(cluster)
    except KafkaError as error:
        raise ConfigError(f"cannot use Kafka at {cluster.servers}: {short_reason(error)}") from error
    missing = [state.name for state in states if not state.partitions]
    if missing:
        raise ConfigError(
            f"Kafka at {cluster.servers} lacks the topics {', '.join(missing)}, or {cluster.access.user} has no ACL "
            f"(Describe) on them; make them with `corridor topics create {_asked(cluster)}`"
        )
    for state in states:
        if state.problem:
            raise ConfigError(f"the topic {state.name} on Kafka at {cluster.servers} {state.problem}")
    hidden = [state.name for state in states if not state.settings]
    if hidden:
        logger.warning(
            "the settings of %s on Kafka cannot be checked: %s has no ACL (DescribeConfigs) on them",
            ", ".join(hidden),
            cluster.access.user,
        )
    return states


def describe_topics(cluster: Cluster, *, connect_timeout_s: float = 10.0) -> list[TopicState]:
    """All topics that Corridor uses, and what the cluster has of them; raises ConfigError or LogError."""
    _require_reached(cluster, connect_timeout_s)
    with translated_errors(cluster, "list the topics"):
        return _describe(cluster)


def create_topics(cluster: Cluster, *, replication: int = 1, connect_timeout_s: float = 10.0) -> list[str]:
    """Make the topics that are missing and return their names; raises ConfigError or LogError."""
    _require_reached(cluster, connect_timeout_s)
    with translated_errors(cluster, "create the topics"), cluster.admin() as admin:
        found = _partitions(admin, cluster)
        wanted = {}
        for layout in LAYOUTS:
            name = cluster.topic(layout.name)
            if name not in found:
                wanted[name] = {
                    "num_partitions": layout.partitions,
                    "replication_factor": replication,
                    "configs": settings_of(layout, replication),
                }
            elif problem := _problem(layout, *found[name], {}):
                raise ConfigError(f"the topic {name} on Kafka at {cluster.servers} {problem}")
        if not wanted:
            return []
        try:
            admin.create_topics(wanted, timeout_ms=30_000)
        except InvalidReplicationFactorError as error:
            brokers = len(admin.describe_cluster()["brokers"])
            raise ConfigError(
                f"--replication {replication} needs as many brokers; Kafka at {cluster.servers} has {brokers}"
            ) from error
        except TopicAlreadyExistsError:
            pass  # somebody else is making them
        admin.wait_for_topics(list(wanted), timeout_ms=30_000)
    return list(wanted)


def settings_of(layout: Layout, replication: int) -> dict[str, str]:
    """A topic's settings on Kafka."""
    policies = ["compact"] if layout.compacted else []
    settings = {"min.insync.replicas": str(min(2, replication)), "retention.ms": "-1"}
    settings["message.timestamp.type"] = "CreateTime"  # a copy keeps the append times of what it was copied from
    if layout.retention_days is not None:
        policies.append("delete")
        settings["retention.ms"] = str(layout.retention_days * DAY_MS)
    if layout.compacted:
        # The segment that is written to is never compacted: a short one keeps a restore short.
        settings |= {
            "segment.bytes": str(8 * 1024 * 1024),
            "segment.ms": str(10 * 60 * 1000),
            "min.cleanable.dirty.ratio": "0.2",
            "max.compaction.lag.ms": str(60 * 60 * 1000),
        }
    return settings | {"cleanup.policy": ",".join(policies) or "delete"}


def _problem(layout: Layout, partitions: int, copies: int, settings: dict[str, str]) -> str:
    """Reason why a topic is unfit, with what mends it, or nothing; settings that nobody could read are no reason."""
    if not partitions:
        return "missing"
    if partitions != layout.partitions:
        return (
            f"has {partitions} partitions and must have {layout.partitions}: `corridor topics create` did not make it"
        )
    if not settings:
        return ""
    wanted = settings_of(layout, copies)
    policy = wanted["cleanup.policy"]
    if set(settings["cleanup.policy"].split(",")) != set(policy.split(",")):
        return f"has cleanup.policy={settings['cleanup.policy']} and loses what it must keep: set {policy}"
    if settings.get("message.timestamp.type", "CreateTime") != "CreateTime":
        return "has message.timestamp.type=LogAppendTime, and a copy of it would be another log: set CreateTime"
    least = MAX_RECORD_BYTES + BATCH_OVERHEAD_BYTES
    if int(settings["max.message.bytes"]) < least:
        return f"has max.message.bytes={settings['max.message.bytes']} and would refuse records: set {least} or more"
    if int(settings["min.insync.replicas"]) > copies:
        return (
            f"has min.insync.replicas={settings['min.insync.replicas']} and {copies} copies, so that nothing can be "
            f"written: set {wanted['min.insync.replicas']}"
        )
    return ""


def _require_reached(cluster: Cluster, timeout_s: float) -> None:
    """Raise ConfigError, with the reason, unless a broker takes us in."""
    try:
        cluster.reach(timeout_s, patient=False)
    except UnreachableError as error:
        if error.lasting:
            raise ConfigError(f"cannot use Kafka: {error.args[0]}") from error
        raise ConfigError(
            f"no Kafka broker answers at {cluster.servers} within {timeout_s:g} s: {error.args[0]} "
            "(is it running? `make kafka` starts one for development; or mend log.url)"
        ) from error


def _describe(cluster: Cluster) -> list[TopicState]:
    with cluster.admin() as admin:
        found = _partitions(admin, cluster)
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in found]
        described = admin.describe_configs(asked, config_filter="all").get("topic", {}) if asked else {}
    states = []
    for layout in LAYOUTS:
        name = cluster.topic(layout.name)
        partitions, copies = found.get(name, (0, 0))
        # A topic that may not be looked at comes without settings, and without an error.
        settings = {key: str(entry["value"]) for key, entry in described.get(name, {}).items()}
        problem = _problem(layout, partitions, copies, settings)
        states.append(TopicState(name, partitions, copies, settings, problem))
    return states


def _partitions(admin: Any, cluster: Cluster) -> dict[str, tuple[int, int]]:
    """Partitions and copies of those of our topics that there are, or that we may know of."""
    found = {}
    for topic in admin.describe_topics([cluster.topic(layout.name) for layout in LAYOUTS]):
        if topic["error_code"] == 0:
            copies = min((len(part["replica_nodes"]) for part in topic["partitions"]), default=0)
            found[topic["name"]] = (len(topic["partitions"]), copies)
        elif topic["error_code"] not in (UNKNOWN_TOPIC, NOT_PERMITTED):
            raise for_code(topic["error_code"])(topic["name"])
    return found


def _asked(cluster: Cluster) -> str:
    """Argument of `corridor topics create` for this cluster: a URL knows neither prefix nor access."""
    return f"kafka://{cluster.servers}" if cluster.access == OPEN and not cluster.prefix else "FILE"
