"""The address of a log: `sqlite:PATH`, or `kafka://HOST:PORT[,HOST:PORT]`."""

import re
from pathlib import Path

from ingest.errors import ConfigError
from ingest.redact import remember_secrets_of

_HOST = re.compile(r"^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$")


def check_log_url(url: str) -> None:
    """Refuse a URL that names no kind of log; raises ConfigError. A password in it is masked from now on."""
    remember_secrets_of(url)
    scheme, _, rest = url.partition(":")
    if scheme == "kafka":
        parse_kafka_url(url)
    elif scheme != "sqlite" or not rest:
        raise ConfigError(f"log.url '{url}' is not known (use sqlite:PATH or kafka://HOST:PORT)")


def parse_kafka_url(url: str) -> str:
    """`kafka://HOST:PORT[,HOST:PORT]` to `HOST:PORT[,HOST:PORT]`; raises ConfigError, without repeating a password."""
    scheme, _, rest = url.partition("://")
    if "@" in rest:
        raise ConfigError(
            "log.url has a user or a password in it; use kafka://HOST:PORT[,HOST:PORT], and [log.sasl] for the user"
        )
    hosts = [host.strip() for host in rest.rstrip("/").split(",")]
    ports = [_HOST.match(host) for host in hosts]
    if scheme != "kafka" or not all(port and 0 < int(port[1]) < 65536 for port in ports):
        raise ConfigError(f"log.url '{url}' is not a Kafka address; use kafka://HOST:PORT[,HOST:PORT]")
    return ",".join(hosts)


def log_url(name: str) -> str:
    """The URL of a log that is named by its URL, or by the path of a log on this machine."""
    return name if ":" in name else f"sqlite:{name}"


def on_this_machine(url: str) -> bool:
    """True where the log is a file on this machine, there or not; any other may be away for a while."""
    return url.startswith("sqlite:")


def sqlite_path(url: str) -> Path:
    """The file of a log on this machine."""
    return Path(url.removeprefix("sqlite:")).expanduser()
