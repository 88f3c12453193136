"""Several sets are trained on as one, and no vehicle of one is a vehicle of another."""

from pathlib import Path

import numpy as np
import pytest

from ingest.errors import ConfigError
from tests.training.datasets import layouts
from training.batches.sampler import BatchPlan
from training.datasets.base import UNLABELLED, IdentityMap
from training.datasets.registry import open_dataset
from training.datasets.union import united


def test_one_set_stays_as_it_is(tmp_path: Path) -> None:
    images = open_dataset(str(layouts.veri(tmp_path))).train
    one = united([images])
    assert one.identities.tolist() == images.identities.tolist()
    assert one.path(0) == images.path(0)
    assert one.extra["set"].tolist() == [0] * 4


def test_the_same_names_in_two_sets_are_other_vehicles_and_cameras(tmp_path: Path) -> None:
    sets = [open_dataset(str(layouts.veri(tmp_path / "deep" / name))).train for name in ("a", "b")]
    both = united(sets)
    assert both.identities.tolist() == ["1/0001", "1/0001", "1/0002", "1/0002", "2/0001", "2/0001", "2/0002", "2/0002"]
    assert set(both.cameras[:4]).isdisjoint(both.cameras[4:])
    assert [both.path(row).read_bytes() for row in range(8)] == [
        s.path(row).read_bytes() for s in sets for row in range(4)
    ]
    assert both.extra["set"].tolist() == [0] * 4 + [1] * 4


def test_images_that_nobody_has_told_apart(tmp_path: Path) -> None:
    layouts.write_images(tmp_path / "crops", ["a.jpg", "day 1/b.png", "day 1/north/c.JPG"])
    (tmp_path / "crops" / "readme.txt").write_text("no image")
    data = open_dataset(f"images:{tmp_path / 'crops'}")
    assert data.train.names.tolist() == ["a.jpg", "day 1/b.png", "day 1/north/c.JPG"]
    assert (len(data.query), len(data.gallery), data.notes) == (0, 0, ())
    both = united([data.train, open_dataset(str(layouts.veri(tmp_path / "veri"))).train])
    names = IdentityMap.of(both)
    assert names.identities == ("2/0001", "2/0002")
    assert names.labels(both).tolist() == [UNLABELLED] * 3 + [0, 0, 1, 1]


def test_they_are_never_guessed(tmp_path: Path) -> None:
    layouts.write_images(tmp_path, ["a.jpg", "b.jpg"])
    with pytest.raises(ConfigError, match="looks like none of the data sets known here"):
        open_dataset(str(tmp_path))
    with pytest.raises(ConfigError, match="does not look like 'images': expected images at any depth"):
        open_dataset(f"images:{tmp_path / 'a.jpg'}")


LABELS = np.array([0] * 8 + [1] * 8 + [2] * 4 + [UNLABELLED] * 10)
CAMERAS = np.array(["a", "b"] * 15)


def test_batches_have_both_and_a_small_set_comes_more_often() -> None:
    times = np.array([1] * 16 + [3] * 4 + [1] * 10)
    plan = BatchPlan.of(LABELS, CAMERAS, identities=2, images=2, seed=0, times=times, others_images=3)
    batches = plan.epoch(0)
    assert batches.shape[1] == plan.size == 7
    assert (LABELS[batches[:, :4]] >= 0).all()
    assert (LABELS[batches[:, 4:]] == UNLABELLED).all()
    shown = np.bincount(LABELS[batches[:, :4]].ravel())
    assert shown[2] > 4, "three times its four images, where they can be paired"
    others = np.bincount(batches[:, 4:].ravel(), minlength=30)[20:]
    assert others.max() - others.min() <= 1, "each as often as any other"


def test_without_identities_an_epoch_is_a_pass_over_all() -> None:
    labels = np.full(10, UNLABELLED)
    plan = BatchPlan.of(labels, CAMERAS[:10], identities=16, images=4, seed=0, others_images=3)
    assert plan.size == 3
    assert plan.epoch(1).shape == (3, 3)
    assert len(set(plan.epoch(1).ravel().tolist())) == 9
    assert not np.array_equal(plan.epoch(1), plan.epoch(2))
