"""Ways in that work, and the one line that each wrong one ends with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.log.brokers.access import OPEN, Access
from deploy.log.brokers.topics import describe_topics, require_topics
from deploy.log.kafka_cluster import Cluster, UnreachableError
from deploy.log.settings import SaslSettings, TlsSettings
from ingest.errors import ConfigError
from tests.integration.kafka_secured.certificates import lock
from tests.integration.kafka_secured.secured_broker import SecuredBroker

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def _locked(broker: SecuredBroker, monkeypatch: pytest.MonkeyPatch) -> Access:
    """Mutual TLS with a key that is locked by a password in the environment."""
    monkeypatch.setenv("KEY_PASSWORD", "of the key")
    certificate = broker.authority.issue("admin")
    key = lock(certificate, "of the key")
    ca = str(broker.authority.ca)
    return Access(TlsSettings(ca=ca, certificate=str(certificate), key=str(key), key_password="env:KEY_PASSWORD"))


WAYS_IN: dict[str, Callable[[SecuredBroker, pytest.MonkeyPatch], tuple[str, Access]]] = {
    "scram over TLS": lambda broker, _: (broker.scram, broker.access("admin")),
    "mutual TLS": lambda broker, _: (broker.mtls, broker.certified("admin")),
    "mutual TLS with a locked key": lambda broker, patch: (broker.mtls, _locked(broker, patch)),
}


@pytest.mark.parametrize("way", WAYS_IN.values(), ids=WAYS_IN)
def test_a_way_in(
    way: Callable[[SecuredBroker, pytest.MonkeyPatch], tuple[str, Access]],
    broker: SecuredBroker,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, access = way(broker, monkeypatch)
    require_topics(Cluster(server, prefix, access), 10.0)


def _tls(broker: SecuredBroker, **keys: str) -> TlsSettings:
    return TlsSettings(ca=str(broker.authority.ca), **keys)


def _strangers_certificate(broker: SecuredBroker) -> Access:
    return Access(_tls(broker, certificate=str(broker.stranger.issue("admin"))))


WRONG: dict[str, tuple[Callable[[SecuredBroker], tuple[str, Access]], str]] = {
    "plaintext against TLS": (lambda b: (b.mtls, OPEN), r"speaks TLS and nothing else: add \[log\.tls\]"),
    "plaintext against SASL_SSL": (lambda b: (b.scram, OPEN), r"speaks TLS and nothing else: add \[log\.tls\]"),
    "TLS against plaintext": (lambda b: (b.plain, Access(_tls(b))), r"it speaks no TLS: name the port"),
    "an authority that is not trusted": (
        lambda b: (b.scram, Access(TlsSettings(ca=str(b.stranger.ca)), b.access("admin").sasl)),
        r"its certificate is not trusted \(.*\): name its authority in log\.tls\.ca",
    ),
    "the system's authorities": (
        lambda b: (b.scram, Access(TlsSettings(), b.access("admin").sasl)),
        r"its certificate is not trusted",
    ),
    "another host's certificate": (
        lambda b: (b.scram.replace("127.0.0.1", "localhost"), b.access("admin")),
        r"its certificate is another host's \(.*\): mend log\.url",
    ),
    "no client certificate": (lambda b: (b.mtls, Access(_tls(b))), r"asks for a client's certificate"),
    "a stranger's client certificate": (
        lambda b: (b.mtls, _strangers_certificate(b)),
        r"asks for a client's certificate and refuses this one",
    ),
    "a wrong password": (
        lambda b: (b.scram, b.access("admin", password=f"file:{b.authority.ca}")),
        r"refuses user 'admin': the name or the password is wrong",
    ),
    "a user that nobody knows": (
        lambda b: (b.scram, b.access("admin", user="adnim")),
        r"refuses user 'adnim': the name or the password is wrong",
    ),
    "another mechanism": (
        lambda b: (b.scram, b.access("admin", mechanism="SCRAM-SHA-256")),
        r"does not take SCRAM-SHA-256 \(it takes SCRAM-SHA-512\): mend log\.sasl\.mechanism",
    ),
    "a user where none is asked for": (
        lambda b: (b.mtls, Access(b.certified("admin").tls, b.access("admin").sasl)),
        r"it asks for no user: remove \[log\.sasl\]",
    ),
    "no user where one is asked for": (
        lambda b: (b.scram, Access(_tls(b))),
        r"it asks for a user: add \[log\.sasl\]",
    ),
    "a password that is not there": (
        lambda b: (b.scram, b.access("admin", password="env:NO_SUCH_VARIABLE")),
        r"environment variable NO_SUCH_VARIABLE named by log\.sasl\.password is not set",
    ),
    "a certificate that is none": (
        lambda b: (b.mtls, Access(_tls(b, certificate=__file__))),
        r"log\.tls\.certificate: cannot use .*test_ways_in\.py",
    ),
    "an authority that is none": (
        lambda b: (b.mtls, Access(TlsSettings(ca=__file__))),
        r"log\.tls\.ca: cannot use .*test_ways_in\.py",
    ),
    "a locked key without its password": (
        lambda b: (
            b.mtls,
            Access(_tls(b, certificate=str(c := b.authority.issue("admin")), key=str(lock(c, "x" * 8)))),
        ),
        r"a locked key needs log\.tls\.key_password",
    ),
    "an address that nobody listens at": (lambda b: ("127.0.0.1:1", b.access("admin")), r"connection refused"),
}


@pytest.mark.parametrize(("way", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_way_in_ends_with_its_reason(
    way: Callable[[SecuredBroker], tuple[str, Access]], words: str, broker: SecuredBroker
) -> None:
    server, access = way(broker)
    with pytest.raises(ConfigError, match=words) as raised:
        describe_topics(Cluster(server, access=access), connect_timeout_s=0.5)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_password_that_changes_is_read_anew(broker: SecuredBroker) -> None:
    access = broker.access("admin")
    assert access.sasl is not None
    stored = Path(access.sasl.password.removeprefix("file:"))
    cluster = Cluster(broker.scram, access=access)
    stored.write_text("the old one")
    with pytest.raises(UnreachableError, match="the password is wrong"):
        cluster.reach(0.0)
    broker.access("admin")
    cluster.reach(5.0)


def test_a_wrong_password_is_not_tried_again_and_again(broker: SecuredBroker) -> None:
    """At the start, that is: accounts get locked by that."""
    cluster = Cluster(broker.scram, access=broker.access("admin", user="nobody-at-all"))
    began = cluster.clock.monotonic_s()
    with pytest.raises(ConfigError, match="is wrong"):
        describe_topics(cluster, connect_timeout_s=60.0)
    assert cluster.clock.monotonic_s() - began < 30.0


def test_settings_are_of_use_together() -> None:
    sasl = SaslSettings(user="a", password="env:A")
    assert Access(TlsSettings(), sasl).user == "user 'a'"
    assert "without a user" in OPEN.user
