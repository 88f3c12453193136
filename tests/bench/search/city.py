"""A city that is searched: its log, associated and indexed, and whose each sighting is."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from deploy.log.opening import open_log
from deploy.search.index.reader import IndexedSighting, SightingsIndex
from deploy.search.indexing import Indexer
from deploy.search.opening import Index
from deploy.search.settings import SearchSettings
from deploy.site.config import load_config
from tests.bench.association_city.logs import read_city_log


@dataclass(frozen=True, slots=True, eq=False)
class City:
    """An index of one city, and whose each tracklet is; a tracklet that follows nobody is missing."""

    name: str
    log: Path
    index: SightingsIndex
    owner: dict[str, int]

    @property
    def encoder(self) -> str:
        """`name@hash` of what made the vectors."""
        return next(iter(self.index.encoders))

    def others(self, tracklet: str) -> list[str]:
        """The indexed sightings of its vehicle, without this one."""
        owner = self.owner[tracklet]
        return [each for each, vehicle in self.owner.items() if vehicle == owner and each != tracklet]

    def without(self, hidden: Sequence[str]) -> Index:
        """The index as if some sightings were not there."""
        return cast(Index, _Without(self.index, hidden))  # by its attributes


class _Without:
    def __init__(self, index: SightingsIndex, hidden: Sequence[str]) -> None:
        self._index, self._hidden = index, set(hidden)

    def sightings(self, ids: Sequence[int]) -> dict[int, IndexedSighting]:
        found = self._index.sightings(ids)
        return {number: each for number, each in found.items() if each.tracklet not in self._hidden}

    def of_identities(self, identities: Sequence[str]) -> list[IndexedSighting]:
        return [each for each in self._index.of_identities(identities) if each.tracklet not in self._hidden]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)


def indexed(log_path: Path, folder: Path) -> City:
    """Associate a log on a copy of it, and index that; raises SystemExit where association links nothing."""
    from deploy.site.wiring import make_association_worker

    known = read_city_log(log_path)
    folder.mkdir(parents=True)
    copy = folder / log_path.name
    copy.write_bytes(log_path.read_bytes())
    config = load_config(log_path.with_suffix(".toml"))
    with closing(open_log(f"sqlite:{copy}")) as log:
        worker = make_association_worker(config, log)
        worker.drain()
        indexer = Indexer(log, SearchSettings(folder=str(folder / "index"), keep_days=1e5))
        indexer.drain()
        indexer.close()
    index = SightingsIndex(folder / "index")
    sightings = known.comparison.sightings
    owner = {
        tracklet: vehicle
        for tracklet, number in known.run.tracklets.items()
        if number in sightings.visit_of
        and (vehicle := sightings.vehicle_of(number)) is not None
        and index.of_tracklet(tracklet) is not None
    }
    if not any(size.identities for size in index.encoders.values()):
        raise SystemExit(f"{log_path}: association links nothing of it (another encoder's vectors? draw it anew)")
    return City(log_path.stem, copy, index, owner)
