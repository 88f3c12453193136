"""Asking an index: one query in, vehicles out, each with the probability that it is the one.

`search(index, query)` is all of it; a command and a page differ only in how they come by the query.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from associate.sightings.chains import OF_LINKED, fitted, neighbours
from associate.sightings.expectation import HORIZON_S
from associate.sightings.probability import probabilities
from associate.sightings.sighting import Filter
from associate.sightings.similarity import normalised
from deploy.search.index.partition import CANDIDATES, Found
from deploy.search.index.reader import IndexedSighting
from deploy.search.knowledge import Knowledge
from deploy.search.opening import Index
from deploy.search.reranking import reranked
from ingest.clock import NS
from ingest.errors import ConfigError

Vectors = NDArray[np.float32]


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What is asked for.

    vectors: (K, D) of norm 1, K looks of one vehicle, by `encoder`. seen: where and when those were, as far as known.
    wanted: what is searched. top: most vehicles that come back. min_probability: of each. rerank: by k-reciprocal
    neighbours among the candidates.
    """

    vectors: Vectors
    encoder: str
    seen: Sequence[IndexedSighting] = ()
    wanted: Filter = EVERYTHING
    top: int = 10
    min_probability: float = 0.0
    rerank: bool = False

    @property
    def identities(self) -> set[str]:
        """The identities that association has given to the looks."""
        return {each.identity for each in self.seen if each.identity}


class FoundSighting(msgspec.Struct, frozen=True, kw_only=True):
    """One sighting that was found: `similarity` is relative to what the cameras see."""

    sighting: IndexedSighting
    similarity: float
    probability: float


class FoundVehicle(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle that was found: its best sighting's probability, and its sightings that were found, best first.

    identity: None for a sighting that association has said nothing of. asked: it is the identity that was asked with.
    """

    identity: str | None
    probability: float
    asked: bool
    sightings: list[FoundSighting]


@dataclass(frozen=True, slots=True)
class Results:
    """What was found among `searched` sightings, best first; `exact` where all of them were compared.

    below: vehicles that were left out as less probable than asked for; best: the most probable of all. beyond: vehicles
    that were left out as more than were asked for.
    """

    vehicles: list[FoundVehicle]
    searched: int
    exact: bool
    below: int = 0
    beyond: int = 0
    best: float = 0.0


def search(index: Index, query: Query) -> Results:
    """The vehicles that the index has for a query; raises ConfigError where nothing was searched."""
    index.refresh()
    searched = index.admitted(query.encoder, query.wanted)
    if not searched:
        if query.wanted.empty:
            raise ConfigError(f"no sighting is indexed by the encoder {query.encoder} (corridor index FILE)")
        raise ConfigError(f"no sighting is in that range (widen it: {described(query.wanted)})")
    # Step 1: candidates of all looks, without those that were asked with
    asked = {each.id for each in query.seen}
    found = candidates(index, query)
    keep = ~np.isin(found.ids, list(asked))
    rows = index.sightings(found.ids[keep].tolist())
    there = keep & np.isin(found.ids, list(rows))
    ids, cameras = found.ids[there], found.cameras[there]
    sightings = [rows[each] for each in ids.tolist()]
    if not sightings:
        return Results([], searched, found.exact)
    # Step 2: similarity relative to what cameras see, and its probability by time and place
    knowledge = index.known(query.encoder, lambda: Knowledge.of(index, query.encoder))
    of_query = knowledge.centred(query.vectors, index.camera_numbers(each.camera for each in query.seen))
    similarity = knowledge.similarity(of_query, found.vectors[there], cameras)
    if query.rerank:
        similarity = reranked(of_query, knowledge.centred(found.vectors[there], cameras), similarity)
    prior = _prior_odds(index, knowledge, query, sightings, cameras)
    probability = probabilities(similarity, prior, cameras, _enter_s(sightings), knowledge.calibration)
    # Step 3: by identity
    each_found = [
        FoundSighting(sighting=sighting, similarity=round(float(alike), 4), probability=round(float(sure), 4))
        for sighting, alike, sure in zip(sightings, similarity, probability, strict=True)
    ]
    vehicles = _by_identity(each_found, query.identities)
    likely = [each for each in vehicles if each.probability >= query.min_probability]
    return Results(
        likely[: query.top],
        searched,
        found.exact,
        below=len(vehicles) - len(likely),
        beyond=max(0, len(likely) - query.top),
        best=vehicles[0].probability,
    )


def described(wanted: Filter) -> str:
    """The conditions of a filter, in words."""
    times = ((" from ", wanted.since_ns), (" to ", wanted.until_ns))
    span = "".join(
        f"{word}{datetime.fromtimestamp(at / NS, UTC):%Y-%m-%d %H:%M:%S}" for word, at in times if at is not None
    )
    names = (("camera", wanted.cameras), ("label", wanted.labels), ("colour", wanted.colours))
    parts = [f"times{span}"] if span else []
    parts += [f"{what} {', '.join(each)}" for what, each in names if each]
    return "; ".join(parts)


def candidates(index: Index, query: Query) -> Found:
    """The sightings most alike: of all that is searched, and of what is near in time, which others may outdo.

    What association has linked with the query's is there however it looks.
    """
    mean = normalised(query.vectors.mean(0, keepdims=True))[0]
    alike = _linked(index, query, mean, index.nearest(query.encoder, mean, query.wanted, CANDIDATES))
    if not query.seen or len(alike.ids) < CANDIDATES:
        return alike
    since_ns = min(each.first_ns for each in query.seen) - round(HORIZON_S * NS)
    until_ns = max(each.last_ns for each in query.seen) + round(HORIZON_S * NS)
    near = replace(
        query.wanted,
        since_ns=max(since_ns, query.wanted.since_ns if query.wanted.since_ns is not None else since_ns),
        until_ns=min(until_ns, query.wanted.until_ns if query.wanted.until_ns is not None else until_ns),
    )
    return alike.joined(index.nearest(query.encoder, mean, near, CANDIDATES))


def _linked(index: Index, query: Query, mean: NDArray[np.float32], found: Found) -> Found:
    """Add the sightings of the query's identities that its filter admits to those that were found."""
    of_identities = index.of_identities(sorted(query.identities)) if query.identities else []
    admitted = [
        each
        for each in of_identities
        if query.wanted.admits(each.first_ns, each.last_ns, each.camera, each.label, each.colour)
    ]
    ids = np.array([each.id for each in admitted], np.int64)
    more = index.made_by(query.encoder, ids) & ~np.isin(ids, found.ids)
    if not more.any():
        return found
    vectors = index.vectors(query.encoder, ids[more].tolist())
    cameras = index.camera_numbers(each.camera for each, wanted in zip(admitted, more.tolist(), strict=True) if wanted)
    return found.joined(Found(ids[more], vectors @ mean, vectors, cameras, found.exact))


def _prior_odds(
    index: Index,
    knowledge: Knowledge,
    query: Query,
    sightings: Sequence[IndexedSighting],
    cameras: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Prior odds (N,) of candidates: what was linked, and time and place of them and of their vehicles, where known."""
    searched = knowledge.searched(index, query.encoder, query.wanted)
    if not query.seen:
        return np.full(len(cameras), knowledge.expectation.odds(searched))
    asked = index.camera_numbers(each.camera for each in query.seen)
    missed = all(each.identity for each in query.seen)  # what was linked with them is not asked about here

    def odds(some: Sequence[IndexedSighting], places: NDArray[np.int64]) -> NDArray[np.float64]:
        return knowledge.odds_from(searched, asked, _enter_s(query.seen), places, _enter_s(some), missed=missed)

    numbers, nearby, whose = _chains(index, query, sightings)
    of_chain = odds(nearby, index.camera_numbers(each.camera for each in nearby))
    own = np.array([each.identity in query.identities for each in sightings], np.bool_)
    return np.where(own, OF_LINKED, fitted(odds(sightings, cameras), numbers, of_chain, whose))


def _chains(
    index: Index, query: Query, sightings: Sequence[IndexedSighting]
) -> tuple[NDArray[np.int64], list[IndexedSighting], NDArray[np.int64]]:
    """Numbers (N,) of candidates' identities, -1 for none; those identities' sightings nearby, and whose they are."""
    names = sorted({each.identity for each in sightings if each.identity} - query.identities)
    numbers = {name: number for number, name in enumerate(names)}
    theirs = index.of_identities(names) if names else []
    whose = np.array([numbers[each.identity or ""] for each in theirs], np.int64)
    asked_s, enter_s = _enter_s(query.seen), _enter_s(theirs)
    lag_s = enter_s - asked_s[np.abs(enter_s[:, None] - asked_s).argmin(1)]
    near = np.flatnonzero(np.abs(lag_s) <= HORIZON_S)
    near = near[neighbours(whose[near], lag_s[near])]
    of_candidates = [numbers.get(each.identity or "", -1) for each in sightings]
    return np.array(of_candidates, np.int64), [theirs[place] for place in near.tolist()], whose[near]


def _enter_s(sightings: Sequence[IndexedSighting]) -> NDArray[np.float64]:
    return np.array([each.first_ns for each in sightings], np.float64) / NS


def _by_identity(found: Sequence[FoundSighting], asked: set[str]) -> list[FoundVehicle]:
    """Vehicles by their best sighting, the most probable first; a sighting without an identity is one of its own."""
    groups: dict[str, list[FoundSighting]] = {}
    for each in found:
        groups.setdefault(each.sighting.identity or f"\0{each.sighting.tracklet}", []).append(each)
    vehicles = []
    for members in groups.values():
        members.sort(key=lambda each: (-each.probability, -each.similarity, each.sighting.tracklet))
        identity = members[0].sighting.identity
        vehicles.append(
            FoundVehicle(
                identity=identity,
                probability=members[0].probability,
                asked=identity is not None and identity in asked,
                sightings=members,
            )
        )
    return sorted(vehicles, key=lambda each: (-each.probability, -each.sightings[0].similarity))


def sighting_query(index: Index, tracklet: str) -> Query:
    """A query by one sighting; raises ConfigError for one that the index does not have."""
    seen = index.of_tracklet("|".join(tracklet.split("|")[:3]))
    if seen is None:
        raise ConfigError(
            f"the index has no sighting '{tracklet}' (ids are CAMERA|EPOCH|TRACK, as in the visits of "
            "`corridor trajectories --json`; it may be expired or forgotten)"
        )
    return _seen_query(index, [seen])


def identity_query(index: Index, identity: str) -> Query:
    """A query by all sightings of an identity; raises ConfigError for one that the index does not have."""
    seen = index.of_identities([identity])
    if not seen:
        raise ConfigError(
            f"the index has no sighting of '{identity}' (see `corridor trajectories`; they may be expired or forgotten)"
        )
    return _seen_query(index, seen)


def _seen_query(index: Index, seen: Sequence[IndexedSighting]) -> Query:
    encoders = [index.encoder_of(each.id) for each in seen]
    encoder = encoders[-1]  # vectors of two encoders never meet: the latest decides
    mine = [each for each, made in zip(seen, encoders, strict=True) if made == encoder]
    return Query(vectors=index.vectors(encoder, [each.id for each in mine]), encoder=encoder, seen=mine)


def narrowed(query: Query, wanted: Filter, *, top: int, min_probability: float, rerank: bool) -> Query:
    """The query with what is to be searched, and how much of what is found comes back."""
    return replace(query, wanted=wanted, top=top, min_probability=min_probability, rerank=rerank)
