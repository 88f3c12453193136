"""Knowledge of an index about its sightings as a whole: camera means, travel times, and how to read similarities."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from associate.links.appearance import Calibration
from associate.links.travel_times import Floats, Ints
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
    """Camera means of one encoder, expectations by time and place, and the calibration of similarities."""

    means: CameraMeans
    expectation: Expectation
    calibration: Calibration

    @classmethod
    def of(cls, index: Index, encoder: str) -> "Knowledge":
        """Learn from an index as it is now."""
        means = index.means(encoder)
        vectors, cameras = index.sample(encoder, COMPARED)
        alike = (centred := means.centred(vectors, cameras)) @ centred.T
        others = alike[np.triu(cameras[:, None] != cameras[None], 1)]
        calibration = calibrated(np.asarray(others, np.float64), Calibration())
        return cls(means, Expectation(_linked(index), index.cameras_end), calibration)

    def centred(self, vectors: Vectors, cameras: NDArray[np.int64]) -> Vectors:
        """Vectors (N, D) relative to what their cameras (N,) see; relative to all cameras where none are given."""
        return self.means.centred(vectors, cameras if len(cameras) else np.full(len(vectors), -1))

    def similarity(self, query: Vectors, vectors: Vectors, cameras: NDArray[np.int64]) -> NDArray[np.float64]:
        """Similarity (N,) of sightings (N, D) to the mean of K centred looks (K, D)."""
        mean = normalised(query.mean(0, keepdims=True))[0]
        return np.asarray(self.centred(vectors, cameras) @ mean, np.float64)

    def odds_from(
        self, searched: Searched, asked: Ints, asked_s: Floats, cameras: Ints, enter_s: Floats
    ) -> NDArray[np.float64]:
        """Prior odds (N,) of sightings, each by the look (K,) that is nearest in time.

        asked, asked_s: camera numbers and times of the looks. cameras, enter_s: those of the sightings, seconds.
        """
        nearest = np.abs(enter_s[:, None] - asked_s).argmin(1)
        odds = np.zeros(len(enter_s))
        for look in np.unique(nearest).tolist():
            mine = nearest == look
            odds[mine] = self.expectation.odds_from(
                searched, int(asked[look]), enter_s[mine] - asked_s[look], cameras[mine]
            )
        return odds

    def searched(self, index: Index, encoder: str, wanted: Filter) -> Searched:
        """Sightings that a filter leaves to be searched."""
        if wanted.empty:
            counts, span_ns = index.known(f"spread of {encoder}", lambda: index.spread(encoder, wanted))
        else:
            counts, span_ns = index.spread(encoder, wanted)
        return Searched(counts.astype(np.float64), span_ns / NS)


def _linked(index: Index) -> Linked:
    rows = index.select(
        "SELECT identity, camera, first_ns FROM sightings WHERE identity IS NOT NULL ORDER BY id DESC LIMIT ?", LATEST
    )
    numbers: dict[object, int] = {}
    identity = [numbers.setdefault(name, len(numbers)) for name, _, _ in rows]
    return Linked(
        np.array(identity, np.int64),
        np.array([camera for _, camera, _ in rows], np.int64),
        np.array([first_ns for _, _, first_ns in rows], np.float64) / NS,
    )
