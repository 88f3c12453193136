"""Knowledge of an index about its sightings as a whole: camera means, what changes from sighting to sighting of a
vehicle, travel times, and how to read similarities."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from associate.links.appearance import Calibration
from associate.links.travel_times import Floats, Ints
from associate.links.whitening import LATEST as SHRUNK_BY
from associate.links.whitening import Shrinking, shrinking_of
from associate.one_thread import one_thread
from associate.sightings.expectation import Expectation, Linked, Searched
from associate.sightings.probability import calibrated
from associate.sightings.sighting import Filter
from associate.sightings.similarity import CameraMeans, normalised
from deploy.search.opening import Index
from ingest.clock import NS

LATEST = 20_000
"""Linked sightings from which travel times are learned, the latest ones."""

COMPARED = 500
"""Sightings from whose pairs it is learned how alike two vehicles are."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """Camera means of one encoder, what to overlook in its vectors, expectations by time and place, and calibration.

    shrinking: learned from vehicles that association has linked; None where they are too few.
    """

    means: CameraMeans
    shrinking: Shrinking | None
    expectation: Expectation
    calibration: Calibration

    @classmethod
    @one_thread()
    def of(cls, index: Index, encoder: str) -> "Knowledge":
        """Learn from an index as it is now."""
        means, (ids, linked) = index.means(encoder), _linked(index)
        shrinking = _shrinking(index, encoder, means, ids, linked)
        learned = cls(means, shrinking, Expectation(linked, index.cameras_end), Calibration())
        vectors, cameras = index.sample(encoder, COMPARED)
        alike = (centred := learned.centred(vectors, cameras)) @ centred.T
        others = alike[np.triu(cameras[:, None] != cameras[None], 1)]
        return replace(learned, calibration=calibrated(np.asarray(others, np.float64), Calibration()))

    def centred(self, vectors: Vectors, cameras: NDArray[np.int64]) -> Vectors:
        """Vectors (N, D) relative to what their cameras (N,) see; relative to all cameras where none are given.

        What changes between sightings of one vehicle is shrunk in them.
        """
        centred = self.means.centred(vectors, cameras if len(cameras) else np.full(len(vectors), -1))
        return centred if self.shrinking is None else self.shrinking.applied(centred)

    def similarity(self, query: Vectors, vectors: Vectors, cameras: NDArray[np.int64]) -> NDArray[np.float64]:
        """Similarity (N,) of sightings (N, D) to the mean of K centred looks (K, D)."""
        mean = normalised(query.mean(0, keepdims=True))[0]
        return np.asarray(self.centred(vectors, cameras) @ mean, np.float64)

    def odds_from(
        self, searched: Searched, asked: Ints, asked_s: Floats, cameras: Ints, enter_s: Floats, *, missed: bool = False
    ) -> NDArray[np.float64]:
        """Prior odds (N,) of sightings, each by the look (K,) that is nearest in time.

        asked, asked_s: camera numbers and times of the looks. cameras, enter_s: those of the sightings, seconds.
        missed: association has linked the looks, and not with these.
        """
        nearest = np.abs(enter_s[:, None] - asked_s).argmin(1)
        odds = np.zeros(len(enter_s))
        for look in np.unique(nearest).tolist():
            mine = nearest == look
            odds[mine] = self.expectation.odds_from(
                searched, int(asked[look]), enter_s[mine] - asked_s[look], cameras[mine], missed=missed
            )
        return odds

    def searched(self, index: Index, encoder: str, wanted: Filter) -> Searched:
        """Sightings that a filter leaves to be searched."""
        if wanted.empty:
            counts, span_ns = index.known(f"spread of {encoder}", lambda: index.spread(encoder, wanted))
        else:
            counts, span_ns = index.spread(encoder, wanted)
        return Searched(counts.astype(np.float64), span_ns / NS)


def _linked(index: Index) -> tuple[Ints, Linked]:
    """Ids (N,) of the latest sightings that have an identity, and the sightings."""
    rows = index.select(
        "SELECT id, identity, camera, first_ns FROM sightings WHERE identity IS NOT NULL ORDER BY id DESC LIMIT ?",
        LATEST,
    )
    numbers: dict[object, int] = {}
    identity = [numbers.setdefault(name, len(numbers)) for _, name, _, _ in rows]
    linked = Linked(
        np.array(identity, np.int64),
        np.array([camera for _, _, camera, _ in rows], np.int64),
        np.array([first_ns for _, _, _, first_ns in rows], np.float64) / NS,
    )
    return np.array([sighting for sighting, _, _, _ in rows], np.int64), linked


def _shrinking(index: Index, encoder: str, means: CameraMeans, ids: Ints, linked: Linked) -> Shrinking | None:
    """Learn the differences between sightings that follow each other in an identity, at two cameras; of the latest."""
    order = np.lexsort((linked.enter_s, linked.identity))
    one, other = order[:-1], order[1:]
    mine = index.made_by(encoder, ids)
    follows = (linked.identity[one] == linked.identity[other]) & (linked.camera[one] != linked.camera[other])
    follows &= mine[one] & mine[other]
    one, other = one[follows], other[follows]
    if not len(one):
        return None
    latest = np.argsort(linked.enter_s[other], kind="stable")[-SHRUNK_BY:]
    before, after = (
        means.centred(index.vectors(encoder, ids[side].tolist()), linked.camera[side])
        for side in (one[latest], other[latest])
    )
    return shrinking_of(before - after)
