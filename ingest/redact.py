"""Redaction of passwords in logs, errors and messages."""

import logging
import re
from collections.abc import Iterable
from functools import lru_cache

MASK = "***"

_ACCOUNT = re.compile(r"(://[^\s@/:]*):(\S*)@")
"""User name and password before the last `@`: a password may hold `@`, `/` and `:` where nobody encoded it."""

_FIELD = re.compile(r"(?i)\b(pass(?:word|wd|phrase)?|pwd|psw|secret|token|api_?key|auth)=([^&\s#'\"]+)")
_HEADER = re.compile(r"(?i)\b(authorization:\s*)[^\r\n]+")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with `***` for every secret, however it is percent-encoded, and for every password in a URL.

    Recognised without a list: `scheme://user:password@host`, query fields such as `password=…`, and Authorization
    headers. User names stay. Where a text could be read in two ways, too much is taken out and not too little.
    """
    for secret in sorted(set(secrets), key=len, reverse=True):
        if secret:
            text = _pattern(secret).sub(MASK, text)
    text = _ACCOUNT.sub(rf"\1:{MASK}@", text)
    text = _FIELD.sub(rf"\1={MASK}", text)
    return _HEADER.sub(rf"\1{MASK}", text)


@lru_cache(maxsize=1024)
def _pattern(secret: str) -> re.Pattern[str]:
    """Matches a secret with any of its characters percent-encoded, and spaces as `+`."""
    pieces = []
    for character in secret:
        encoded = "".join(f"%{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
        # The encoded form first: of `%25`, a plain `%` would leave the `25`.
        forms = [f"(?i:{encoded})", re.escape(character)] + ([r"\+"] if character == " " else [])
        pieces.append(f"(?:{'|'.join(forms)})")
    return re.compile("".join(pieces))


class RedactingFilter(logging.Filter):
    """Redacts messages and tracebacks; to be added to every handler, because loggers do not inherit filters."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = set(secrets)

    def add(self, secret: str) -> None:
        """One more secret."""
        self._secrets.add(secret)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage(), self._secrets), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info), self._secrets)
            record.exc_info = None
        if record.stack_info:
            record.stack_info = redact(record.stack_info, self._secrets)
        return True
