"""Pages of an answer: a cursor names the last row of the page before, so that nothing is missed or seen twice."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from deploy.web.index.store import Index, Row
from deploy.web.reading.times import ns_of
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


class PagedQuery(Protocol):
    """A question that is answered page by page."""

    @property
    def limit(self) -> int: ...

    @property
    def cursor(self) -> str | None: ...


def read_page(
    index: Index, select: str, query: PagedQuery, conditions: Mapping[str, str], key: tuple[str, str], *always: str
) -> tuple[Sequence[Row], str | None]:
    """Read one page of rows, and the cursor of the page behind it; raises ConfigError for a cursor that is none.

    conditions: by the name of a field of the query, what holds for rows where that is given. key: columns of time and
    name, by which rows are in descending order. always: what holds for every row.
    """
    where, values = ["TRUE", *always], list[object]()
    for name, condition in conditions.items():
        wanted = getattr(query, name)
        if wanted is not None:
            where.append(condition)
            values.append(ns_of(wanted) if isinstance(wanted, datetime) else wanted)
    at, name = key
    if query.cursor is not None:
        where.append(f"({at}, {name}) < (?, ?)")
        values += place_of(query.cursor)
    rows = index.rows(
        f"{select} WHERE {' AND '.join(where)} ORDER BY {at} DESC, {name} DESC LIMIT ?", [*values, query.limit + 1]
    )
    shown = rows[: query.limit]
    return shown, cursor_of(shown[-1][at], shown[-1][name]) if len(rows) > query.limit else None
