"""The records of the topic `watchlist`: vehicles that are watched for, by name; the latest record of a name counts."""

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from deploy.log.base import Log, Record
from deploy.log.decoding import Undecoded
from deploy.log.topics import WATCHLIST
from embed.observation import unpack_vector

BATCH = 1000


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look of a vehicle that is watched for.

    vector: its embedding, L2-normalised, little-endian fp16.
    tracklet: the tracklet that it is from, `camera|epoch|track`; None for an image.
    camera: its camera; None for an image.
    at_ns: when that vehicle came into view, Unix nanoseconds; None for an image.
    """

    vector: bytes
    tracklet: str | None = None
    camera: str | None = None
    at_ns: int | None = None


class WatchEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle that is watched for, or is so no more.

    name: its name, given by whoever watches.
    added_ns: when it was added or removed, Unix nanoseconds.
    after: offset on `observations` after which sightings are compared with it.
    min_probability: least probability of a match.
    encoder: name and weights hash of the encoder of its looks, `name@hash`.
    looks: what it looks like; empty once it is removed.
    until_ns: event time from which it is watched for no more, Unix nanoseconds; None for good.
    by: who watches, free text of at most 64 characters.
    removed: it is watched for no more.
    """

    name: str
    added_ns: int
    after: int = 0
    min_probability: float = 0.9
    encoder: str = ""
    looks: list[Look] = []
    until_ns: int | None = None
    by: str = ""
    removed: bool = False

    def vectors(self) -> NDArray[np.float32]:
        """Its looks (K, D), of norm 1; raises ValueError for useless ones."""
        return np.stack([unpack_vector(each.vector) for each in self.looks])

    @property
    def tracklets(self) -> frozenset[str]:
        """Tracklets that it was added by."""
        return frozenset(each.tracklet for each in self.looks if each.tracklet is not None)


def encode(entry: WatchEntry) -> bytes:
    """One record of the topic."""
    return msgspec.json.encode(entry)


def decode(record: bytes) -> WatchEntry:
    """The entry of a record; raises ValueError where it is none, or has looks that cannot be compared."""
    try:
        entry = msgspec.json.decode(record, type=WatchEntry)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"not an entry of the watchlist: {error}") from error
    if entry.removed:
        return entry
    if not entry.looks:
        raise ValueError(f"not an entry of the watchlist: '{entry.name[:80]}' without a look")
    entry.vectors()
    return entry


def publish(log: Log, zone: str, entries: Iterable[WatchEntry]) -> None:
    """Put entries on the log."""
    writer = log.claim(f"watchlist/{zone}")
    writer.commit([Record(WATCHLIST, entry.name, encode(entry)) for entry in entries])
    writer.close()


class Watchlist:
    """The entries of a log by name, as of the last `read`; `undecoded` counts what is none."""

    def __init__(self, log: Log, undecoded: Undecoded) -> None:
        self._log, self._undecoded, self._offset = log, undecoded, 0
        self.entries: dict[str, WatchEntry] = {}

    def read(self) -> None:
        """Take in what has come onto the log."""
        while stored := self._log.read(WATCHLIST, self._offset, BATCH):
            for record in stored:
                entry = self._undecoded.decode(WATCHLIST, record, decode)
                if entry is None:
                    continue
                self.entries.pop(entry.name, None)
                if not entry.removed:
                    self.entries[entry.name] = entry
            self._offset = stored[-1].offset


def read_watchlist(log: Log, undecoded: Undecoded) -> dict[str, WatchEntry]:
    """The entries of a log by name, as they are now."""
    watchlist = Watchlist(log, undecoded)
    watchlist.read()
    return watchlist.entries


def removal(entry: WatchEntry, now_ns: int, by: str = "") -> WatchEntry:
    """The record that ends an entry, without its looks."""
    return WatchEntry(name=entry.name, added_ns=now_ns, by=by, removed=True)
