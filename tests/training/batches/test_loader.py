"""Batches come in one order wherever they are begun, and several processes share each of them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from ingest.errors import ConfigError
from tests.conftest import ROOT
from tests.training.toy_training import make_job
from training.batches.loader import Batch, BatchSampler, TrainingSet, batches
from training.batches.sampler import BatchPlan
from training.datasets.base import UNLABELLED
from training.encoder.distributed import DistributedContext
from training.encoder.trainer import TrainingSpec

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")


def plan() -> BatchPlan:
    labels = np.repeat(np.arange(6), 8)
    return BatchPlan.of(labels, np.zeros(48, np.str_), identities=4, images=2, seed=0)


def test_begun_anywhere_the_rest_is_the_same() -> None:
    whole = list(BatchSampler(plan(), range(3), 0))
    first = len(plan().epoch(0))
    assert list(BatchSampler(plan(), range(1, 3), 2)) == whole[first + 2 :]
    assert [key[0] for key in whole[first]] == [1] * 8
    assert [key[1] for key in whole[1]] == list(range(8, 16))


def test_processes_share_every_batch_by_identities() -> None:
    alone = list(BatchSampler(plan(), range(2), 0))
    shares = [list(BatchSampler(plan(), range(2), 0, rank, 2)) for rank in range(2)]
    for batch, one, two in zip(alone, *shares, strict=True):
        assert sorted(one + two) == sorted(batch)
        assert {key[2] // 8 for key in one}.isdisjoint({key[2] // 8 for key in two})


def test_identities_that_cannot_be_shared() -> None:
    with pytest.raises(ConfigError, match=r"recipe.identities 16 cannot be split over 3 processes"):
        DistributedContext(0, 3, CPU).check_split(16)


def dataset(spec: TrainingSpec) -> TrainingSet:
    labels = np.repeat(np.arange(4), 4)
    return TrainingSet(spec.images, labels, spec.prior_of, spec.origin.model, spec.origin.recipe, spec.origin.seed)


def test_a_batch_is_laid_out_channels_last_and_the_same_every_time(tmp_path: Path) -> None:
    data = dataset(make_job(tmp_path, tmp_path / "run"))
    keys = [[(0, 0, 3), (0, 1, 5), (0, 2, 3)]]
    one, two = (next(batches(data, keys, CPU)) for _ in range(2))  # type: ignore[arg-type]  # any keys will do
    assert isinstance(one, Batch)
    assert one.images.shape == (3, 3, 32, 32)
    assert one.images.is_contiguous(memory_format=torch.channels_last)
    assert one.priors is not None
    assert one.priors.shape == (3, 2, 8, 8)
    assert one.labels.tolist() == [0, 1, 0]
    assert torch.equal(one.images, two.images)
    assert not torch.equal(one.images[0], one.images[2]), "the same picture at another place is augmented anew"


def test_two_looks_of_an_image_stand_in_one_batch_those_with_a_label_first(tmp_path: Path) -> None:
    job = make_job(tmp_path, tmp_path / "run", agree_weight=1.0)
    labels = np.repeat([0, 1, UNLABELLED, 2], 4)
    recipe = job.origin.recipe
    data = TrainingSet(job.images, labels, job.prior_of, job.origin.model, recipe, job.origin.seed)
    batch = next(batches(data, [[(0, 0, 0), (0, 1, 9), (0, 2, 4)]], CPU))  # type: ignore[arg-type]
    assert batch.labels.tolist() == [0, 1, 0, 1, UNLABELLED, UNLABELLED]
    assert batch.crops.tolist() == [0, 2, 0, 2, 1, 1]
    assert not torch.equal(batch.images[0], batch.images[2])
    assert batch.priors is not None
    assert len(batch.priors) == len(batch.images) == 6


def test_two_processes_end_with_the_same_network_and_banks(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--no-python"]
    # Both draw the same pictures into their own folder; what they learn is shared.
    script = f"{sys.executable} -m tests.training.toy_training {tmp_path}/set$RANK {tmp_path}/run"
    done = subprocess.run([*command, "sh", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    said = dict(line.split(": ") for line in done.stdout.splitlines() if line.startswith("process"))
    assert said["process 0"] == said["process 1"]
    assert [line for line in done.stdout.splitlines() if line[0].isdigit()] == [
        f"{e} {s}" for e in (1, 2, 3, 4) for s in (1, 2)
    ]
    assert (tmp_path / "run" / "checkpoint.pt").exists()
