"""Every place where a credential can stand in a source, a message or a header."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.redact import MASK, redact, redact_source
from ingest.secrets import PLACEHOLDER, find_secrets
from tests.ingest.credential_urls import PLACES, TYPED, typed_url, url

NOT_OF_THE_URLS = (
    "".join(PLACES.values())
    + "Cannot open: no answer within 5 s admin.b-c_d10.0.0.7cam.example.org:554[2001:db8::7]:8554"
)


def apart(text: str) -> bool:
    """Whether a password can be told from the rest of a message, and is no placeholder."""
    return not text.isspace() and MASK not in text and text not in NOT_OF_THE_URLS and text != PLACEHOLDER


PASSWORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=20).filter(apart)
VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=16).filter(apart)
HOSTS = st.sampled_from(["10.0.0.7", "cam.example.org:554", "[2001:db8::7]:8554"])
USERS = st.sampled_from(["admin", "a.b-c_d", "ad%20min"])

KNOWN = {
    "xiongmai": (
        "rtsp://10.0.0.7/user=admin_password=correct-horse_channel=1_stream=0.sdp",
        "rtsp://10.0.0.7/user=admin_password=***_channel=1_stream=0.sdp",
    ),
    "ampersands": (
        "rtsp://h/user=admin&password=tlJwpbo6&channel=1&stream=0.sdp?",
        "rtsp://h/user=admin&password=***&channel=1&stream=0.sdp?",
    ),
    "empty": ("rtsp://h/user=admin_password=_channel=1.sdp", "rtsp://h/user=admin_password=_channel=1.sdp"),
    "placeholder": (
        "rtsp://h/user=admin_password={password}_channel=1.sdp",
        "rtsp://h/user=admin_password={password}_channel=1.sdp",
    ),
    "placeholder in the account": ("rtsp://u:{password}@h/1", "rtsp://u:{password}@h/1"),
    "foscam": ("http://h/v.cgi?loginuse=joe&loginpas=s3cret&n=1", "http://h/v.cgi?loginuse=joe&loginpas=***&n=1"),
    "slash": ("rtsp://admin:pa/ss@h/1", "rtsp://admin:***@h/1"),
    "encoded at": ("rtsp://admin:pass%40h/1", "rtsp://admin:***%40h/1"),
    "encoded colon": ("rtsp://admin%3Apass@h/1", "rtsp://admin%3A***@h/1"),
    "login": ("rtsp://h/video1?login=admin:s3cret", "rtsp://h/video1?login=admin:***"),
    "two": ("rtsp://u:a1b2@h/?pwd=c3d4&n=1", "rtsp://u:***@h/?pwd=***&n=1"),
    "port and mail": ("http://h:80/x?mail=a%40b", "http://h:80/x?mail=a%40b"),
    "dictionary": ("{'sasl_plain_password': 'hunter2', 'n': 1}", "{'sasl_plain_password': '***', 'n': 1}"),
    "JSON": ('{"api_key": "a\\"b", "n": 1}', '{"api_key": "***", "n": 1}'),
    "cookie": ("Cookie: sid=abc; x=1\nnext", "Cookie: ***\nnext"),
    "author": ("author=joe key=north compass", "author=joe key=north compass"),
    "path of a library": ("[Errno 2] 'rtsp:/u:hunter2@h/1'", "[Errno 2] 'rtsp:/u:***@h/1'"),
    "words": (
        "the camera's password is missing: set NORTH_PASSWORD",
        "the camera's password is missing: set NORTH_PASSWORD",
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_forms(name: str) -> None:
    text, expected = KNOWN[name]
    assert redact(text) == expected


SOURCES = {
    "spaces": ("rtsp://u:two words@h/1", "rtsp://u:***@h/1"),
    "spaces in a field": ("rtsp://h/user=a_password=two words_channel=1", "rtsp://h/user=a_password=***_channel=1"),
    "quotes": ("rtsp://h/password=a' b\"c", "rtsp://h/password=***"),
    "no scheme": ("admin:hunter2@10.0.0.7/1", "admin:***@10.0.0.7/1"),
    "a file": ("clips/north.mp4", "clips/north.mp4"),
    "city": ("city://smooth/1", "city://smooth/1"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_read_to_its_end(name: str) -> None:
    source, expected = SOURCES[name]
    assert redact_source(source) == expected


@settings(max_examples=500)
@given(st.sampled_from(sorted(PLACES)), PASSWORDS, USERS, HOSTS)
def test_an_encoded_password_is_found_at_every_place(place: str, password: str, user: str, host: str) -> None:
    source = url(place, password, user=user, host=host)
    clean = url(place, "@@", user=user, host=host)
    before, after = clean.split("%2540%2540" if "%2540" in clean else "%40%40")
    for said in (redact_source(source), redact(f"Cannot open '{source}': no answer within 5 s")):
        # The password is gone whole, and what stands before it is not.
        assert f"{before}{MASK}" in said
        assert password not in said
    if "URL in a URL" not in place and "@" not in after:
        assert redact_source(source) == f"{before}{MASK}{after}"


@settings(max_examples=500)
@given(st.sampled_from(sorted(TYPED)), VISIBLE.filter(lambda text: not {*"&%="} & {*text}), USERS, HOSTS)
def test_a_typed_password_is_found_at_every_place(place: str, password: str, user: str, host: str) -> None:
    source = typed_url(place, password, user=user, host=host)
    for said in (redact_source(source), redact(f"Cannot open {source} now")):
        assert password not in said
        assert MASK in said


@given(st.text(max_size=60))
def test_what_is_masked_stays_masked(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.text(max_size=60))
def test_finds_are_in_order_and_apart(text: str) -> None:
    for source in (True, False):
        found = find_secrets(text, source=source)
        places = [place for each in found for place in (each.start, each.end)]
        assert places == sorted(places)
        assert all(0 <= each.start < each.end <= len(text) for each in found)


@pytest.mark.parametrize("text", ["a" * 100_000, "password" * 20_000, "://:@" * 20_000, "%3A" * 30_000, "u:" * 50_000])
def test_long_texts_take_no_time(text: str) -> None:
    assert redact(text)  # the test's own time limit is the measure
