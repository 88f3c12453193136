"""The `[log]` table, and the sentence for what goes together badly."""

import msgspec
import pytest

from deploy.log.address import parse_kafka_url
from deploy.log.settings import LogSettings, SaslSettings, TlsSettings, check_log
from deploy.site.config import parse_config
from ingest.errors import ConfigError

CAMERA = '[[cameras]]\nid = "north"\nsource = "rtsp://10.0.0.1/stream"\n'
KAFKA = 'url = "kafka://kafka.example:9093"\n'
USER = '[log.sasl]\nuser = "cameras"\npassword = "env:KAFKA_PASSWORD"\n'

RIGHT: dict[str, tuple[str, LogSettings]] = {
    "open to all": (KAFKA, LogSettings(url="kafka://kafka.example:9093")),
    "a site of several": (
        f'{KAFKA}prefix = "north."\n',
        LogSettings(url="kafka://kafka.example:9093", prefix="north."),
    ),
    "TLS as the system trusts it": (
        f"{KAFKA}[log.tls]\n",
        LogSettings(url="kafka://kafka.example:9093", tls=TlsSettings()),
    ),
    "a user": (
        f"{KAFKA}[log.tls]\n{USER}",
        LogSettings(
            url="kafka://kafka.example:9093",
            tls=TlsSettings(),
            sasl=SaslSettings(user="cameras", password="env:KAFKA_PASSWORD", mechanism="SCRAM-SHA-512"),
        ),
    ),
    "a certificate": (
        f'{KAFKA}[log.tls]\nca = "ca.pem"\ncertificate = "a.pem"\nkey = "a.key"\nkey_password = "file:a.txt"\n',
        LogSettings(
            url="kafka://kafka.example:9093",
            tls=TlsSettings(ca="ca.pem", certificate="a.pem", key="a.key", key_password="file:a.txt"),
        ),
    ),
    "an age on SQLite": (
        'url = "sqlite:a.db"\nkeep_days = 7\n',
        LogSettings(url="sqlite:a.db", keep_days=7.0),
    ),
}


@pytest.mark.parametrize(("text", "settings"), RIGHT.values(), ids=RIGHT)
def test_what_goes_together(text: str, settings: LogSettings) -> None:
    expected = msgspec.structs.replace(settings, spool="runs/site/spool")
    assert parse_config(f"{CAMERA}[log]\n{text}", "site.toml").log == expected


WRONG: dict[str, tuple[str, str]] = {
    "a prefix on SQLite": ('prefix = "north."', r"log\.prefix is for a log on Kafka, and log\.url is sqlite:"),
    "TLS on SQLite": ("[log.tls]", r"log\.tls is for a log on Kafka"),
    "a prefix that is no name": (f'{KAFKA}prefix = "north/"', r"key 'log\.prefix'"),
    "a prefix that is too long": (f'{KAFKA}prefix = "{"n" * 65}"', r"key 'log\.prefix'"),
    "a user without TLS": (f"{KAFKA}{USER}", r"\[log\.sasl\] needs \[log\.tls\]"),
    "a password as it is": (
        f'{KAFKA}[log.tls]\n[log.sasl]\nuser = "a"\npassword = "hunter22"',
        r"key 'log\.sasl\.password': it must be 'env:NAME' or 'file:PATH'",
    ),
    "a mechanism that sends the password": (
        f'{KAFKA}[log.tls]\n{USER}mechanism = "PLAIN"',
        r"key 'log\.sasl\.mechanism'",
    ),
    "a user without a password": (f'{KAFKA}[log.tls]\n[log.sasl]\nuser = "a"', r"log\.sasl\.password' is missing"),
    "a key without a certificate": (
        f'{KAFKA}[log.tls]\nkey = "a.key"',
        r"log\.tls\.key is of no use without log\.tls\.cert",
    ),
    "a key's password as it is": (
        f'{KAFKA}[log.tls]\ncertificate = "a.pem"\nkey_password = "hunter22"',
        r"log\.tls\.key_password must be 'env:NAME' or 'file:PATH'",
    ),
    "an age on Kafka": (f"{KAFKA}keep_days = 7", r"log\.keep_days is for a log on SQLite"),
    "no port": ('url = "kafka://a"', r"'kafka://a' is not a Kafka address"),
    "a port beyond": ('url = "kafka://a:9092,b:65536"', r"is not a Kafka address"),
    "a key that there is not": ("retention = 7", r"retention"),
    "an age of nothing": ("keep_days = 0", r"key 'log\.keep_days'"),
    "a password in the address": ('url = "kafka://me:hunter22@a:9092"', r"\[log\.sasl\] for the user"),
}


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_what_does_not(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        parse_config(f"{CAMERA}[log]\n{text}", "site.toml")
    assert "hunter22" not in str(raised.value)


def test_an_address_is_of_kafka() -> None:
    assert parse_kafka_url("kafka://a:9092, b:1/") == "a:9092,b:1"
    for url in ("http://a:9092", "zookeeper://a:9092", "kafka://a:0", "kafka://a"):
        with pytest.raises(ConfigError, match=f"'{url}' is not a Kafka address"):
            parse_kafka_url(url)


def test_a_url_alone_is_checked_too() -> None:
    check_log(LogSettings(url="sqlite:runs/site/corridor.db"))
    with pytest.raises(ConfigError, match="is not known"):
        check_log(LogSettings(url="redis://a"))
