"""Statements that SQLite and PostgreSQL both understand, with `?` in the place of values."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol


class Statements(Protocol):
    """A connection that runs them: that of sqlite3, and `deploy/search/postgres/database.py`."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Any: ...

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> Any: ...
