"""Judging sightings: the probability that one is of a vehicle that is watched for, from what the index knows.

It is the probability of a search, with two differences: sightings compete with what was seen within a day, however
much is indexed, and in one camera with those that came before them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from associate.sightings.expectation import Searched
from associate.sightings.probability import ONE_PASSAGE_S, evidence
from associate.sightings.sighting import Filter
from associate.sightings.similarity import normalised
from deploy.search.index.partition import CANDIDATES
from deploy.search.knowledge import Knowledge
from deploy.search.opening import Index
from deploy.search.watchlist.entries import WatchEntry
from ingest.clock import NS

DAY_NS = 86_400 * NS

LATEST = 100
"""Sightings by which it is known how far the index has come."""

Vectors = NDArray[np.float32]


class Seen(NamedTuple):
    """A sighting that is judged: its tracklet, its camera, and when it came into view."""

    tracklet: str
    camera: str
    first_ns: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Probability that a sighting is of the vehicle, and its similarity."""

    probability: float
    similarity: float


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """A judge of sightings by one encoder, by what the index knew when it was made."""

    index: Index
    encoder: str
    knowledge: Knowledge
    searched: Searched

    @classmethod
    def of(cls, index: Index, encoder: str) -> "Judge":
        """Learn from an index that has sightings by the encoder."""
        knowledge = Knowledge.of(index, encoder)
        at_ns = _newest_ns(index)
        day = Filter(since_ns=at_ns - DAY_NS, until_ns=at_ns)
        return cls(index, encoder, knowledge, knowledge.searched(index, encoder, day))

    def __call__(self, entry: WatchEntry, seen: Sequence[Seen], vectors: Vectors) -> list[Verdict]:
        """Judge sightings by their vectors (N, D), of norm 1."""
        similarity, odds = self._odds(entry, seen, vectors)
        verdicts = []
        for each, alike, mine in zip(seen, similarity.tolist(), odds.tolist(), strict=True):
            probability = mine / (1 + mine)
            if probability >= entry.min_probability:  # rivals make it less, so that they are looked up for few
                probability = mine / (1 + mine + self._rivals(entry, each))
            verdicts.append(Verdict(round(probability, 4), round(alike, 4)))
        return verdicts

    def _odds(
        self, entry: WatchEntry, seen: Sequence[Seen], vectors: Vectors
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Similarities (N,), and the odds (N,) of each sighting if it had no rival."""
        cameras = self._known(each.camera for each in seen)
        enter_s = np.array([each.first_ns for each in seen]) / NS
        of_looks = self._known(each.camera or "" for each in entry.looks)
        looks = self.knowledge.centred(entry.vectors(), of_looks)
        similarity = self.knowledge.similarity(looks, vectors, cameras)
        prior = np.full(len(seen), self.knowledge.expectation.odds(self.searched))
        timed = [place for place, each in enumerate(entry.looks) if each.at_ns is not None]
        known = cameras >= 0
        if timed and known.any():
            asked_s = np.array([entry.looks[place].at_ns for place in timed], np.float64) / NS
            near = self.knowledge.odds_from(self.searched, of_looks[timed], asked_s, cameras[known], enter_s[known])
            prior[known] = np.maximum(prior[known], near)
        return similarity, np.asarray(prior * evidence(similarity, self.knowledge.calibration), np.float64)

    def _known(self, cameras: Iterable[str]) -> NDArray[np.int64]:
        """Numbers (N,) of cameras; -1 for one that was not known when the judge learned."""
        numbers = self.index.camera_numbers(cameras)
        return np.where(numbers < len(self.searched.counts), numbers, -1)

    def _rivals(self, entry: WatchEntry, seen: Seen) -> float:
        """Summed odds of what its camera saw in the minutes before it, of which one can be the vehicle at most."""
        before = Filter(
            since_ns=seen.first_ns - round(ONE_PASSAGE_S * NS), until_ns=seen.first_ns, cameras=(seen.camera,)
        )
        self.index.refresh()
        look = normalised(entry.vectors().mean(0, keepdims=True))[0]
        found = self.index.nearest(self.encoder, look, before, CANDIDATES)
        rows = self.index.sightings(found.ids.tolist())
        itself = {seen.tracklet, *entry.tracklets}
        others = {
            place: Seen(row.tracklet, row.camera, row.first_ns)
            for place, sighting in enumerate(found.ids.tolist())
            if (row := rows.get(sighting)) is not None and row.first_ns <= seen.first_ns and row.tracklet not in itself
        }
        if not others:
            return 0.0
        return float(self._odds(entry, list(others.values()), found.vectors[list(others)])[1].sum())


def _newest_ns(index: Index) -> int:
    """Event time that the index has come to: a median, so that one camera's clock does not decide it."""
    latest = index.select("SELECT last_ns FROM sightings ORDER BY id DESC LIMIT ?", LATEST)
    return int(np.median(np.array([last_ns for (last_ns,) in latest], np.int64)))
