"""Batches: P identities by K images, the cameras mixed, every image about once, the same ones every time."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.errors import ConfigError
from training.batches.sampler import BatchPlan


def make_plan(counts: list[int], *, cameras: int = 2, identities: int = 3, images: int = 4, seed: int = 0) -> BatchPlan:
    labels = np.repeat(np.arange(len(counts)), counts)
    names = np.array([f"c{place % cameras}" for count in counts for place in range(count)])
    return BatchPlan.of(labels, names, identities=identities, images=images, seed=seed)


def labels_of(plan: BatchPlan, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    owner = np.zeros(sum(len(group) for group in plan.rows), np.int64)
    for label, group in enumerate(plan.rows):
        owner[group] = label
    return owner[rows]


@pytest.mark.parametrize("counts", [[8] * 6, [1, 2, 3, 30, 5, 9], [1, 1, 1, 2]], ids=str)
def test_a_batch_is_p_identities_by_k_images(counts: list[int]) -> None:
    plan = make_plan(counts)
    batches = plan.epoch(0)
    assert batches.shape[1] == plan.size == 12
    for batch in batches:
        blocks = labels_of(plan, batch).reshape(3, 4)
        assert (blocks == blocks[:, :1]).all(), "an identity's images stand side by side"
        assert len(set(blocks[:, 0])) == 3


def test_an_epoch_shows_every_image_once_where_that_is_possible() -> None:
    plan = make_plan([8] * 6)
    shown = np.bincount(plan.epoch(0).ravel(), minlength=48)
    assert shown.max() == 1
    assert shown.sum() >= 48 - 24, "what is left over are groups of fewer than P identities"
    assert np.bincount(np.concatenate([plan.epoch(epoch).ravel() for epoch in range(20)])).min() > 10


def test_large_identities_are_not_left_over() -> None:
    plan = make_plan([4] * 20 + [80], identities=3)
    shown = labels_of(plan, plan.epoch(0).ravel())
    assert (shown == 20).sum() >= 32


def test_groups_mix_cameras() -> None:
    plan = make_plan([16] * 4, cameras=4)
    for batch in plan.epoch(0):
        for block in batch.reshape(3, 4):
            assert len(set((block % 16) % 4)) == 4


def test_few_images_of_a_camera_are_spread_over_the_groups() -> None:
    labels = np.zeros(12, np.int64)
    cameras = np.array(["rare"] * 3 + ["common"] * 9)
    plan = BatchPlan.of(labels, cameras, identities=1, images=4, seed=0)
    for epoch in range(5):
        assert [(batch < 3).sum() for batch in plan.epoch(epoch)] == [1, 1, 1]


def test_chance_is_the_seed_s_and_the_epoch_s() -> None:
    plan = make_plan([8] * 6)
    assert np.array_equal(plan.epoch(2), make_plan([8] * 6).epoch(2))
    assert not np.array_equal(plan.epoch(2), plan.epoch(3))
    assert not np.array_equal(plan.epoch(2), make_plan([8] * 6, seed=1).epoch(2))


@pytest.mark.parametrize(
    ("counts", "settings", "message"),
    [
        ([8, 8], {"identities": 3}, "a batch wants 3 identities, the training set has 2"),
        ([1, 1, 1], {}, "each of the 3 identities has a single image"),
        ([], {}, "the training set has 0"),
    ],
)
def test_sets_that_give_no_batch(counts: list[int], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plan(counts, **settings)
