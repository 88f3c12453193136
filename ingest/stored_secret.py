"""Secrets that a configuration only names the place of: `env:NAME` or `file:PATH`."""

import os
import re
from pathlib import Path

from ingest.errors import ConfigError
from ingest.redact import remember

PLACE = re.compile(r"^(env:\w+|file:.+)$")


def check_place(place: str, what: str) -> None:
    """Raise ConfigError unless `place` is `env:NAME` or `file:PATH`; `what` is the key that names it."""
    if not PLACE.match(place):
        raise ConfigError(f"{what} must be 'env:NAME' or 'file:PATH'", key=what)


def read_secret(place: str, what: str) -> str:
    """Read a secret, masked in messages from now on; `what` is the key that names it. Raises ConfigError for none."""
    secret = _read(place, what)
    remember(secret)
    return secret


def _read(place: str, what: str) -> str:
    kind, _, name = place.partition(":")
    if kind == "env":
        value = os.environ.get(name)
        if not value:
            raise ConfigError(f"the environment variable {name} named by {what} is not set")
        return value
    try:
        value = Path(name).expanduser().read_bytes().decode("utf-8-sig", "surrogateescape").strip()
    except (OSError, ValueError, RuntimeError) as error:  # a name with a zero byte; a home that nobody has
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"cannot read the {what} file {name}: {reason}") from error
    if not value:
        raise ConfigError(f"the {what} file {name} is empty")
    return value
