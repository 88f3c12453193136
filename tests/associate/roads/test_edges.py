"""Edges that have changed enough to be said anew."""

import pytest

from associate.roads.edges import changed, gone
from associate.roads.records import Edge
from tests.associate.roads.samples import edge


@pytest.mark.parametrize(
    ("now", "said", "expected"),
    {
        "new": (edge(links=3.0), None, True),
        "new, of too few links": (edge(links=2.9), None, False),
        "as it was": (edge(), edge(), False),
        "share a little higher": (edge(share=0.64), edge(), False),
        "share higher": (edge(share=0.66), edge(), True),
        "share lower": (edge(share=0.54), edge(), True),
        "some links more": (edge(links=44.0), edge(), False),
        "many links more": (edge(links=46.0), edge(), True),
        "many links fewer": (edge(links=19.0), edge(), True),
        "a short way is a little slower": (edge(median_s=8.9), edge(), False),
        "a short way is slower": (edge(median_s=9.1), edge(), True),
        "a long way is a little slower": (edge(median_s=64.0), edge(median_s=60.0), False),
        "a long way is slower": (edge(median_s=67.0), edge(median_s=60.0), True),
    }.values(),
)
def test_what_is_said_anew(now: Edge, said: Edge | None, expected: bool) -> None:
    assert changed(now, said) is expected


def test_an_edge_that_is_none_any_more_has_no_travel_times() -> None:
    last = gone(edge(), 7)
    assert (last.key, last.at_ns, last.links, last.share) == (edge().key, 7, 0.0, 0.0)
    assert last.p15_s is last.median_s is last.p85_s is None
