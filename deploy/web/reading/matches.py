"""Matches of the watchlist, as they stand at the end of the log."""

from datetime import datetime

import msgspec

from deploy.log.base import Log
from deploy.log.decoding import Undecoded
from deploy.log.topics import MATCHES
from deploy.search.watchlist.matches import Match, MatchState, decode
from deploy.web.index.store import Index
from deploy.web.reading.crops import CropFolder
from deploy.web.reading.times import time_of

AT_MOST = 100
BACK = 2000
"""Offsets at the end of the topic that are read; on Kafka some of them are marks of transactions."""


class SeenMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A sighting that matches what is watched for.

    watch: the name under which the vehicle is watched for.
    state: `provisional` while it is in view, `confirmed`, or `withdrawn`.
    tracklet: the sighting, `camera|epoch|track`.
    identity: the vehicle that it is held to be by now.
    camera: its camera.
    label: kind of vehicle.
    entered: when it came into view.
    left: when it was seen last.
    probability: that it is the vehicle that is watched for.
    crop: URL of its best crop.
    """

    watch: str
    state: MatchState
    tracklet: str
    identity: str | None
    camera: str
    label: str
    entered: datetime
    left: datetime
    probability: float
    crop: str | None = None


class MatchList(msgspec.Struct, frozen=True, kw_only=True):
    """Matches of the watchlist.

    matches: the one that was said last first, at most 100.
    """

    matches: list[SeenMatch]


def list_matches(log: Log, index: Index, crops: CropFolder, undecoded: Undecoded) -> MatchList:
    """Read the latest matches off the log; `undecoded` counts records that are none."""
    latest: dict[str, Match] = {}
    for record in log.read(MATCHES, max(0, log.end(MATCHES) - BACK), BACK):
        if match := undecoded.decode(MATCHES, record, decode):
            latest.pop(match.id, None)
            latest[match.id] = match
    return MatchList(matches=[_seen(each, index, crops) for each in list(latest.values())[: -AT_MOST - 1 : -1]])


def _seen(match: Match, index: Index, crops: CropFolder) -> SeenMatch:
    owner = index.row("SELECT identity FROM visits WHERE tracklet = ?", (match.tracklet,))
    return SeenMatch(
        watch=match.watch,
        state=match.state,
        tracklet=match.tracklet,
        identity=owner["identity"] if owner is not None else None,
        camera=match.camera,
        label=match.label,
        entered=time_of(match.first_ns),
        left=time_of(match.last_ns),
        probability=match.probability,
        crop=crops.best(match.tracklet),
    )
