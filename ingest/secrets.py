"""Find the credentials in a text: every place of a URL, a header or a message where a password is known to stand."""

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

PLACEHOLDER = "{password}"
"""Placeholder in a source, filled from `credentials` when the camera is opened; no secret itself."""

DECODINGS = 2
"""A URL within a URL is percent-encoded, and one within that twice."""


class Place(StrEnum):
    """Place of a credential in a text."""

    ACCOUNT = "account"  # user:password@host
    FIELD = "field"  # password=…, in a query, a path, or anywhere
    HEADER = "header"  # Authorization: …


class Secret(NamedTuple):
    """The characters of a text from `start` up to `end`."""

    start: int
    end: int
    place: Place


def find_secrets(text: str, *, source: bool = False) -> list[Secret]:
    """Find the credentials in a text, in order and without overlaps; placeholders and empty ones are none.

    With `source` the whole text is a camera's source, so that spaces and quotes belong to a password. Where a text
    can be read in two ways, too much is found and not too little. User names are no secret.
    """
    found = [*_accounts(text, source), *_fields(text, source)]
    found += [Secret(*match.span(1), Place.HEADER) for match in _HEADER.finditer(text)]
    for decoded, origin in _decodings(text):
        shallow = [
            *_encoded_accounts(decoded, [each for each in found if each.place is Place.ACCOUNT], origin),
            *_fields(decoded, source),
        ]
        found += [Secret(origin[start], origin[end], place) for start, end, place in shallow]
    return _merged([each for each in found if text[each.start : each.end] not in ("", PLACEHOLDER)])


# user:password@host

_SCHEME = r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*:/+"
_ACCOUNT = _SCHEME + r"[^\s@:]*?(?::|%3[Aa])(\S*)@"
_SOURCE_ACCOUNT = _ACCOUNT.replace(r"\S", ".")
_BARE_ACCOUNT = r"[^@:/]*:(.*)@"
"""`user:password@host` whose scheme was forgotten; only where the whole text is a source."""
_NO_PORT = re.compile(_SCHEME + r"[^\s@:/\[]*:(?!\d{1,5}(?:[/?#,]|$)|\{)([^/?#]+)")
"""`user:password` whose host was forgotten; only where the whole text is a source."""
_AUTHORITY = re.compile(r"[^:/]*:/+[^/?#]*?(?::|%3[Aa])")
_PORT = re.compile(r"\d{1,5}[/?#]")


def _accounts(text: str, source: bool) -> Iterator[Secret]:
    """Passwords before the last `@`: they may hold `@`, `/` and `:` where nobody encoded them."""
    if source and (match := re.match(_SOURCE_ACCOUNT if "://" in text else _BARE_ACCOUNT, text, re.DOTALL)):
        yield Secret(*match.span(1), Place.ACCOUNT)
        return
    if source and (match := _NO_PORT.match(text)):
        yield Secret(*match.span(1), Place.FIELD)
    for match in re.finditer(_ACCOUNT, text):
        yield Secret(*match.span(1), Place.ACCOUNT)


_NESTED_ACCOUNT = re.compile(_SCHEME + r"[^\s@:/\[]*:((?:(?!://)\S)*)@")


def _encoded_accounts(text: str, known: list[Secret], origin: list[int]) -> Iterator[Secret]:
    """Accounts in a percent-decoded text whose `@` or `://` was encoded."""
    for match in _NESTED_ACCOUNT.finditer(text):
        start, end = match.span(1)
        if _PORT.match(match[1]):  # `http://host:80/?mail=a%40b`
            continue
        if not any(each.start <= origin[end] and origin[start] <= each.end for each in known):
            yield Secret(start, end, Place.ACCOUNT)


def is_password(source: str, secret: Secret) -> bool:
    """Test for a secret before the host that can be nothing else: `host:554/a@b` may be a port and a path."""
    before, value = source[: secret.start], source[secret.start : secret.end]
    return bool(_AUTHORITY.fullmatch(before)) and secret.place is Place.ACCOUNT and not _PORT.match(value)


# password=…

_SOME = "[a-z0-9]{0,20}"
_STRONG = rf"{_SOME}(?:pass|pwd|psw|secret|token){_SOME}|{_SOME}pas|pw|upw|psk|psd"
_WORD = (
    rf"{_STRONG}|{_SOME}(?:auth(?!or)|credential|signature){_SOME}|jwt"
    "|(?:api|access|secret|private|stream)[_-]?key"
)
_IN_QUERY = r"key|p|sig|sid|session|session_?id|ticket|hash|md5"
"""Words that are no secret in a sentence, but may be one in a query."""

_PLAIN = (
    "user|usr|username|userid|uid|login|loginuse|account|name|channel|channelid|chan|chn|ch|stream|streamtype|subtype"
    "|type|proto|protocol|res|resolution|rate|fps|codec|width|height|size|quality|profile|track|trackid|media|video"
    "|audio|rtp|transport|format|action|cmd|count|id|camera|cam|date|time|start|starttime|end|endtime|real_stream|n|x"
)
"""Names of fields that end the one before where `_`, `-` or `;` stand between fields; others may be a password's."""

_AMPERSAND = "\x1b"
"""Stand-in for an encoded `&`: between fields of a URL within a URL, or part of a password."""
_NEXT = rf"&|[{_AMPERSAND}_\-;,/?](?:{_PLAIN})="
_CLOSING = r"['\"][)\]}>]*[,:;.]?(?:\s|$)"
"""The end of a quotation in a sentence."""
_BEGINNING = (
    rf"(?:(?<![a-z0-9])(?:{_WORD})=|(?<![a-z0-9])(?:{_STRONG}):(?=[^\s/:])|(?<=[?&{_AMPERSAND}])-?(?:{_IN_QUERY})="
    r"|(?<![a-z0-9])(?:user|usr|username|login|account)=[^\s&:/?=]*:)"
)
_FIELD = re.compile(rf"(?i){_BEGINNING}((?:(?!{_NEXT}|{_CLOSING})\S)+)")
_FIELD_OF_SOURCE = re.compile(rf"(?is){_BEGINNING}((?:(?!{_NEXT}).)+)")
_QUOTED = re.compile(rf"(?i)['\"](?:\w+_)?(?:{_WORD})['\"]\s*:\s*b?(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")")
"""As a dictionary is printed, and JSON."""

_HEADER = re.compile(r"(?i)\b(?:proxy-)?(?:authorization|cookie|x-api-key|x-auth-token):[ \t]*([^\r\n]+)")


def _fields(text: str, source: bool) -> Iterator[Secret]:
    for match in (_FIELD_OF_SOURCE if source else _FIELD).finditer(text):
        yield Secret(*match.span(1), Place.FIELD)
    for match in _QUOTED.finditer(text):
        yield Secret(*match.span(1 if match[1] is not None else 2), Place.FIELD)


# Percent-encoding

_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")


def _decodings(text: str) -> Iterator[tuple[str, list[int]]]:
    """Decode a text once, twice, …, each with the place in `text` of every character, and of the end."""
    origin = list(range(len(text) + 1))
    for _ in range(DECODINGS):
        if "%" not in text:
            return
        decoded, places, at = [], [], 0
        for match in _ENCODED.finditer(text):
            decoded.append(text[at : match.start()])
            places += origin[at : match.start() + 1]
            character = chr(int(match[1], 16))
            # What is a space or no ASCII must not end a password that it is part of.
            decoded.append(_AMPERSAND if character == "&" else character if "!" <= character <= "~" else "\x1a")
            at = match.end()
        text = "".join([*decoded, text[at:]])
        origin = [*places, *origin[at:]]
        yield text, origin


def _merged(found: list[Secret]) -> list[Secret]:
    """Sort secrets and merge overlapping ones."""
    merged: list[Secret] = []
    for each in sorted(found):
        if merged and each.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, each.end))
        else:
            merged.append(each)
    return merged


# One secret, however it is written


@lru_cache(maxsize=1024)
def any_encoding(secret: str) -> re.Pattern[str]:
    """Make the pattern of a secret, its characters percent-encoded or escaped as in Python and JSON or as they are."""
    pieces = []
    for character in secret:
        forms = [f"(?i:{form})" for form in _percent(character)]
        # The encoded form first: of `%25`, a plain `%` would leave the `25`.
        forms += [re.escape(form) for form in sorted({*_escaped(character)}, key=len, reverse=True)]
        pieces.append(f"(?:{'|'.join(forms)})")
    return re.compile("".join(pieces))


def _percent(character: str) -> list[str]:
    """Percent-encoded once and twice; a byte of a name that is not UTF-8 as this byte."""
    try:
        raw = character.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = character.encode("utf-8", "surrogatepass")
    return ["".join(f"%(?:25)?{byte:02x}" for byte in raw)]


def _escaped(character: str) -> Iterator[str]:
    yield character
    yield repr(character)[1:-1]
    yield ascii(character)[1:-1]
    if character in "'\"/\\":
        yield f"\\{character}"
    if ord(character) > 126 and ord(character) < 0x10000:
        yield f"\\u{ord(character):04x}"
    if character == " ":
        yield "+"
