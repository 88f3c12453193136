"""What was known when, of events in all their kinds."""

import pytest

from associate.trajectory import Kind, TrajectoryEvent
from deploy.results.journeys import journeys_of
from embed.observation import Observation
from ingest.clock import NS
from tests.associate.samples import associator, convoy, play
from tests.training.scoring.events import NUMBERS, event
from training.scoring.decisions import StatedProbability, read_decisions

# Events; then by moment (s) which of tracklets 1 and 2 have an identity, and whether it is the same one.
APART, SAME, FIRST, SECOND, NONE = "apart", "same", "only 1", "only 2", "none"
CASES: dict[str, tuple[list[TrajectoryEvent], dict[float, str]]] = {
    "nothing": ([], {0: NONE, 99: NONE}),
    "confirmed and extended": (
        [event(Kind.CONFIRMED, "a", 5, 1), event(Kind.EXTENDED, "a", 8, 2)],
        {4.9: NONE, 5: FIRST, 7.9: FIRST, 8: SAME},
    ),
    "a provisional identity already counts": (
        [event(Kind.CONFIRMED, "a", 5, 1), event(Kind.PROVISIONAL, "a", 6, 2), event(Kind.EXTENDED, "a", 9, 2)],
        {5: FIRST, 6: SAME, 9: SAME},
    ),
    "a provisional identity turns out to be another one": (
        [
            event(Kind.CONFIRMED, "a", 5, 1),
            event(Kind.PROVISIONAL, "b", 6, 2),
            event(Kind.MERGED, "b", 9, 2, after="a"),
            event(Kind.EXTENDED, "a", 9, 2),
        ],
        {6: APART, 8.9: APART, 9: SAME},
    ),
    "a provisional sighting is taken away for good": (
        [event(Kind.PROVISIONAL, "a", 5, 1), event(Kind.PROVISIONAL, "b", 5, 2), event(Kind.RETRACTED, "b", 7, 2)],
        {5: APART, 7: FIRST},
    ),
    "taken away and given elsewhere at once": (
        [
            event(Kind.CONFIRMED, "a", 5, 1),
            event(Kind.PROVISIONAL, "a", 6, 2),
            event(Kind.RETRACTED, "a", 7, 2, after="b"),
            event(Kind.CONFIRMED, "b", 7, 2),
        ],
        {6: SAME, 7: APART},
    ),
    "taking away from an identity that it has left is nothing": (
        [
            event(Kind.PROVISIONAL, "b", 5, 2),
            event(Kind.CONFIRMED, "a", 6, 1),
            event(Kind.EXTENDED, "a", 7, 2),
            event(Kind.RETRACTED, "b", 8, 2),
        ],
        {5: SECOND, 6: APART, 7: SAME, 8: SAME},
    ),
    "complete identities are merged late": (
        [
            event(Kind.CONFIRMED, "a", 5, 1),
            event(Kind.CONFIRMED, "b", 6, 2),
            event(Kind.MERGED, "b", 30, after="a"),
        ],
        {6: APART, 29.9: APART, 30: SAME},
    ),
    "a merge of merged ones": (
        [
            event(Kind.CONFIRMED, "a", 5, 1),
            event(Kind.CONFIRMED, "b", 6, 2),
            event(Kind.MERGED, "b", 10, after="c"),
            event(Kind.MERGED, "c", 20, after="a"),
        ],
        {10: APART, 20: SAME},
    ),
    "a complete sighting is split off": (
        [
            event(Kind.CONFIRMED, "a", 5, 1),
            event(Kind.EXTENDED, "a", 6, 2),
            event(Kind.SPLIT, "a", 20, 2, after="b"),
        ],
        {6: SAME, 19.9: SAME, 20: APART},
    ),
    "split off to nowhere": (
        [event(Kind.CONFIRMED, "a", 5, 1), event(Kind.EXTENDED, "a", 6, 2), event(Kind.SPLIT, "a", 20, 2)],
        {6: SAME, 20: FIRST},
    ),
    "closing changes nothing": (
        [event(Kind.CONFIRMED, "a", 5, 1), event(Kind.EXTENDED, "a", 6, 2), event(Kind.CLOSED, "a", 9)],
        {9: SAME},
    ),
    # The watermark was at 10 already: a late message is decided when it comes, whatever time it bears.
    "what is late was not known before": (
        [event(Kind.CONFIRMED, "a", 10, 1), event(Kind.EXTENDED, "a", 4, 2)],
        {4: NONE, 9.9: NONE, 10: SAME},
    ),
    "zones have watermarks of their own": (
        [event(Kind.CONFIRMED, "a", 10, 1), event(Kind.CONFIRMED, "b", 4, 2, zone="other")],
        {4: SECOND, 10: APART},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_identities_as_they_were_known(case: str) -> None:
    events, expected = CASES[case]
    decisions = read_decisions(events, NUMBERS)
    for at_s, relation in expected.items():
        first, second = (decisions.identity_at(tracklet, round(at_s * NS)) for tracklet in (1, 2))
        known = {(True, True): SAME if first == second else APART, (True, False): FIRST, (False, True): SECOND}
        assert known.get((first is not None, second is not None), NONE) == relation, at_s
    last = {tracklet: decisions.identity_at(tracklet, 10**6 * NS) for tracklet in (1, 2)}
    assert decisions.identities() == {tracklet: each for tracklet, each in last.items() if each is not None}


def test_tracklets_that_nobody_knows_are_left_out() -> None:
    assert read_decisions([event(Kind.CONFIRMED, "a", 1, 1)], {}).changes == {}


STATEMENTS = {
    "a link": (
        event(Kind.EXTENDED, "a", 5, 2, before=1, probability=0.8),
        [StatedProbability(Kind.EXTENDED, 2, 1, 0.8)],
    ),
    "a new vehicle": (
        event(Kind.CONFIRMED, "a", 5, 2, probability=0.7),
        [StatedProbability(Kind.CONFIRMED, 2, None, 0.7)],
    ),
    "a link in view": (
        event(Kind.PROVISIONAL, "a", 5, 2, before=1, probability=0.6),
        [StatedProbability(Kind.PROVISIONAL, 2, 1, 0.6)],
    ),
    "a new vehicle in view is asked again when complete": (event(Kind.PROVISIONAL, "a", 5, 2, probability=0.6), []),
    "no evidence": (event(Kind.EXTENDED, "a", 5, 2, before=1), []),
    "the other end is not known": (event(Kind.EXTENDED, "a", 5, 2, before=500, probability=0.8), []),
}


@pytest.mark.parametrize("case", STATEMENTS)
def test_what_is_stated_with_a_probability(case: str) -> None:
    told, expected = STATEMENTS[case]
    assert read_decisions([told], NUMBERS).stated == expected


def test_the_end_of_a_real_run_is_what_its_journeys_say() -> None:
    messages = convoy(40, look_alikes=True)
    events = play(associator(), messages)
    tracklets = sorted({it.tracklet for it in messages if isinstance(it, Observation)})
    numbers = {tracklet: number for number, tracklet in enumerate(tracklets)}
    decisions = read_decisions(events, numbers)
    known, told = decisions.identities(), journeys_of(events).identity_of
    assert {Kind.PROVISIONAL, Kind.CONFIRMED, Kind.EXTENDED, Kind.CLOSED} <= {each.kind for each in events}
    assert set(known) == {numbers[tracklet] for tracklet in told}
    assert len(set(known.values())) == len(set(told.values()))
    assert len({(known[numbers[tracklet]], identity) for tracklet, identity in told.items()}) == len(set(told.values()))
    # Nothing is stated twice of a complete tracklet.
    assert len({it.tracklet for it in decisions.stated if it.kind is not Kind.PROVISIONAL}) == len(told)
