"""Adding to the watchlist: an entry from a query."""

from deploy.log.base import Log
from deploy.log.topics import OBSERVATIONS
from deploy.search.asking import Query
from deploy.search.watchlist.entries import Look, WatchEntry
from embed.observation import LONGEST_BY, pack_vector
from ingest.errors import ConfigError

LOOKS = 100
"""Most looks of one entry, the latest ones: a record must fit on a log."""


def entry_of(
    log: Log, query: Query, name: str, *, min_probability: float, until_ns: int | None, by: str, now_ns: int
) -> WatchEntry:
    """The entry of a query, from now on; raises ConfigError for a name that is none."""
    for option, text in (("--name", name), ("--by", by)):
        if len(text) > LONGEST_BY or not text.isprintable():
            raise ConfigError(
                f"{option} '{text[:80]}' has more than {LONGEST_BY} characters, or some that do not print"
            )
    if not name.strip():
        raise ConfigError("--name: give it a name to watch by")
    if query.seen:
        looks = [
            Look(vector=pack_vector(vector), tracklet=seen.tracklet, camera=seen.camera, at_ns=seen.first_ns)
            for seen, vector in zip(query.seen, query.vectors, strict=True)
        ]
    else:
        looks = [Look(vector=pack_vector(vector)) for vector in query.vectors]
    return WatchEntry(
        name=name,
        added_ns=now_ns,
        after=log.end(OBSERVATIONS),
        min_probability=min_probability,
        encoder=query.encoder,
        looks=looks[-LOOKS:],
        until_ns=until_ns,
        by=by,
    )
