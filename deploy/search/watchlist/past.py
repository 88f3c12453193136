"""The past of a watch: the indexed sightings that would have matched."""

from dataclasses import dataclass

from associate.sightings.sighting import Filter
from deploy.search.asking import Query, candidates
from deploy.search.opening import Index
from deploy.search.watchlist.entries import WatchEntry
from deploy.search.watchlist.judging import Judge, Seen
from ingest.clock import NS


@dataclass(frozen=True, slots=True)
class Past:
    """Matches that an entry would have had among the indexed sightings of its encoder.

    expected: those of them that are expected to be of the vehicle, by their probabilities. best: the greatest
    probability of any sighting, 0 without one. searched: sightings in the index, over `span_s` seconds of event time.
    at_least: all that were compared matched, and there may be more.
    """

    matches: int
    expected: float
    best: float
    searched: int
    span_s: float
    at_least: bool


def past_of(index: Index, query: Query, entry: WatchEntry) -> Past:
    """Judge the indexed sightings that are next to an entry, made of a query; its own are not counted."""
    index.refresh()
    everything = Filter()
    searched = index.admitted(entry.encoder, everything)
    span_s = index.spread(entry.encoder, everything)[1] / NS
    found = candidates(index, query)
    rows = index.sightings(found.ids.tolist())
    seen = {
        place: Seen(row.tracklet, row.camera, row.first_ns)
        for place, sighting in enumerate(found.ids.tolist())
        if (row := rows.get(sighting)) is not None and row.tracklet not in entry.tracklets
    }
    if not seen:
        return Past(0, 0.0, 0.0, searched, span_s, at_least=False)
    verdicts = Judge.of(index, entry.encoder)(entry, list(seen.values()), found.vectors[list(seen)])
    stated = [verdict.probability for verdict in verdicts]
    matched = [each for each in stated if each >= entry.min_probability]
    at_least = len(matched) == len(seen) < searched - len(entry.tracklets)
    return Past(len(matched), sum(matched), max(stated), searched, span_s, at_least)
