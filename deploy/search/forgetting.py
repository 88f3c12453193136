"""Forgetting a vehicle: a tombstone on the log, and everything that an index and a crop store have of it."""

import re
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from deploy.log.base import Log
from deploy.log.decoding import Undecoded
from deploy.log.observations import read_observations
from deploy.search.forgotten import Forgotten, publish
from deploy.search.index.writer import WriterBusyError
from deploy.search.indexing import Indexer
from deploy.search.opening import Index, open_index
from deploy.search.watchlist.entries import publish as publish_entries
from deploy.search.watchlist.entries import read_watchlist, removal
from deploy.site.config import Config
from deploy.site.controls import checked_by
from ingest.clock import Clock
from ingest.errors import ConfigError

PATIENCE_S = 10.0
"""Seconds that a running indexer is given to do it."""

_STEM = re.compile(r"^\d+\.\d+-\d+\Z")


@dataclass(frozen=True, slots=True)
class ForgetCounts:
    """What was deleted, and what was not reached.

    records: observations of the vehicle that stay on the log. watches: names under which it is watched for no more.
    waiting: why the index is not done yet; empty if it is.
    """

    sightings: int
    crops: int
    records: int
    watches: list[str]
    waiting: str = ""


def forget(config: Config, log: Log, identity: str, by: str, clock: Clock) -> ForgetCounts:
    """Delete all sightings of an identity; raises ConfigError for one that the index does not have."""
    checked_by(by)
    with closing(open_index(config.search)) as index:
        tracklets = [each.tracklet for each in index.of_identities([identity])]
        if not tracklets:
            raise ConfigError(f"the index has no sighting of '{identity}' (see `corridor trajectories`)")
        # Step 1: the tombstone first, so that nothing is forgotten here and comes back elsewhere
        publish(
            log, config.associate.zone, Forgotten(identity=identity, tracklets=tracklets, at_ns=clock.now_ns(), by=by)
        )
        watches = _unwatched(log, config.associate.zone, tracklets, by, clock)
        # Step 2: the index, by us or by the process that writes to it
        waiting = _deleted(config, log, index, tracklets, clock)
    # Step 3: crops; and what stays
    crops = sum(_delete_crops(Path(config.crops.folder), each) for each in tracklets)
    gone = set(tracklets)
    records = sum(each.tracklet in gone for each in read_observations(log))
    return ForgetCounts(len(tracklets), crops, records, watches, waiting)


def _unwatched(log: Log, zone: str, tracklets: Iterable[str], by: str, clock: Clock) -> list[str]:
    """Remove what is watched for by looks of these tracklets; returns the names."""
    gone = [each for each in read_watchlist(log, Undecoded()).values() if not each.tracklets.isdisjoint(tracklets)]
    if gone:
        publish_entries(log, zone, [removal(each, clock.now_ns(), by) for each in gone])
    return [each.name for each in gone]


def _deleted(config: Config, log: Log, index: Index, tracklets: Iterable[str], clock: Clock) -> str:
    try:
        with closing(Indexer(log, config.search)) as indexer:
            indexer.drain()
            return ""
    except WriterBusyError:
        pass
    until_s = clock.monotonic_s() + PATIENCE_S
    while clock.monotonic_s() < until_s:
        if not any(index.of_tracklet(each) for each in tracklets):
            return ""
        clock.sleep(0.1)
    return "another process writes to the index and has not come to the tombstone yet; it will"


def _delete_crops(folder: Path, tracklet: str) -> int:
    """Delete the files of a tracklet's crops; returns how many they were. Links are not followed."""
    camera, _, rest = tracklet.partition("|")
    stem = rest.replace("|", "-")
    below = folder / camera
    if not _STEM.match(stem) or below.is_symlink() or not below.is_dir():
        return 0
    files = [below / f"{stem}.json", *below.glob(f"{stem}-*.jpg")]
    gone = 0
    for path in files:
        if path.is_file() and not path.is_symlink():
            path.unlink(missing_ok=True)
            gone += 1
    return gone
