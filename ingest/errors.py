"""The errors of Corridor: one root, one class per thing a caller handles differently.

Every message is one line for the operator: what happened, with which value, what to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class CorridorError(Exception):
    """The root of every error that Corridor raises on purpose."""


class ConfigError(CorridorError):
    """Something the user wrote or asked for cannot be used; the command exits with code 2.

    key: the setting that is wrong, where a form has a field for it.
    """

    def __init__(self, message: str, *, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class SourceError(CorridorError):
    """A camera could not be opened, or its stream broke; other cameras go on."""


class AuthFailedError(SourceError):
    """A camera answered and refuses us (401, 403, 404); asking again soon does not help."""


class WeightsError(CorridorError):
    """Weights are missing, or are not the published file."""


class TooLargeError(CorridorError):
    """An image does not fit into the memory of the device that is to look at it; other images may."""


class LogError(CorridorError):
    """The log could not be opened, read or written."""


class LogOpeningError(LogError):
    """Opening of a log that cannot be used as one; nothing has been read or written."""


class SpentWriterError(LogError):
    """The outcome of a commit is unknown, and this writer can write no more; the name can be claimed again."""


class RefusedRecordError(LogError):
    """The log can never take a record of a commit, which is too large for it; other commits it takes."""


class FencedError(LogError):
    """Another process has taken over what this one owned; it must stop writing."""


@contextmanager
def error_context(what: str) -> Iterator[None]:
    """ConfigErrors of the block begin with what they are about: a key, a file, one of several data sets."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{what}: {error}", key=error.key) from error
