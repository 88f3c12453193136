"""IDF1 over decision delay, against values worked out by hand."""

import math

import pytest

from associate.trajectory import Kind, TrajectoryEvent
from ingest.clock import NS
from tests.training.scoring.events import NUMBERS, event
from tests.training.scoring.scenes import camera, rows
from training.scoring.comparison import Comparison
from training.scoring.decisions import read_decisions
from training.scoring.delay import delay_curve

ALL = range(1, 11)
# One vehicle: tracklet 1 in `a` from 0 to 9 s, tracklet 2 in `b` from 60 to 69 s; a box a second.
CAMERAS = [camera(rows(1, ALL), rows(1, ALL), name="a"), camera(rows(1, ALL), rows(2, ALL), name="b", begins_s=60.0)]
ENDS_NS = {1: 9 * NS, 2: 69 * NS}
APART, SAME = 0.5, 1.0
DELAYS = ["online", "0", "1", "2", "5", "10", "30", "60", "final"]

# Events, then IDF1 from online to final.
CASES: dict[str, tuple[list[TrajectoryEvent], list[float]]] = {
    "nothing is ever decided": ([], [APART] * 9),
    # Tracklet 2 is decided 3 s after its end.
    "decided when complete": (
        [event(Kind.CONFIRMED, "x", 11, 1), event(Kind.EXTENDED, "x", 72, 2)],
        [APART, APART, APART, APART, SAME, SAME, SAME, SAME, SAME],
    ),
    # Tracklet 1 has its name from 0 s on; of the second one's ten boxes five come before it is recognised.
    "recognised in view": (
        [event(Kind.PROVISIONAL, "x", 0, 1), event(Kind.CONFIRMED, "x", 11, 1), event(Kind.PROVISIONAL, "x", 65, 2)],
        [0.75, *[SAME] * 8],
    ),
    # Both have identities at once; that these are one is said 45 s after the end of tracklet 2, and a tracklet that
    # had to be used before keeps the name that it had: the first one is asked at 69 s (60 s after its end).
    "merged late": (
        [
            event(Kind.PROVISIONAL, "x", 0, 1),
            event(Kind.PROVISIONAL, "y", 60, 2),
            event(Kind.CONFIRMED, "x", 11, 1),
            event(Kind.CONFIRMED, "y", 71, 2),
            event(Kind.MERGED, "y", 114, after="x"),
        ],
        [APART, APART, APART, APART, APART, APART, APART, SAME, SAME],
    ),
    # The other way round the earlier tracklet would have to be renamed: 60 s after its end it still has its old name.
    # Online only the tenth box of each tracklet has a name from outside: nine of twenty can be right.
    "merged late into the later name": (
        [
            event(Kind.CONFIRMED, "x", 9, 1),
            event(Kind.CONFIRMED, "y", 69, 2),
            event(Kind.MERGED, "x", 114, after="y"),
        ],
        [0.45, *[APART] * 7, SAME],
    ),
    "split again": (
        [
            event(Kind.CONFIRMED, "x", 9, 1),
            event(Kind.EXTENDED, "x", 69, 2),
            event(Kind.SPLIT, "x", 80, 2, after="y"),
        ],
        [0.45, SAME, SAME, SAME, SAME, SAME, APART, APART, APART],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_identities_are_scored_as_they_were_known(case: str) -> None:
    events, expected = CASES[case]
    comparison = Comparison.of(CAMERAS)
    points = delay_curve(comparison, read_decisions(events, NUMBERS), ENDS_NS)
    assert [point.when for point in points] == DELAYS
    assert [point.idf1 for point in points] == pytest.approx(expected)
    for point, idf1 in list(zip(points, expected, strict=True))[1:]:
        assert point.recall is not None
        assert point.precision is not None
        assert point.recall.hits == int(idf1 == SAME)
        assert math.isnan(point.precision.value) == (idf1 == APART)


def test_the_end_of_the_curve_is_the_score_of_the_run() -> None:
    comparison = Comparison.of(CAMERAS)
    decisions = read_decisions(CASES["split again"][0], NUMBERS)
    together, links = comparison.score(decisions.identities())
    final = delay_curve(comparison, decisions, ENDS_NS)[-1]
    assert (final.idf1, final.idp, final.idr) == (together.idf1, together.idp, together.idr)
    assert final.recall == links.recall
