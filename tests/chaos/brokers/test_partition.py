"""The network between a site and its broker is cut for a while: nothing is lost or said twice, and the site goes on."""

import sys
import time
import uuid
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from tests.chaos.brokers.distant import MESSAGES, PART, PARTS
from tests.chaos.brokers.network import DistantBroker, blackhole, inside, link_down, namespace
from tests.chaos.checker import EVERYTHING, Name, check
from tests.chaos.traffic import new_associator
from tests.contracts.kafka_broker import started
from tests.integration.kafka_log.waiting import wait_until

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

CUTS = ((blackhole, 1), (link_down, 2))
"""Ways to cut the network, and the parts of the traffic meanwhile, `PART_S` apart.

Clients wait 5 s for an answer, and the spool 10 s for its producer. What was sent before that may still arrive.
"""
PART_S = 6.0
PATIENCE_S = 90.0


def test_a_network_that_is_cut_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with namespace():
        broker = started(DistantBroker)
        cluster = Cluster(broker.servers, f"t{uuid.uuid4().hex[:8]}.")
        create_topics(cluster)
        command = [sys.executable, "-m", "tests.chaos.brokers.distant", broker.distant, cluster.prefix, str(tmp_path)]
        with closing(KafkaLog(cluster)) as log, inside(*command) as process:
            assert process.stdin is not None
            assert process.stdout is not None

            def say() -> None:
                print(file=process.stdin, flush=True)

            say()
            wait_until(lambda: log.end(OBSERVATIONS) >= PART, PATIENCE_S)
            done = 1
            for cut, parts in CUTS:
                cut(True)
                try:
                    for _ in range(parts):
                        say()
                        time.sleep(PART_S)
                    reached = log.end(OBSERVATIONS)
                finally:
                    cut(False)  # else the process would wait for the broker for ever
                assert reached <= done * PART, "the network was not cut"
                done += parts
                whole = len(MESSAGES) if done == PARTS else done * PART
                wait_until(lambda whole=whole: log.end(OBSERVATIONS) >= whole, PATIENCE_S)  # type: ignore[misc]
            said = msgspec.json.decode(process.stdout.read(), type=list[Name])
            events = [record.value for record in log.read(TRAJECTORIES, 0, EVERYTHING)]
            found = check(log, said, events, new_associator(), tmp_path / "again.db")
        broker.discard()
    assert len(said) == len(MESSAGES)
    assert events
    assert not found.violations
