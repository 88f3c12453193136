"""The state of association as tables of small rows, so that a commit writes only what has changed."""

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from ingest.errors import ConfigError

Row = TypeVar("Row")


class Table(Generic[Row]):
    """Rows by key. A row is replaced, never changed in place, so that every change is noticed."""

    def __init__(self, name: str, row_type: Any) -> None:
        self.name = name
        self._rows: dict[str, Row] = {}
        self._dirty: set[str] = set()
        self._stored: set[str] = set()
        self._decoder: msgspec.msgpack.Decoder[Row] = msgspec.msgpack.Decoder(row_type)
        self._encoder = msgspec.msgpack.Encoder()

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(list(self._rows.values()))

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __getitem__(self, key: str) -> Row:
        return self._rows[key]

    def get(self, key: str) -> Row | None:
        return self._rows.get(key)

    @property
    def names(self) -> list[str]:
        """The keys of all rows, sorted."""
        return sorted(self._rows)

    def put(self, key: str, row: Row) -> None:
        self._rows[key] = row
        self._dirty.add(key)

    def drop(self, key: str) -> None:
        if self._rows.pop(key, None) is not None:
            self._dirty.add(key)

    def clear(self) -> None:
        """Forget everything, what has been stored as well."""
        self._rows.clear()
        self._dirty.clear()
        self._stored.clear()

    def load(self, key: str, stored: bytes) -> None:
        """Take a row from a log; raises msgspec.MsgspecError if it is none."""
        self._rows[key] = self._decoder.decode(stored)
        self._stored.add(key)

    def changes(self) -> dict[str, bytes | None]:
        """Changes since the last call, by `table|key`; None deletes. A row that came and went is left out."""
        changed: dict[str, bytes | None] = {}
        for key in sorted(self._dirty):
            row = self._rows.get(key)
            if row is not None:
                changed[f"{self.name}|{key}"] = self._encoder.encode(row)
                self._stored.add(key)
            elif key in self._stored:
                changed[f"{self.name}|{key}"] = None
                self._stored.discard(key)
        self._dirty.clear()
        return changed


def load_tables(tables: tuple[Table[Any], ...], stored: Mapping[str, bytes]) -> None:
    """Fill the tables from what `changes` once gave to a log; what they had is forgotten."""
    for table in tables:
        table.clear()
    by_name = {table.name: table for table in tables}
    for name_and_key in sorted(stored):
        name, _, key = name_and_key.partition("|")
        if name not in by_name:
            raise ConfigError(
                f"association's state has rows of '{name}', which are of a later version; install that one, or "
                "make the state anew from the observations: corridor associate --rebuild FILE"
            )
        by_name[name].load(key, stored[name_and_key])
