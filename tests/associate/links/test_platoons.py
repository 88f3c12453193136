"""Platoons: what those who came just before and after say of a travel time."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from associate.links import platoons
from associate.links.appearance import Calibration
from associate.links.model import LinkModel, Terms
from associate.links.platoons import with_platoons
from associate.links.travel_times import Floats
from associate.links.window import Window
from associate.settings import AssociateSettings
from associate.trajectory import Kind
from embed.observation import Message, order_key
from tests.associate.links.samples import CAMERAS, IN_VIEW_S, TOPOLOGY, A, B, C, Trip, no_counts, put_pairs
from tests.associate.samples import associator, looks, play, ticks, tracklet

USUAL = -4.0
"""Log density per second of travel times without neighbours."""

PLATOON: list[Trip] = [(A, B, at_s, 50.0) for at_s in (100.0, 102.0, 104.0, 108.0, 110.0)]
WENT_THROUGH: list[Trip] = [(A, B, at_s, 10.0) for at_s in (300.0, 302.0, 304.0)]


def model() -> LinkModel:
    return LinkModel(TOPOLOGY.bins, no_counts(), TOPOLOGY.priors(CAMERAS), Calibration())


def usual(count: int) -> Terms:
    """The terms of so many pairs of which nothing else is known."""
    none = np.zeros(count)
    return Terms(none + USUAL, none, none, none, none)


def gain(links: Sequence[Trip], asked: Sequence[Trip], *, share: float = 0.9) -> Floats:
    """Log odds that neighbours add to the trips that are asked about."""
    window, by = Window(), model()
    known, unsure = put_pairs(window, links, share), put_pairs(window, asked, 0.5)
    terms = usual(len(asked))
    told = with_platoons(by, window, known, unsure, terms)
    assert [told.gates.tolist(), told.rates.tolist()] == [terms.gates.tolist(), terms.rates.tolist()]
    return told.time - terms.time


def test_a_time_is_likely_where_neighbours_needed_as_long() -> None:
    as_they, unlike = gain([*PLATOON, *WENT_THROUGH], [(A, B, 106.0, 50.0), (A, B, 106.0, 10.0)])
    assert as_they > 0.5 > -0.5 > unlike
    as_they, unlike = gain([*PLATOON, *WENT_THROUGH], [(A, B, 306.0, 10.0), (A, B, 306.0, 50.0)])
    assert as_they > 0.5 > -0.5 > unlike


def test_the_nearer_the_neighbour_the_more_it_says() -> None:
    near, far, gone = gain([(A, B, 100.0, 50.0)], [(A, B, at_s, 10.0) for at_s in (101.0, 115.0, 140.0)])
    assert near < far < gone == 0


def test_those_who_queue_arrive_at_the_pace_of_the_light() -> None:
    """Left 20 s after the one before, arrived 5 s after it: 15 s less on the way is as likely as no difference."""
    queue, none = gain([(A, B, 100.0, 50.0)], [(A, B, 120.0, 35.0), (A, B, 101.0, 35.0)])
    assert queue > none


@pytest.mark.parametrize(
    ("links", "share"),
    [
        ([], 0.9),
        (PLATOON, 0.2),
        ([(B, A, at_s, travel_s) for _, _, at_s, travel_s in PLATOON], 0.9),
        ([(A, C, at_s, travel_s) for _, _, at_s, travel_s in PLATOON], 0.9),
    ],
    ids=["nobody", "improbable links", "the way back", "another way"],
)
def test_others_say_nothing(links: list[Trip], share: float) -> None:
    assert gain(links, [(A, B, 106.0, 50.0), (A, B, 106.0, 10.0)], share=share).tolist() == [0, 0]


def test_fragments_of_a_stay_are_no_platoon() -> None:
    assert gain([(A, A, 100.0, 2.0)], [(A, A, 101.0, 2.0)]).tolist() == [0]


def test_a_pair_does_not_hear_itself_nor_its_rivals() -> None:
    window = Window()
    own = put_pairs(window, [(A, B, 106.0, 50.0)], 0.9)
    terms = usual(1)
    assert with_platoons(model(), window, own, own, terms).time.tolist() == terms.time.tolist()


CYCLE_S, GREEN_S, HEADWAY_S = 40.0, 15.0, 2.0
CLASSES = 12
"""Sorts of vehicles that look alike."""


def behind_a_light(vehicles: int = 150) -> list[Message]:
    """Look-alikes that pass a light between a and b in the order in which they came to it, 3 to 7 s apart."""
    rng = np.random.default_rng(0)
    messages: list[Message] = []
    enter_s, through_s = 5.0, 0.0
    for number in range(vehicles):
        enter_s += float(rng.uniform(3, 7))
        leave_s, kind = enter_s + IN_VIEW_S, int(rng.integers(CLASSES))
        through_s = max(leave_s + 5, through_s + HEADWAY_S)
        if through_s % CYCLE_S > GREEN_S:
            through_s += CYCLE_S - through_s % CYCLE_S
        for camera, at_s in (("a", enter_s), ("b", through_s + 5)):
            noisy = looks(kind) + 0.05 * rng.normal(size=256)
            vector = np.asarray(noisy / np.linalg.norm(noisy), np.float32)
            messages += tracklet(camera, number + 1, vector, at_s, at_s + IN_VIEW_S)
    return sorted([*messages, *ticks("ab", through_s + 60)], key=order_key)


def test_look_alikes_behind_a_light_are_told_apart_by_their_platoon(monkeypatch: pytest.MonkeyPatch) -> None:
    def right_and_wrong() -> tuple[int, int]:
        machine = associator(AssociateSettings(zone="z"), cameras=("a", "b"))
        latest = {e.identity: e for e in play(machine, behind_a_light()) if e.kind is not Kind.RETRACTED}
        links = [
            one.observation.split("|")[2] == other.observation.split("|")[2]
            for event in latest.values()
            for one, other in pairwise(event.visits)
        ]
        return sum(links), len(links) - sum(links)

    right, wrong = right_and_wrong()
    monkeypatch.setattr(platoons, "ALONE_COUNT", 1e9)
    right_alone, wrong_alone = right_and_wrong()
    assert right > right_alone + 20
    assert wrong <= wrong_alone
