"""Comparison that all scores over cameras stand on: made once, for any number of namings of the tracklets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from training.scoring.identity import BoxPairs
from training.scoring.links import LinkScores, links_of
from training.scoring.sightings import Sightings, sightings_of
from training.scoring.tracking import TrackScores, score_tracks
from training.scoring.tracks import VISIT_GAP_S, CameraTracks, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Cameras in which a true id is the same vehicle everywhere, and the ids of the run are tracklets.

    tracklets: (R,) of each box of the run, those of the first camera first.
    """

    cameras: Sequence[CameraTracks]
    tracklets: Ints
    pairs: BoxPairs
    sightings: Sightings

    @classmethod
    def of(cls, cameras: Sequence[CameraTracks], *, visit_gap_s: float = VISIT_GAP_S) -> Self:
        """Build the comparison of cameras; raises ValueError for a tracklet in two of them."""
        tracklets = np.concatenate([np.array([], np.int64), *(camera.run.ids for camera in cameras)])
        return cls(cameras, tracklets, BoxPairs.of(cameras), sightings_of(cameras, visit_gap_s=visit_gap_s))

    def score(self, identity_of: Mapping[int, int]) -> tuple[TrackScores, LinkScores]:
        """All cameras as one sequence, and the links, of identities by tracklet."""
        names = self.names(identity_of)
        ends = np.cumsum([len(camera.run) for camera in self.cameras])[:-1]
        named = [
            replace(camera, run=replace(camera.run, ids=ids))
            for camera, ids in zip(self.cameras, np.split(names, ends), strict=True)
        ]
        return score_tracks(named), links_of(self.sightings, identity_of)

    def names(self, identity_of: Mapping[int, int]) -> Ints:
        """Identities (R,) of each box's tracklet; one of its own where it has none."""
        own = 1 + max(identity_of.values(), default=0)
        each, place = np.unique(self.tracklets, return_inverse=True)
        names = [identity_of.get(tracklet, own + number) for number, tracklet in enumerate(each.tolist())]
        return np.array(names, np.int64)[place]
