"""Whitening learned from linked sightings."""

import numpy as np
import pytest
from numpy.typing import NDArray

from associate.links.whitening import DIRECTIONS, EVERY_S, FEWEST, Whitening

DIM, VEHICLES = 128, 60
ENCODER = "e@1"


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


@pytest.fixture
def sightings() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vehicles (V, D), each seen twice: what one is lies everywhere, what light and pose change in four directions."""
    rng = np.random.default_rng(0)
    vehicles, changing = rng.normal(size=(2 * VEHICLES, DIM)), unit(rng.normal(size=(4, DIM)))
    one, other = (
        unit(vehicles + rng.normal(size=(2 * VEHICLES, 4)) @ changing * 12 + rng.normal(size=vehicles.shape) * 0.3)
        for _ in range(2)
    )
    return one, other


def rank_1(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(((one @ other.T).argmax(1) == np.arange(len(one))).mean())


def test_vehicles_that_it_was_not_learned_from_are_told_apart(
    sightings: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> None:
    one, other = sightings
    whitening = Whitening()
    whitening.learn(ENCODER, one[:VEHICLES] - other[:VEHICLES], 40.0)
    plain = rank_1(one[VEHICLES:], other[VEHICLES:])
    apart = [np.stack([whitening.whitened(vector, ENCODER) for vector in side[VEHICLES:]]) for side in (one, other)]
    assert plain < 0.75
    assert rank_1(*apart) > plain + 0.2
    np.testing.assert_allclose(np.linalg.norm(apart[0], axis=1), 1.0, atol=1e-5)


def test_few_links_and_perfect_vectors_teach_nothing(
    sightings: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> None:
    one, other = sightings
    whitening = Whitening()
    whitening.learn(ENCODER, (one - other)[: FEWEST - 1], 40.0)
    whitening.learn(ENCODER, one - one, 40.0)
    assert not len(whitening.rows)
    assert (whitening.whitened(one[0], ENCODER) == one[0]).all()


def test_an_encoder_has_its_own_and_a_time(sightings: tuple[NDArray[np.float32], NDArray[np.float32]]) -> None:
    one, other = sightings
    whitening = Whitening()
    whitening.learn(ENCODER, one - other, 40.0)
    assert (whitening.whitened(one[0], "f@2") == one[0]).all()
    assert [whitening.due(ENCODER, at_s) for at_s in (40 + EVERY_S - 1, 40 + EVERY_S)] == [False, True]
    assert whitening.due("f@2", 0.0)
    (row,) = whitening.rows
    assert len(row.directions) == 4 * DIM * DIRECTIONS
