"""Records of the watchlist to test with."""

from typing import Any

from deploy.search.watchlist.entries import Look, WatchEntry
from deploy.search.watchlist.matches import Match, MatchState
from embed.observation import pack_vector
from ingest.clock import NS
from tests.deploy.search.samples import ENCODER, look


def entry(number: int = 5, **changes: Any) -> WatchEntry:
    """A watch for the vehicle of a number, as it looks in an image."""
    values: dict[str, Any] = {
        "name": f"vehicle {number}",
        "added_ns": 100 * NS,
        "min_probability": 0.5,
        "encoder": ENCODER,
        "looks": [Look(vector=pack_vector(look(number)))],
    }
    return WatchEntry(**{**values, **changes})


SEEN = entry(
    looks=[Look(vector=pack_vector(look(5)), tracklet="north|1.0|5", camera="north", at_ns=5)],
    until_ns=10**18,
    by="night shift",
    after=7,
)
"""A watch by a sighting, with everything in it."""


def match() -> Match:
    """A confirmed match with everything in it."""
    return Match(
        id="white van|north|1.0|17",
        watch="white van",
        state=MatchState.CONFIRMED,
        tracklet="north|1.0|17",
        observation="north|1.0|17|3",
        camera="north",
        label="van",
        at_ns=12 * NS,
        first_ns=10 * NS,
        last_ns=11 * NS,
        probability=0.75,
        similarity=0.5,
    )
