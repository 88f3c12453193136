"""Opening of a log by its URL."""

from pathlib import Path

from deploy.log.base import Log
from ingest.errors import ConfigError
from ingest.redact import remember_secrets_of


def check_log_url(url: str) -> None:
    """Refuse a URL that names no kind of log; raises ConfigError. A password in it is masked from now on."""
    remember_secrets_of(url)
    scheme, _, rest = url.partition(":")
    if scheme == "kafka":
        from deploy.log.kafka_cluster import parse_kafka_url

        parse_kafka_url(url)
    elif scheme != "sqlite" or not rest:
        raise ConfigError(f"log.url '{url}' is not known (use sqlite:PATH or kafka://HOST:PORT)")


def on_this_machine(url: str) -> bool:
    """True where the log is a file on this machine, there or not; any other may be away for a while."""
    return url.startswith("sqlite:")


def sqlite_path(url: str) -> Path:
    """The file of a log on this machine."""
    return Path(url.removeprefix("sqlite:")).expanduser()


def open_log(url: str, *, must_exist: bool = False, connect_timeout_s: float = 10.0) -> Log:
    """The log of a URL; `must_exist` for those who only read. Raises ConfigError or LogError."""
    check_log_url(url)
    if url.startswith("kafka:"):
        from deploy.log.kafka_cluster import parse_kafka_url
        from deploy.log.kafka_log import KafkaLog

        return KafkaLog(parse_kafka_url(url), connect_timeout_s=connect_timeout_s)
    from deploy.log.sqlite_log import SqliteLog

    path = sqlite_path(url)
    if must_exist and not path.is_file():
        raise ConfigError(
            f"there is no log {path} in {Path.cwd()} (start `corridor run FILE` first, or name a log with --log)"
        )
    return SqliteLog(path, must_exist=must_exist)
