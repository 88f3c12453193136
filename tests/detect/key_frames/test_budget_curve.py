"""The measure of the budget's bench: which tracklets count as kept, and which as spurious."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.bench.budget_curve import Kept, Tracklets, compare


def along(first: int, last: int, *, top: float = 0.0, shift: float = 0.0) -> dict[int, NDArray[np.float32]]:
    """A vehicle 10 pixels wide, by frame."""
    return {i: np.array([5 * i + shift, top, 5 * i + 10 + shift, top + 10], np.float32) for i in range(first, last)}


@pytest.mark.parametrize(
    ("name", "reference", "run", "kept", "spurious"),
    [
        ("the same", {1: along(0, 10), 2: along(0, 10, top=50)}, {7: along(0, 10), 9: along(0, 10, top=50)}, 2, 0),
        ("half of it", {1: along(0, 10)}, {1: along(5, 10)}, 1, 0),
        ("less than half", {1: along(0, 10)}, {1: along(6, 10)}, 0, 0),
        ("in pieces", {1: along(0, 12)}, {1: along(0, 4), 2: along(4, 8), 3: along(8, 12)}, 0, 0),
        ("one for two", {1: along(0, 10), 2: along(10, 20)}, {1: along(0, 20)}, 1, 0),
        ("beside it", {1: along(0, 10)}, {1: along(0, 10, shift=5)}, 0, 1),
        ("nothing there", {}, {1: along(0, 10)}, 0, 1),
        ("nothing found", {1: along(0, 10)}, {}, 0, 0),
        ("at another time", {1: along(0, 5)}, {1: along(5, 10)}, 0, 1),
    ],
)
def test_kept_and_spurious(name: str, reference: Tracklets, run: Tracklets, kept: int, spurious: int) -> None:
    told = compare(reference, run, calls=2, frames=20)
    assert (told.kept, told.spurious) == (kept, spurious), name
    assert (told.reference, told.run, told.cost) == (len(reference), len(run), 0.1)


def test_sums_are_of_counts() -> None:
    both = Kept(10, 9, 12, 1, 5, 50) + Kept(2, 1, 2, 0, 5, 50)
    assert both == Kept(12, 10, 14, 1, 10, 100)
    assert both.recall == pytest.approx(10 / 12)
