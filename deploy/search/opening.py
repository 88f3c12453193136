"""Opening of the index that a configuration names: in a folder, or in PostgreSQL."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from associate.sightings.sighting import Filter, Sighting
from associate.sightings.similarity import CameraMeans
from associate.trajectory import TrajectoryEvent
from deploy.search.index import writer
from deploy.search.index.libraries import has_faiss
from deploy.search.index.partition import Found
from deploy.search.index.reader import IndexedSighting, IndexSize, SightingsIndex
from deploy.search.settings import SearchSettings
from embed.observation import CameraEpoch, Observation

Known = TypeVar("Known")
Vectors = NDArray[np.float32]
Ints = NDArray[np.int64]


class Index(Protocol):
    """A reader of an index; what its methods do is said at those of `SightingsIndex`."""

    def refresh(self) -> None: ...
    def known(self, name: str, learn: Callable[[], Known]) -> Known: ...
    @property
    def encoders(self) -> dict[str, IndexSize]: ...
    def nearest(self, encoder: str, query: Vectors, wanted: Filter, count: int) -> Found: ...
    def admitted(self, encoder: str, wanted: Filter) -> int: ...
    def spread(self, encoder: str, wanted: Filter) -> tuple[Ints, int]: ...
    def sample(self, encoder: str, count: int) -> tuple[Vectors, Ints]: ...
    @property
    def cameras_end(self) -> int: ...
    def vectors(self, encoder: str, ids: Sequence[int]) -> Vectors: ...
    def made_by(self, encoder: str, ids: Ints) -> NDArray[np.bool_]: ...
    def stored_vector(self, sighting: int) -> bytes: ...
    def means(self, encoder: str) -> CameraMeans: ...
    def camera_numbers(self, cameras: Iterable[str]) -> Ints: ...
    def sightings(self, ids: Sequence[int]) -> dict[int, IndexedSighting]: ...
    def of_identities(self, identities: Sequence[str]) -> list[IndexedSighting]: ...
    def of_tracklet(self, tracklet: str) -> IndexedSighting | None: ...
    def encoder_of(self, sighting: int) -> str: ...
    def select(self, statement: str, *values: object) -> list[tuple[Any, ...]]: ...
    def close(self) -> None: ...


class Writer(Protocol):
    """The one writer of an index; what its methods do is said at those of `IndexWriter`."""

    counts: Counter[str]

    def position(self, topic: str) -> int: ...
    def epochs(self) -> dict[str, CameraEpoch]: ...
    def take(
        self,
        sightings: Sequence[Sighting],
        events: Iterable[TrajectoryEvent],
        positions: Mapping[str, int],
        forgotten: Sequence[str] = (),
        epochs: Mapping[str, CameraEpoch] | None = None,
    ) -> None: ...
    def replace(self, sightings: Sequence[Sighting]) -> None: ...
    def mend(self, log_observations: Callable[[], Iterable[Observation]]) -> int: ...
    def retire(self, now_ns: int) -> int: ...
    def close(self) -> None: ...


def open_index(settings: SearchSettings) -> Index:
    """A reader; raises ConfigError where there is no index."""
    if settings.url is None:
        return SightingsIndex(Path(settings.folder))
    from deploy.search.postgres.reader import PostgresIndex

    return PostgresIndex(settings.url)


def open_writer(settings: SearchSettings) -> Writer:
    """The writer, which makes the index where there is none; raises ConfigError where another process writes to it."""
    if settings.url is None:
        return writer.IndexWriter(settings, coded=has_faiss())
    from deploy.search.postgres.writer import PostgresWriter

    return PostgresWriter(settings)


def remove_index(settings: SearchSettings) -> None:
    """Delete an index, so that it is made anew; raises ConfigError where a process writes to it."""
    if settings.url is None:
        writer.remove_index(Path(settings.folder))
        return
    from deploy.search.postgres.writer import remove_index as remove

    remove(settings.url)


def place_of(settings: SearchSettings) -> str:
    """Place of the index in words, without secrets."""
    from ingest.redact import redact

    return settings.folder if settings.url is None else redact(settings.url)
