"""The head on clusters of vectors: it is found, sources and types weigh as stated, and confusion counts."""

import numpy as np
import pytest

from embed.vehicle_types import VEHICLE_TYPES
from training.vehicle_types.fit import TypedVectors, confusion, example_weights, fit, without
from training.vehicle_types.tables import accuracy, balanced_accuracy, confusion_lines

DIM = 12


def clusters(counts: list[int], seed: int, spread: float = 0.3) -> TypedVectors:
    """Vectors of norm 1 about one direction a type."""
    rng = np.random.default_rng(seed)
    types = np.repeat(np.arange(len(VEHICLE_TYPES)), counts)
    vectors = np.eye(DIM)[types] + spread * rng.normal(size=(len(types), DIM)) / np.sqrt(DIM)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = np.array([str(row) for row in range(len(types))])
    return TypedVectors(vectors.astype(np.float32), types, names, np.full(len(types), "rear"))


def test_clusters_are_found_and_the_fit_is_the_same_twice() -> None:
    sources = {"one": clusters([40, 30, 5, 20, 40], 1), "other": clusters([100, 0, 3, 0, 9], 2)}
    head = fit(sources, "x@1")
    again = fit(sources, "x@1")
    assert (head.weights == again.weights).all()
    assert (head.bias == again.bias).all()
    assert balanced_accuracy(confusion(head, clusters([30, 30, 30, 30, 30], 3))) > 0.98


def test_the_fit_is_at_the_minimum() -> None:
    """Twice the weight of the decay and of the examples moves nothing but the scale: the loss is convex and solved."""
    source = clusters([25, 25, 25, 25, 25], 4, spread=0.8)
    head = fit({"one": source}, "x@1", decay=1e-2)
    vectors = np.hstack([source.vectors, np.ones((125, 1))]).astype(np.float64)
    weights = np.hstack([head.weights, head.bias[:, None]]).astype(np.float64)
    shares = head.probabilities(source.vectors).astype(np.float64)
    gradient = (shares - np.eye(len(VEHICLE_TYPES))[source.types]).T @ vectors / 125 + 1e-2 * weights
    assert np.abs(gradient).max() < 1e-5


def test_types_weigh_the_same_and_sources_by_the_root_of_their_number() -> None:
    sources = {"one": clusters([90, 10, 1, 1, 1], 1), "other": clusters([10, 10, 1, 1, 1], 2)}
    weights = example_weights(sources)
    types = np.concatenate([it.types for it in sources.values()])
    totals = [weights[types == number].sum() for number in range(len(VEHICLE_TYPES))]
    assert totals == pytest.approx([totals[0]] * len(VEHICLE_TYPES))
    assert weights.mean() == pytest.approx(1)
    cars = types == 0
    of_one, of_other = weights[:103][cars[:103]].sum(), weights[103:][cars[103:]].sum()
    assert of_one / of_other == pytest.approx(3)


def test_confusion_and_its_figures() -> None:
    counts = np.zeros((5, 5), np.int64)
    counts[0] = [6, 2, 0, 0, 0]
    counts[4] = [0, 0, 0, 1, 1]
    assert accuracy(counts) == pytest.approx(0.7)
    assert balanced_accuracy(counts) == pytest.approx((0.75 + 0.5) / 2)
    lines = confusion_lines(counts)
    assert lines[2:] == ["| car | 6 | 2 | 0 | 0 | 0 |", "| motorcycle | 0 | 0 | 0 | 1 | 1 |"]
    assert (accuracy(counts * 0), balanced_accuracy(counts * 0)) == (0, 0)


def test_a_source_is_left_out() -> None:
    one, other = clusters([2, 1, 0, 0, 0], 1), clusters([1, 1, 1, 1, 1], 2)
    assert without("one", {"one": one, "other": other}) == {"other": other}
