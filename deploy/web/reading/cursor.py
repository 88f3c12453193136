"""Pages of an answer: a cursor names the last row of the page before, so that nothing is missed or seen twice."""

import base64
import binascii

from embed.observation import LATEST_NS
from ingest.errors import ConfigError


def cursor_of(at_ns: int, name: str) -> str:
    """A cursor behind a row, for those who ask for the next page; its form is nobody's business."""
    return base64.urlsafe_b64encode(f"{at_ns} {name}".encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[int, str]:
    """Time and name of the row that a cursor stands behind; raises ConfigError for one that was not made here."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, name = text.partition(" ")
        at_ns = int(at)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(
            "cursor: not one of this server (take `next` of the page before, or begin without)"
        ) from error
    if abs(at_ns) > LATEST_NS or "\0" in name:
        raise ConfigError("cursor: not one of this server (take `next` of the page before, or begin without)")
    return at_ns, name
