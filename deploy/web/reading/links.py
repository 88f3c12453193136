"""Sightings of a window with the links that are likely between them: those that association made, and their runners-up.

Association states for a sighting how probable its link is, or that it is a new vehicle, and how probable the next best
is: probabilities of one sighting sum to 1 at most. A link that was missed stands here as the runner-up of what was done
instead. Numbers of links are corrected by their expectation over all of these: a link that was made counts with the
probability that it is right, one that was not made with the probability that it was missed (record linkage calls that
the expected number of matches: P. Lahiri and M. Larsen, Regression Analysis With Linked Data, JASA 100, 2005).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deploy.web.index.store import Index
from deploy.web.reading.windows import DAY_NS, Window

READ = (
    "SELECT visits.identity, visits.camera, enter_ns, leave_ns, open, {label}, linked, evidence.probability, rival, "
    "rival_probability FROM visits LEFT JOIN evidence USING (tracklet) {join} "
    "WHERE enter_ns >= ? AND enter_ns < ? ORDER BY enter_ns, tracklet"
)
LABELS = {
    None: ("''", ""),
    "sighting": ("coalesce(tracklets.label, 'vehicle')", "LEFT JOIN tracklets USING (tracklet)"),
    "vehicle": ("identities.label", "JOIN identities ON identities.identity = visits.identity"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """Sightings by time, columns (N,).

    cameras, labels: sorted names, by the numbers in `camera` and `label`. before: the row of the sighting before it of
    the same identity, -1 where it is the first.
    """

    cameras: list[str]
    labels: list[str]
    camera: NDArray[np.int64]
    label: NDArray[np.int64]
    enter_ns: NDArray[np.int64]
    leave_ns: NDArray[np.int64]
    open: NDArray[np.bool_]
    before: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Likely links between sightings, columns (L,).

    earlier, later: rows of the two. probability: that it is right. made: association made it; otherwise it is the
    runner-up of what it did. stated: the probability before those of links from one sighting were brought to 1 in sum.
    """

    earlier: NDArray[np.int64]
    later: NDArray[np.int64]
    probability: NDArray[np.float64]
    stated: NDArray[np.float64]
    made: NDArray[np.bool_]


def read_links(
    index: Index, window: Window, labels: Literal["sighting", "vehicle"] | None = None
) -> tuple[Sightings, Links]:
    """Read the sightings of a window, and of a day to either side, with their links; labels: of which of the two."""
    label, join = LABELS[labels]
    rows = index.tuples(READ.format(label=label, join=join), (window.begin_ns - DAY_NS, window.end_ns + DAY_NS))
    before, found = _followed(rows)
    _, camera, enter_ns, leave_ns, still_open, kind, *_ = zip(*rows, strict=True) if rows else ((),) * 10
    cameras, camera_numbers = _numbered(camera)
    kinds, kind_numbers = _numbered(kind)
    sightings = Sightings(
        cameras,
        kinds,
        camera_numbers,
        kind_numbers,
        np.array(enter_ns, np.int64),
        np.array(leave_ns, np.int64),
        np.array(still_open, np.bool_),
        np.array(before, np.int64),
    )
    return sightings, _links(found, len(rows))


Found = list[tuple[int, int, float, bool]]
"""Row of the earlier and of the later sighting, probability, whether the link was made."""


def _followed(rows: list[tuple[object, ...]]) -> tuple[list[int], Found]:
    """By row the one before it of its identity, and the links; a runner-up is at its last sighting by then."""
    last: dict[object, int] = {}
    before, found = [], []
    for row, (identity, _, _, _, _, _, linked, probability, rival, rival_probability) in enumerate(rows):
        own = last.get(identity, -1)
        before.append(own)
        if linked and own >= 0:
            found.append((own, row, probability, True))
        if rival is not None and rival_probability:
            other = last.get(rival, -1)
            if other not in (-1, own):
                found.append((other, row, rival_probability, False))
        last[identity] = row
    return before, found  # type: ignore[return-value]


def _links(found: Found, count: int) -> Links:
    earlier, later, stated, made = zip(*found, strict=True) if found else ((),) * 4
    earlier_rows, probability = np.array(earlier, np.int64), np.array(stated, np.float64)
    # Rivals were stated at different times: together they may have given one sighting more than one successor.
    leaving = np.bincount(earlier_rows, probability, count) if count else np.zeros(0)
    return Links(
        earlier_rows,
        np.array(later, np.int64),
        probability / np.maximum(leaving[earlier_rows], 1.0),
        probability,
        np.array(made, np.bool_),
    )


def _numbered(names: tuple[str, ...]) -> tuple[list[str], NDArray[np.int64]]:
    known = sorted(set(names))
    numbers = {name: number for number, name in enumerate(known)}
    return known, np.array([numbers[name] for name in names], np.int64)
