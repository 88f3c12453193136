"""What is learned from, and how much of it."""

import numpy as np
import pytest

from associate.links import learning
from associate.links.appearance import Calibration
from associate.links.model import LinkModel
from associate.links.window import Window
from tests.associate.links.samples import CAMERAS, TOPOLOGY, A, B, C, no_counts, put_pairs


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50, 211])
def test_examples_of_two_vehicles_are_every_so_many_th_pair(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The same pairs as of a list of all, which at a large site would take gigabytes."""
    monkeypatch.setattr(learning, "OTHERS", 100)
    one, other = np.triu_indices(count, 1)
    step = max(len(one) // 100, 1)
    first, second = learning._some_pairs(count)
    assert (first.tolist(), second.tolist()) == (one[::step].tolist(), other[::step].tolist())


def test_examples_of_a_large_site_take_no_memory() -> None:
    first, second = learning._some_pairs(100_000)
    assert learning.OTHERS <= len(first) <= learning.OTHERS + 1
    assert (first < second).all()
    assert second.max() < 100_000


def arrivals(shares: list[float]) -> list[float]:
    """New vehicles before b and c, of those who came there from a with such shares."""
    window = Window()
    to_b, to_c = (
        put_pairs(window, [(A, end, 100.0 + 5 * number, 30.0) for number in range(20)], share)
        for end, share in zip((B, C), shares, strict=True)
    )
    model = LinkModel(TOPOLOGY.bins, no_counts(), TOPOLOGY.priors(CAMERAS), Calibration())
    counted = np.ones(len(window), np.bool_)
    _, new = learning.ends_and_arrivals(model, window, to_b.joined(to_c), counted, 1000.0)
    assert new.max() <= 1
    return [float(new[window.camera == camera].sum()) for camera in (B, C)]


def test_a_camera_keeps_its_new_vehicles_though_each_may_have_come_from_somewhere() -> None:
    """Of twenty that each probably follow somebody two are new; by the power alone .6, then .2, and soon none."""
    unsure, sure = arrivals([0.9, 0.0])
    assert unsure == pytest.approx(learning.LEAST_NEW * 2)
    assert sure == pytest.approx(20)


def test_links_that_were_missed_do_not_make_new_vehicles() -> None:
    """A tracklet that is linked by .4 counts for less than .6 of a new vehicle, while the least share allows it."""
    half, linked = arrivals([0.4, 1.0])
    assert half == pytest.approx(20 * 0.6**learning.SURE_NEW)
    assert linked == 0
