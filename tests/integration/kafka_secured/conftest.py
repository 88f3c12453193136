"""The secured broker, a site's topics on it, and the rights that docs/operating/kafka.md gives its users."""

import re
import uuid
from contextlib import closing

import pytest

from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.topics import ALL
from tests.conftest import ROOT
from tests.integration.kafka_secured.records import record
from tests.integration.kafka_secured.secured_broker import SecuredBroker, secured_broker

PAGE = (ROOT / "docs" / "operating" / "kafka.md").read_text()


@pytest.fixture(scope="session")
def broker() -> SecuredBroker:
    return secured_broker()


@pytest.fixture(scope="session")
def prefix(broker: SecuredBroker) -> str:
    """The prefix of a site whose topics the admin has made."""
    created = f"t{uuid.uuid4().hex[:8]}."
    create_topics(Cluster(broker.scram, created, broker.access("admin")))
    return created


@pytest.fixture(scope="session")
def granted(broker: SecuredBroker, prefix: str) -> str:
    """The prefix again, after the commands of the docs, as they are written but for the names of cluster and site."""
    (script,) = re.findall(r"```bash\n(site=.*?)```", PAGE, re.DOTALL)
    assert "site=north.\n" in script
    broker.run_acls(script.replace("site=north.", f"site={prefix}").replace("kafka.example:9093", broker.scram))
    # Of an empty topic nobody is refused a record.
    with closing(KafkaLog(Cluster(broker.scram, prefix, broker.access("admin")))) as log:
        log.claim("somebody").commit([record(topic) for topic in ALL])
    return prefix
