"""Settings of the log: where it is, and how a client gets in."""

from typing import Annotated, Literal

import msgspec

from deploy.log.address import check_log_url
from ingest.errors import ConfigError, error_context
from ingest.stored_secret import check_place

Prefix = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{0,64}\Z")]
"""Characters that Kafka allows in the name of a topic."""


class TlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[log.tls]` table: connections to Kafka are encrypted, and every broker proves its name by its certificate.

    ca: PEM file of the authorities whose certificates are trusted; without it those that the system trusts.
    certificate: PEM file of this client's certificate, for brokers that ask for one (mutual TLS).
    key: PEM file of its private key; without it the key stands in the file of the certificate.
    key_password: place of the key's password: `env:NAME` or `file:PATH`.
    """

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    key_password: str | None = None


class SaslSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[log.sasl]` table: user and password for Kafka, over TLS only.

    user: name of the user.
    password: place of the password: `env:NAME` or `file:PATH`; read at every connection.
    mechanism: the way in which the password is proven without being sent.
    """

    user: Annotated[str, msgspec.Meta(min_length=1)]
    password: str
    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256"] = "SCRAM-SHA-512"


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[log]` table.

    url: `sqlite:PATH`, relative to the working directory, or `kafka://HOST:PORT[,HOST:PORT]`; by default
        below the configuration's name (`parse_config`), so that every site has a log of its own.
    prefix: what stands before every topic and transactional id of this site on Kafka, such as `north.`: sites that
        share a cluster have different ones.
    tls: encryption of the connections to Kafka: the table `[log.tls]`, empty or not.
    sasl: user and password for Kafka: the table `[log.sasl]`.
    connect_timeout_s: seconds to wait for a broker at the start.
    keep_days: days after which records of a log on SQLite are removed, but for observations that association has not
        read; without it all of them stay. On Kafka every topic has a retention of its own.
    spool_mb: megabytes of a camera's observations that are held on disk while the log cannot be written.
    spool: folder in which they are held, on Kafka; by default below the configuration's name.
    """

    url: str
    prefix: Prefix = ""
    tls: TlsSettings | None = None
    sasl: SaslSettings | None = None
    connect_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    keep_days: Annotated[float, msgspec.Meta(gt=0)] | None = None
    spool_mb: Annotated[float, msgspec.Meta(gt=0)] = 16.0
    spool: str = "runs/spool"


def check_log(settings: LogSettings) -> None:
    """Refuse an address that is none, and ways in that do not go together; raises ConfigError."""
    check_log_url(settings.url)
    given = [name for name in ("prefix", "tls", "sasl") if getattr(settings, name)]
    if given and not settings.url.startswith("kafka:"):
        raise ConfigError(f"log.{given[0]} is for a log on Kafka, and log.url is {settings.url}")
    if settings.keep_days is not None and settings.url.startswith("kafka:"):
        raise ConfigError(
            "log.keep_days is for a log on SQLite; on Kafka records stay for the retention.ms of their topic"
        )
    if settings.sasl is not None:
        with error_context("key 'log.sasl.password'"):
            check_place(settings.sasl.password, "it")
        if settings.tls is None:
            raise ConfigError(
                "[log.sasl] needs [log.tls]: without it everything after the password could be read and changed on the "
                "way (an empty table [log.tls] will do where the system trusts the brokers' certificates)"
            )
    if settings.tls is not None:
        _check_tls(settings.tls)


def _check_tls(tls: TlsSettings) -> None:
    for name, needs in (("key", "certificate"), ("key_password", "certificate")):
        if getattr(tls, name) is not None and getattr(tls, needs) is None:
            raise ConfigError(f"log.tls.{name} is of no use without log.tls.{needs}")
    if tls.key_password is not None:
        check_place(tls.key_password, "log.tls.key_password")
