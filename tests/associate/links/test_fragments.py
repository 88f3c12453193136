"""Fragments of one stay: where a tracklet begins after another one broke off."""

import msgspec
import numpy as np
import pytest

from associate.links.fragments import LEAST, MOST, nearness
from associate.links.window import Window
from associate.rows import Tracklet
from tests.associate.links.samples import HERE, tracklet


def odds(earlier: Tracklet, later: Tracklet) -> float:
    window = Window()
    window.put(earlier, 0, 0, 0)
    window.put(later, 0, 0, 0)
    return float(nearness(window, np.array([0]), np.array([1]))[0])


@pytest.mark.parametrize(
    ("gap_s", "x", "height", "speed", "near"),
    [
        (1.0, 0.5, 0.1, 0.0, True),  # where the other one broke off
        (1.0, 0.7, 0.1, 0.2, True),  # as far on as it drove
        (1.0, 0.7, 0.1, 0.0, False),  # it stood still
        (1.0, 0.5, 0.3, 0.0, False),  # three times the size
        (0.0, 0.95, 0.1, 0.0, False),  # on the other side
    ],
)
def test_a_fragment_begins_where_the_other_one_would_be(
    gap_s: float, x: float, height: float, speed: float, near: bool
) -> None:
    earlier = tracklet(1, 0, 5, HERE, HERE, speed)
    later = tracklet(2, 5 + gap_s, 9, (x, 0.5, 0.1, height), HERE)
    assert (odds(earlier, later) > 1) is near
    assert LEAST <= odds(earlier, later) <= MOST


def test_the_longer_it_is_gone_the_less_is_said() -> None:
    earlier = tracklet(1, 0, 5, HERE, HERE)
    said = [odds(earlier, tracklet(2, 5 + gap_s, 20, HERE, HERE)) for gap_s in (0.5, 3, 9)]
    assert said[0] > said[1] > said[2]


def test_speed_is_not_carried_on_for_ever() -> None:
    earlier = tracklet(1, 0, 5, HERE, (0.2, 0.5, 0.1, 0.1), 0.3)
    far = msgspec.structs.replace(tracklet(2, 15, 20, HERE, HERE), first=(0.65, 0.5, 0.1, 0.1))
    assert odds(earlier, far) > 0
