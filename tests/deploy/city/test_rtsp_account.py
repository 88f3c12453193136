"""Accounts of the RTSP server: basic and digest."""

import hashlib

import pytest

from deploy.city.rtsp.account import Account


def test_a_digest_of_the_example_in_the_standard_s_manner() -> None:
    account = Account("Mufasa", "Circle: Of/Life%")
    uri, nonce = "rtsp://h/a", "n0nce"

    def digest(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    response = digest(f"{digest('Mufasa:corridor:Circle: Of/Life%')}:{nonce}:{digest(f'DESCRIBE:{uri}')}")
    header = f'Digest username="Mufasa", realm="corridor", nonce="{nonce}", uri="{uri}", response="{response}"'
    assert account.admits(header, "DESCRIBE", nonce)
    assert not account.admits(header, "SETUP", nonce)
    assert not account.admits(header, "DESCRIBE", "another")
    assert not account.admits(header.replace("Mufasa", "Scar"), "DESCRIBE", nonce)


@pytest.mark.parametrize(
    "header",
    [
        'Digest username="a", nonce="n", response="ä€"',
        'Digest username="a", nonce="n", response="\udcff"',
        "Basic ä",
        "Basic \ud800",
    ],
)
@pytest.mark.parametrize("basic", [True, False])
def test_what_is_no_ascii_is_not_admitted(header: str, basic: bool) -> None:
    assert not Account("a", "b", basic).admits(header, "PLAY", "n")


@pytest.mark.parametrize("header", [None, "", "Basic", "Basic !!!", "Digest", "Digest x=", "Bearer abc"])
@pytest.mark.parametrize("basic", [True, False])
def test_nonsense_is_not_admitted(header: str | None, basic: bool) -> None:
    assert not Account("a", "b", basic).admits(header, "PLAY", "n")


def test_an_account_does_not_show_its_password() -> None:
    assert "s3cret" not in repr(Account("a", "s3cret"))
