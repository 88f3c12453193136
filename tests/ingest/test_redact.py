"""Passwords stay out of what people read."""

import logging
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.redact import MASK, RedactingFilter, redact
from ingest.secrets import PLACEHOLDER

PASSWORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<>"), min_size=4, max_size=20).filter(
    lambda text: not text.isspace() and MASK not in text
)
TYPED = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=16).filter(
    lambda t: "***" not in t and t != PLACEHOLDER
)
HOSTS = st.sampled_from(["10.0.0.7", "cam.example.org:554", "[::1]", "[2001:db8::7]:8554"])
USERS = st.sampled_from(["admin", "a.b-c_d", "ad%20min", ""])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://admin:s3cret@10.0.0.7/1", "rtsp://admin:***@10.0.0.7/1"),
        ("'rtsp://a.b:p%40%2Fw@[::1]:554/1'", "'rtsp://a.b:***@[::1]:554/1'"),
        ("rtsp://u:p@ss/w:rd@host/1 broke", "rtsp://u:***@host/1 broke"),
        ("rtsp://:only@host/1", "rtsp://:***@host/1"),
        ("http://h/x?user=joe&password=s3cret&n=1", "http://h/x?user=joe&password=***&n=1"),
        ("http://h/x?USR=joe&PWD=s3cret", "http://h/x?USR=joe&PWD=***"),
        ("Authorization: Digest username=x, response=abc", "Authorization: ***"),
        ("rtsp://admin@10.0.0.7:554/1", "rtsp://admin@10.0.0.7:554/1"),
        ("rtsp://[::1]:554/1 and 5:30", "rtsp://[::1]:554/1 and 5:30"),
        ("topic=cameras key=north", "topic=cameras key=north"),
        ("nothing to see: x@y.z", "nothing to see: x@y.z"),
        ("", ""),
    ],
)
def test_known_forms(text: str, expected: str) -> None:
    assert redact(text) == expected


@given(PASSWORDS, USERS, HOSTS)
def test_a_password_in_a_url_needs_not_be_known(password: str, user: str, host: str) -> None:
    clean = redact(f"Cannot open 'rtsp://{user}:{quote(password, safe='')}@{host}/1': refused")
    assert clean == f"Cannot open 'rtsp://{user}:***@{host}/1': refused"


@given(TYPED, USERS, HOSTS)
def test_nor_be_encoded_if_it_has_no_space(password: str, user: str, host: str) -> None:
    assert redact(f"rtsp://{user}:{password}@{host}/1") == f"rtsp://{user}:***@{host}/1"


@given(PASSWORDS, st.sampled_from(["password", "pwd", "Pass", "token", "api_key"]))
def test_a_password_in_a_query(password: str, name: str) -> None:
    text = f"http://10.0.0.7/video?user=joe&{name}={quote(password, safe='')}&channel=1"
    assert redact(text) == f"http://10.0.0.7/video?user=joe&{name}=***&channel=1"


@given(PASSWORDS.filter(lambda secret: secret not in "opening failed with an error"))
def test_a_known_secret_is_found_in_any_encoding(secret: str) -> None:
    every_byte = "".join(f"%{byte:02x}" for byte in secret.encode())
    for form in (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), every_byte):
        assert redact(f"opening <{form}> failed with an error", [secret]) == "opening <***> failed with an error"


def test_an_encoded_per_cent_sign_leaves_nothing_behind() -> None:
    assert redact("opening <000%25>", ["000%"]) == "opening <***>"


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert redact("abcdef abc", ["abc", "abcdef"]) == "*** ***"
    assert redact("text", [""]) == "text"


def test_a_log_record_is_clean_with_its_arguments_and_its_traceback() -> None:
    records: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(self.format(record))

    logger = logging.Logger("test")
    handler = Keep()
    guard = RedactingFilter()
    guard.add("s3cret")
    handler.addFilter(guard)
    logger.addHandler(handler)
    try:
        raise OSError("Connection refused: 'rtsp://admin:s3cret@h/1'")
    except OSError:
        logger.exception("cannot open %s for %s", "rtsp://a:pw@h/1", "s3cret")
    assert len(records) == 1
    assert "cannot open rtsp://a:***@h/1 for ***" in records[0]
    assert "rtsp://admin:***@h/1" in records[0]
    assert "s3cret" not in records[0]


def test_a_name_that_is_not_utf_8_is_shown_escaped_with_its_secret_masked() -> None:
    assert redact("no file f\udcfcr/x?pwd=p\udcfcss") == "no file f\\udcfcr/x?pwd=***"
    assert redact("a password of such a byte: p%FCss", ["p\udcfcss"]) == "a password of such a byte: ***"
