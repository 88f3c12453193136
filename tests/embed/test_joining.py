"""Fragments of one stay meet in the middle of the gap, and look alike."""

import numpy as np
import pytest

from embed.joining import Fragment, find_earlier, leads_to
from ingest.clock import NS

SAME = np.array([1.0, 0.0], np.float32)
LIKE = np.array([0.8, 0.6], np.float32)
UNLIKE = np.array([0.3, 0.954], np.float32)


def fragment(from_s: float, x: float, speed: float, side: float = 40, vector: np.ndarray = SAME) -> Fragment:
    """Half a second of a vehicle that moves to the right from a place at a time."""
    offsets_s = np.array([0.0, 0.25, 0.5])
    left = x + speed * offsets_s
    boxes = np.stack([left, np.full(3, 50.0), left + side, np.full(3, 50.0 + side)], axis=1).astype(np.float32)
    return Fragment([round((from_s + each) * NS) for each in offsets_s], boxes, vector)


BEFORE = fragment(0, 0, 40)


@pytest.mark.parametrize(
    ("after", "leads"),
    [
        (fragment(1.0, 40, 40), True),
        (fragment(2.5, 90, 40), True),
        (fragment(1.0, 200, 40), False),
        (fragment(0.3, 20, 40), False),
        (fragment(1.0, 40, 40, side=90), False),
        (fragment(1.0, 60, -120), False),
    ],
    ids=["on its way", "after two seconds", "too far", "at the same time", "of another size", "the other way"],
)
def test_motion_says_whether_they_may_be_one(after: Fragment, leads: bool) -> None:
    assert leads_to(BEFORE, after) is leads


def test_speed_is_from_the_first_box_to_the_last() -> None:
    assert BEFORE.speed.tolist() == [40, 0]
    assert Fragment(BEFORE.times_ns[:1], BEFORE.boxes[:1], SAME).speed.tolist() == [0, 0]


def test_the_gap_begins_at_the_last_box() -> None:
    """A fast vehicle: the box before its last is a side and more behind."""
    assert leads_to(fragment(0, 0, 200), fragment(0.75, 150, 200))
    assert not leads_to(fragment(0, 0, 200), fragment(0.75, 100, 200))


def test_vectors_of_two_encoders_never_meet() -> None:
    longer = np.array([1.0, 0.0, 0.0], np.float32)
    assert find_earlier(fragment(1.0, 40, 40, vector=longer), [BEFORE]) is None
    assert find_earlier(fragment(1.0, 40, 40), [fragment(0, 0, 40, vector=longer)]) is None


def test_the_most_alike_is_continued_and_no_other() -> None:
    after = fragment(1.0, 40, 40)
    several = [fragment(0, 0, 40, vector=LIKE), BEFORE, fragment(0, 300, 40)]
    assert find_earlier(after, several) == 1
    assert find_earlier(after, several[:1]) == 0
    assert find_earlier(after, several[2:]) is None
    assert find_earlier(after, [fragment(0, 0, 40, vector=UNLIKE)]) is None
    assert find_earlier(after, []) is None
