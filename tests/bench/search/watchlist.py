"""Watching in the city: alarms against what their probabilities say, and the time from a closing to its match.

`python -m tests.bench.search.watchlist LOG [--vehicles N] [--speed TIMES]`: the first half of a log of `corridor city
observations` is indexed, and the second half comes with what association says of it, some times as fast as it did, to
an indexer and a watcher as `corridor run` has them. When the first sighting of some vehicles has closed, they are
watched for by it from then on, twice: by the sighting, with time and place, and by the same vector as of an image.
"""

import argparse
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec
import numpy as np
from scipy.stats import chi2

from associate.trajectory import decode as decode_event
from deploy.log.base import Record, StoredRecord, Writer
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import MATCHES, OBSERVATIONS, TRAJECTORIES
from deploy.search.index.reader import IndexedSighting
from deploy.search.indexing import Indexer
from deploy.search.indexing import indexed as kept
from deploy.search.settings import SearchSettings
from deploy.search.watchlist.entries import Look, WatchEntry, publish
from deploy.search.watchlist.matches import Match, MatchState
from deploy.search.watchlist.matches import decode as decode_match
from embed.observation import Observation, TrackletState, decode, pack_vector
from ingest.clock import NS
from tests.bench.measure import table
from tests.bench.search.city import City, indexed

VEHICLES = 50
SPEED = 10.0
LEAST = 0.1
SURE = (LEAST, 0.5)
LEVEL = 0.95
KINDS = ("sighting", "image")
HEADER = ["entry", "from", "alarms", "right", "stated", "false", f"{LEVEL:.0%}", "stated", "recall"]

Timed = tuple[int, Record]


def main(path: Path, vehicles: int = VEHICLES, speed: float = SPEED) -> None:
    """Print alarms by kind of entry, and delays."""
    with TemporaryDirectory(prefix="corridor-watch-") as place:
        folder = Path(place)
        city = indexed(path, folder / "whole")
        said = in_time(city.log)
        middle_ns = (said[0][0] + said[-1][0]) // 2
        with closing(SqliteLog(folder / "replay.db")) as log:
            settings = SearchSettings(index=True, folder=str(folder / "index"), keep_days=1e5)
            writer = log.claim("replay")
            writer.commit([record for at_ns, record in said if at_ns < middle_ns])
            with closing(Indexer(log, settings)) as indexer:
                indexer.drain()
            rest = [each for each in said if each[0] >= middle_ns]
            watched = entries(city, rest, vehicles)
            with kept(log, settings, "zone", patient=False) as problems:
                replay(log, writer, rest, watched, speed)
            if problems():
                raise SystemExit(problems())
            matches = [(each, decode_match(each.value)) for each in log.read(MATCHES, 0, 10**9)]
            closed = closings(log.read(OBSERVATIONS, 0, 10**9))
    table(HEADER, [row for kind in KINDS for row in alarms(city, kind, watched, matches, closed)])
    delays_s = [(record.appended_ns - closed[match.observation].appended_ns) / NS for record, match in matches
                if match.observation in closed]  # fmt: skip
    print(
        f"\n{len(delays_s)} matches were on the log "
        + ", ".join(f"{np.percentile(delays_s, at):.2f} s (p{at})" for at in (50, 99, 100))
        + f" after their tracklet had closed, at {speed:g} times the speed of the city"
    )


def in_time(path: Path) -> list[Timed]:
    """All that cameras and association say on a log, with event time, in its order."""
    with closing(SqliteLog(path, must_exist=True)) as log:
        said = [
            (decoder(each.value).at_ns, Record(topic, each.key, each.value))
            for topic, decoder in ((OBSERVATIONS, decode), (TRAJECTORIES, decode_event))
            for each in log.read(topic, 0, 10**9)
        ]
    return sorted(said, key=lambda each: each[0])


def entries(city: City, said: Sequence[Timed], vehicles: int) -> list[WatchEntry]:
    """Two entries for each of some vehicles that are new in what is said, from where the first sighting is closed."""
    closed_ns = {
        seen.tracklet: at_ns
        for at_ns, record in said
        if record.topic == OBSERVATIONS
        and isinstance(seen := decode(record.value), Observation)
        and seen.state is TrackletState.CLOSED
    }
    first: dict[int, IndexedSighting] = {}
    for each in sorted(filter(None, map(city.index.of_tracklet, city.owner)), key=lambda each: each.first_ns):
        first.setdefault(city.owner[each.tracklet], each)
    new = sorted(vehicle for vehicle, each in first.items() if each.tracklet in closed_ns)
    watched = []
    for vehicle in np.random.default_rng(9202).permutation(new)[:vehicles].tolist():
        known = first[vehicle]
        vector = pack_vector(city.index.vectors(city.encoder, [known.id])[0])
        sighting = Look(vector=vector, tracklet=known.tracklet, camera=known.camera, at_ns=known.first_ns)
        for kind, look in zip(KINDS, (sighting, Look(vector=vector)), strict=True):
            name = f"{kind} {vehicle}"
            added_ns = closed_ns[known.tracklet]
            watched.append(
                WatchEntry(name=name, added_ns=added_ns, min_probability=LEAST, encoder=city.encoder, looks=[look])
            )
    return sorted(watched, key=lambda each: each.added_ns)


def replay(log: SqliteLog, writer: Writer, said: Sequence[Timed], watched: Sequence[WatchEntry], speed: float) -> None:
    """Commit what is said, and entries when it is their time, by event time, some times as fast."""
    began_s, first_ns, done, added = time.monotonic(), said[0][0], 0, 0
    while done < len(said):
        until_ns = first_ns + round((time.monotonic() - began_s) * speed * NS)
        end = bisect_right(said, until_ns, done, key=lambda each: each[0])
        if end > done:
            writer.commit([record for _, record in said[done:end]])
        due = bisect_right(watched, until_ns, added, key=lambda each: each.added_ns)
        if due > added:
            after = log.end(OBSERVATIONS)
            publish(log, "zone", [msgspec.structs.replace(each, after=after) for each in watched[added:due]])
        done, added = end, due
        time.sleep(0.02)


class Closed(NamedTuple):
    """An observation that closes a tracklet, and when it came onto the log."""

    tracklet: str
    appended_ns: int


def closings(stored: Sequence[StoredRecord]) -> dict[str, Closed]:
    """By observation: those that close a tracklet."""
    return {
        seen.id: Closed(seen.tracklet, each.appended_ns)
        for each in stored
        if isinstance(seen := decode(each.value), Observation) and seen.state is TrackletState.CLOSED
    }


def alarms(
    city: City,
    kind: str,
    watched: Sequence[WatchEntry],
    matches: Sequence[tuple[StoredRecord, Match]],
    closed: Mapping[str, Closed],
) -> list[list[str]]:
    """Lines of one kind of entries: their confirmed matches from some probabilities on, right and false."""
    latest = {match.id: match for _, match in matches}
    mine = [each for each in latest.values() if each.watch.startswith(kind) and each.state is MatchState.CONFIRMED]
    vehicles = {vehicle_of(each.name) for each in watched}
    # Without those that they are watched for by.
    there = sum(city.owner.get(each.tracklet) in vehicles for each in closed.values()) - len(vehicles)
    rows = []
    for sure in SURE:
        said = [each for each in mine if each.probability >= sure]
        stated = sum(each.probability for each in said)
        right = sum(city.owner.get(each.tracklet) == vehicle_of(each.watch) for each in said)
        false = len(said) - right
        low, high = poisson_interval(false)
        columns = (sure, len(said), right, f"{stated:.1f}", false, f"{low:.1f} to {high:.1f}")
        rows.append([kind, *map(str, columns), f"{len(said) - stated:.1f}", f"{right / max(there, 1):.3f}"])
    return rows


def vehicle_of(name: str) -> int:
    """The vehicle of an entry's name."""
    return int(name.split()[1])


def poisson_interval(count: int) -> tuple[float, float]:
    """Interval of the mean of a Poisson distribution by one count of it (Garwood 1936)."""
    outside = (1 - LEVEL) / 2
    low = chi2.ppf(outside, 2 * count) / 2 if count else 0.0
    return float(low), float(chi2.ppf(1 - outside, 2 * count + 2) / 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--vehicles", type=int, default=VEHICLES)
    parser.add_argument("--speed", type=float, default=SPEED)
    given = parser.parse_args()
    main(given.log, given.vehicles, given.speed)
