"""Access to a Kafka cluster: what its listener asks of a client, and the clients' settings that follow from it."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.log.settings import SaslSettings, TlsSettings
from ingest.errors import ConfigError
from ingest.stored_secret import read_secret

REQUEST_TIMEOUT_S = 5.0
DELIVERY_TIMEOUT_S = 8.0
"""Longest time to the acknowledgement of a record; a flush is over by then."""
TRANSACTION_TIMEOUT_S = 15.0
"""Time after which the broker aborts what a dead writer has left open; until then readers wait for it."""
BLOCK_TIMEOUT_S = 10.0
APPENDING_LINGER_S = 0.005
"""Wait for more records to a request: those that come are handed over together already."""


@dataclass(frozen=True, slots=True)
class Access:
    """A way in: by TLS, by TLS with a user and password, or, by default, open to all.

    Certificates and passwords are read at every connection, so that renewed ones are taken up without a restart.
    """

    tls: TlsSettings | None = None
    sasl: SaslSettings | None = None

    @property
    def user(self) -> str:
        """The user that a broker knows the client as, in words."""
        if self.sasl is not None:
            return f"user '{self.sasl.user}'"
        if self.tls is not None and self.tls.certificate is not None:
            return f"the user of certificate {self.tls.certificate}"
        return "a client without a user"

    def tls_context(self) -> ssl.SSLContext | None:
        """Settings of a TLS connection, None without TLS; raises ConfigError for files that cannot be used."""
        if self.tls is None:
            return None
        try:
            context = ssl.create_default_context(cafile=_path(self.tls.ca))
        except OSError as error:
            raise ConfigError(f"log.tls.ca: cannot use {self.tls.ca}: {_words(error)}") from error
        if self.tls.certificate is not None:
            _load_certificate(context, self.tls)
        return context

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments that every client of kafka-python takes for this access; raises ConfigError."""
        if self.tls is None:
            return {"security_protocol": "PLAINTEXT"}
        encrypted = {"ssl_context": self.tls_context()}
        if self.sasl is None:
            return {"security_protocol": "SSL", **encrypted}
        return {
            "security_protocol": "SASL_SSL",
            **encrypted,
            "sasl_mechanism": self.sasl.mechanism,
            "sasl_plain_username": self.sasl.user,
            "sasl_plain_password": read_secret(self.sasl.password, "log.sasl.password"),
        }


OPEN = Access()
"""The access of a cluster that asks nobody for anything."""


def client_arguments(servers: str, access: Access) -> dict[str, Any]:
    """The keyword arguments of any client: producer, consumer, admin. Raises ConfigError."""
    return {
        "bootstrap_servers": servers,
        "client_id": "corridor",
        "request_timeout_ms": milliseconds(REQUEST_TIMEOUT_S),
        "bootstrap_timeout_ms": milliseconds(REQUEST_TIMEOUT_S),
        "reconnect_backoff_ms": 50,
        "reconnect_backoff_max_ms": 1000,
        **access.arguments(),
    }


def consumer_arguments(servers: str, access: Access, *, committed: bool) -> dict[str, Any]:
    """Those of a consumer of committed records, or of all, in no group; raises ConfigError."""
    return {
        **client_arguments(servers, access),
        "isolation_level": "read_committed" if committed else "read_uncommitted",
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
        # Nobody waits for records on the broker, where the next question would queue behind.
        "fetch_max_wait_ms": 1,
        "retry_backoff_ms": 20,
    }


def producer_arguments(servers: str, access: Access, transactional_id: str) -> dict[str, Any]:
    """Those of a producer of transactions; raises ConfigError."""
    return {
        **client_arguments(servers, access),
        "transactional_id": transactional_id,
        "transaction_timeout_ms": milliseconds(TRANSACTION_TIMEOUT_S),
        "delivery_timeout_ms": milliseconds(DELIVERY_TIMEOUT_S),
        "max_block_ms": milliseconds(BLOCK_TIMEOUT_S),
        "max_in_flight_requests_per_connection": 1,
        "batch_size": 256 * 1024,
        "compression_type": "lz4",
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
        # The next transaction waits for the last one's markers in steps of this: it decides the latency.
        "retry_backoff_ms": 5,
    }


def appending_arguments(servers: str, access: Access) -> dict[str, Any]:
    """Those of an idempotent producer without transactions; raises ConfigError.

    A batch that was sent and exceeds the delivery timeout wedges the client for good, so the timeout is longer than
    any outage; whoever uses the producer gives it up for a new one instead.
    """
    return {
        **client_arguments(servers, access),
        "acks": "all",
        "delivery_timeout_ms": 2**31 - 1,
        "max_block_ms": milliseconds(BLOCK_TIMEOUT_S),
        "max_in_flight_requests_per_connection": 5,
        "linger_ms": milliseconds(APPENDING_LINGER_S),
        "batch_size": 256 * 1024,
        "compression_type": "lz4",
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
        "retry_backoff_ms": 20,
    }


def milliseconds(seconds: float) -> int:
    """Seconds as the client takes them."""
    return round(seconds * 1000)


def _load_certificate(context: ssl.SSLContext, tls: TlsSettings) -> None:
    # Without a password OpenSSL would ask for one at the terminal.
    password = "" if tls.key_password is None else read_secret(tls.key_password, "log.tls.key_password")
    try:
        context.load_cert_chain(str(_path(tls.certificate)), _path(tls.key), lambda: password)
    except OSError as error:
        files = tls.certificate if tls.key is None else f"{tls.certificate} with the key {tls.key}"
        raise ConfigError(
            f"log.tls.certificate: cannot use {files}: {_words(error)} "
            "(both are PEM files; a locked key needs log.tls.key_password)"
        ) from error


def _path(name: str | None) -> str | None:
    return None if name is None else str(Path(name).expanduser())


def _words(error: OSError) -> str:
    """A reason that names no lines of OpenSSL's source."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no certificate in it").replace("_", " ").lower()
    return error.strerror or str(error)
