"""Readers of an index: any number beside its one writer, each with its own view, brought up to date before a search."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from associate.sightings.columns import GONE, NumberedFilter
from associate.sightings.sighting import Filter
from associate.sightings.similarity import CameraMeans
from deploy.search.index.catalogue import SEGMENT_BITS, Catalogue, names_of
from deploy.search.index.means import read_means
from deploy.search.index.partition import Found, Partition
from deploy.search.index.segment_files import SegmentName
from ingest.errors import ConfigError

Known = TypeVar("Known")

TRIES = 5
"""Times that a view is taken anew where the writer replaced a file meanwhile."""


class IndexedSighting(msgspec.Struct, frozen=True, kw_only=True):
    """A sighting as the index knows it; `identity` is None where association has said nothing of it."""

    id: int
    tracklet: str
    camera: str
    label: str
    colour: str | None
    first_ns: int
    last_ns: int
    quality: float
    colour_score: float | None
    identity: str | None


@dataclass(frozen=True, slots=True)
class IndexSize:
    """Sightings of one encoder, those among them that have codes, and the identities of all encoders' sightings."""

    sightings: int
    coded: int
    identities: int


def described(rows: Iterable[Sequence[Any]], names: Mapping[str, Mapping[int, str]]) -> list[IndexedSighting]:
    """Sightings of rows in the order of the catalogue's table, with numbers for names."""
    cameras, labels, colours = (names[kind] for kind in ("camera", "label", "colour"))
    return [
        IndexedSighting(
            id=row[0],
            tracklet=row[1],
            camera=cameras.get(row[2], "?"),
            label=labels.get(row[3], "?"),
            colour=colours.get(row[4]),
            first_ns=row[5],
            last_ns=row[6],
            quality=row[7],
            colour_score=row[8],
            identity=row[9],
        )
        for row in rows
    ]


def no_such_encoder(encoder: str, encoders: Mapping[str, IndexSize]) -> ConfigError:
    """The error of a search by an encoder of which the index has nothing."""
    there = ", ".join(f"{size.sightings} by {name}" for name, size in encoders.items())
    return ConfigError(
        f"no sighting in the index has a vector by '{encoder}': it has {there or 'none at all'}"
        + (" (vectors of two encoders are never compared)" if there else " (run the site, or corridor index)")
    )


class SightingsIndex:
    """The index in a folder, for one thread at a time; raises ConfigError where there is none."""

    def __init__(self, folder: Path) -> None:
        self._catalogue = Catalogue(folder, must_exist=True)
        self._partitions: dict[int, Partition] = {}
        self._names: dict[str, dict[int, str]] = {}
        self._numbers: dict[str, dict[str, int]] = {}
        self._version: int | None = None
        self._known: dict[str, Any] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take in what the writer has done."""
        version = self._catalogue.version()
        if version == self._version:
            return
        for left in reversed(range(TRIES)):
            try:
                self._refresh()
                self._version = version
                return
            except FileNotFoundError:
                if not left:
                    raise ConfigError(
                        f"the sightings index in {self._catalogue.folder} lacks files "
                        "(corridor index FILE --check says which)"
                    ) from None

    def known(self, name: str, learn: Callable[[], Known]) -> Known:
        """Something that was learned from the index as it is now; learned anew after a change."""
        if name not in self._known:
            self._known[name] = learn()
        known: Known = self._known[name]
        return known

    def _refresh(self) -> None:
        self._known.clear()
        with self._catalogue.snapshot() as db:
            self._names = {kind: names_of(db, kind) for kind in ("encoder", "camera", "label", "colour")}
            segments = db.execute(
                "SELECT encoder, number, revision, rows, sealed, codes_crc FROM segments ORDER BY number"
            ).fetchall()
            self._numbers = {kind: {name: number for number, name in of.items()} for kind, of in self._names.items()}
            for encoder in self._names["encoder"]:
                partition = self._partitions.get(encoder)
                if partition is None:
                    partition = self._partitions[encoder] = Partition(self._catalogue.folder, encoder)
                mine = [
                    (SegmentName(number, revision), rows, sealed, checksum)
                    for of, number, revision, rows, sealed, checksum in segments
                    if of == encoder
                ]
                partition.update(db, mine)

    @property
    def encoders(self) -> dict[str, IndexSize]:
        """By encoder: how much there is of it."""
        ((identities,),) = self._catalogue.select("SELECT count(DISTINCT identity) FROM sightings")
        return {
            name: IndexSize(len(self._partitions[number]), self._partitions[number].coded, identities)
            for number, name in self._names["encoder"].items()
            if len(self._partitions[number])
        }

    def nearest(self, encoder: str, query: NDArray[np.float32], wanted: Filter, count: int) -> Found:
        """The `count` sightings next to a vector (D,) of norm 1, among those that a filter admits.

        Raises ConfigError where the index has no sightings by the encoder.
        """
        return self._partition(encoder).nearest(query, self._numbered(wanted), count)

    def admitted(self, encoder: str, wanted: Filter) -> int:
        """Number of sightings that a filter admits."""
        return self._partition(encoder).admitted(self._numbered(wanted))

    def spread(self, encoder: str, wanted: Filter) -> tuple[NDArray[np.int64], int]:
        """Of what a filter admits: how many by camera number (C,), and the nanoseconds over which they come."""
        return self._partition(encoder).spread(self._numbered(wanted), self.cameras_end)

    def sample(self, encoder: str, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Vectors (N, D) and camera numbers (N,) of up to `count` sightings, evenly over all."""
        return self._partition(encoder).sample(count)

    @property
    def cameras_end(self) -> int:
        """A number above that of every camera."""
        return max(self._names["camera"], default=0) + 1

    def vectors(self, encoder: str, ids: Sequence[int]) -> NDArray[np.float32]:
        """Vectors (N, D) of sightings, of norm 1."""
        return self._partition(encoder).vectors_of(ids)

    def made_by(self, encoder: str, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of some sightings (N,) have a vector by the encoder."""
        return self._partition(encoder).has(ids)

    def stored_vector(self, sighting: int) -> bytes:
        """The vector of a sighting as it stands in the index, little-endian fp16."""
        number = self._numbers["encoder"][self.encoder_of(sighting)]
        return self._partitions[number].stored_vector(sighting)

    def means(self, encoder: str) -> CameraMeans:
        """Mean vectors of the cameras, for reading similarities; by the numbers of `camera_numbers`."""
        with self._catalogue.snapshot() as db:
            return read_means(db, self._numbers["encoder"][encoder])

    def camera_numbers(self, cameras: Iterable[str]) -> NDArray[np.int64]:
        """Numbers (N,) of cameras; -1 for one that the index does not know."""
        return np.array([self._numbers["camera"].get(camera, -1) for camera in cameras], np.int64)

    def sightings(self, ids: Sequence[int]) -> dict[int, IndexedSighting]:
        """By id: the sightings that are still there."""
        marks = ",".join("?" * len(ids))
        return {each.id: each for each in self._described(f"WHERE id IN ({marks})", *ids)}

    def of_identities(self, identities: Sequence[str]) -> list[IndexedSighting]:
        """All sightings of some identities, by time."""
        marks = ",".join("?" * len(identities))
        found = self._described(f"WHERE identity IN ({marks})", *identities)
        return sorted(found, key=lambda each: (each.first_ns, each.tracklet))

    def of_tracklet(self, tracklet: str) -> IndexedSighting | None:
        """The sighting of a tracklet."""
        return next(iter(self._described("WHERE tracklet = ?", tracklet)), None)

    def encoder_of(self, sighting: int) -> str:
        """The encoder of a sighting."""
        ((number,),) = self._catalogue.select("SELECT encoder FROM segments WHERE number = ?", sighting >> SEGMENT_BITS)
        return self._names["encoder"][number]

    def select(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """The rows of a query over the catalogue."""
        return self._catalogue.select(statement, *values)

    def _described(self, where: str, *values: object) -> list[IndexedSighting]:
        return described(self._catalogue.select(f"SELECT * FROM sightings {where}", *values), self._names)

    def _partition(self, encoder: str) -> Partition:
        number = self._numbers["encoder"].get(encoder)
        if number is None or not len(self._partitions[number]):
            raise no_such_encoder(encoder, self.encoders)
        return self._partitions[number]

    def _numbered(self, wanted: Filter) -> NumberedFilter | None:
        if wanted.empty:
            return None

        def numbers(kind: str, names: Sequence[str]) -> list[int] | None:
            return [self._numbers[kind].get(name, GONE) for name in names] or None

        return NumberedFilter(
            wanted.since_ns,
            wanted.until_ns,
            numbers("camera", wanted.cameras),
            numbers("label", wanted.labels),
            numbers("colour", wanted.colours),
        )

    def close(self) -> None:
        self._catalogue.close()
