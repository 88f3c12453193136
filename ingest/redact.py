"""Redaction of passwords in logs, errors and messages."""

import logging
import sys
import threading
import traceback
from collections.abc import Iterable
from types import TracebackType

from ingest.secrets import any_encoding, find_secrets

MASK = "***"

SHORTEST_KNOWN = 4
"""Least length of a secret that is masked wherever it stands; a shorter one is part of too many words and numbers."""

_known: set[str] = set()


def remember(secret: str) -> None:
    """Mask a secret from now on wherever this process says it; what reads a password calls this."""
    if len(secret) >= SHORTEST_KNOWN:
        _known.add(secret)


def forget_all() -> None:
    """Forget every secret that was remembered."""
    _known.clear()


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with `***` for every credential in it (`ingest.secrets`), every remembered secret, and every one given.

    A secret is found however it is percent-encoded or escaped. Bytes of names that are not UTF-8 are shown escaped
    (`\\udcfc`), so that every screen, log and file takes the text.
    """
    for secret in sorted({*_known, *secrets}, key=len, reverse=True):
        if secret:
            text = any_encoding(secret).sub(MASK, text)
    return _masked(text, source=False).encode("utf-8", "backslashreplace").decode()


def redact_source(source: str) -> str:
    """A camera's source, or another URL that stands alone, for a message: `***` for every credential."""
    return redact(_masked(source, source=True))


def remember_secrets_of(source: str) -> None:
    """Remember the credentials that stand in a source, as they stand there."""
    for secret in find_secrets(source, source=True):
        remember(source[secret.start : secret.end])


def _masked(text: str, *, source: bool) -> str:
    pieces, at = [], 0
    for secret in find_secrets(text, source=source):
        pieces += [text[at : secret.start], MASK]
        at = secret.end
    return "".join([*pieces, text[at:]])


class RedactingFilter(logging.Filter):
    """Filter of messages and tracebacks; to be added to every handler, because loggers do not inherit filters."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = set(secrets)

    def add(self, secret: str) -> None:
        """Add a secret to those of this filter."""
        self._secrets.add(secret)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(_message(record), self._secrets), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info), self._secrets)
            record.exc_info = None
        if record.stack_info:
            record.stack_info = redact(record.stack_info, self._secrets)
        return True


def _message(record: logging.LogRecord) -> str:
    """The message of a record; a library's call with the wrong arguments is shown as it is and stops nobody."""
    try:
        return record.getMessage()
    except Exception:
        return f"{record.msg} {record.args!r}"


def redact_tracebacks() -> None:
    """Have the traceback of what nobody caught, in any thread, printed without secrets."""
    sys.excepthook = _print_redacted
    threading.excepthook = lambda hook: (
        None if hook.exc_type is SystemExit else _print_redacted(hook.exc_type, hook.exc_value, hook.exc_traceback)
    )


def _print_redacted(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))
