"""The loop learns, goes on bit by bit where it was, and leaves the last good checkpoint whatever happens."""

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from embed.network.settings import NetworkSettings
from ingest.clock import SystemClock
from ingest.errors import ConfigError, SourceError, WeightsError
from tests.conftest import ROOT
from tests.training.random_encoder import random_checkpoint
from tests.training.toy_training import CONTEXT, EXACT, make_job, run
from training.encoder.checkpoint import (
    CheckpointError,
    check_writable,
    load_checkpoint,
    load_network,
    save_checkpoint,
    write_atomically,
)
from training.encoder.export import export
from training.encoder.journal import TrainingProgress
from training.encoder.loop import TrainingCallbacks, train
from training.encoder.memory_bank import MemoryBanks
from training.encoder.precision import Precision
from training.encoder.trainer import DivergedError, Trainer

pytestmark = pytest.mark.torch


def log_of(out: Path) -> list[dict[str, Any]]:
    """The rows without the wall clock."""
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    for row in rows:
        assert row.pop("seconds") >= 0
    return rows


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Equal to the last bit, through dicts and lists of tensors."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            if key != "seconds":
                assert_same(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for place, each in enumerate(one):
            assert_same(each, other[place], f"{where}/{place}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where


def test_killed_and_resumed_is_as_if_never_killed(tmp_path: Path) -> None:
    whole = make_job(tmp_path / "set", tmp_path / "whole")
    run(whole)
    command = [sys.executable, "-m", "tests.training.toy_training", str(tmp_path / "set"), str(tmp_path / "killed")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.split() == ["3", "1"]:
            process.send_signal(signal.SIGKILL)
            break
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    killed = make_job(tmp_path / "set", tmp_path / "killed")
    _, state = load_checkpoint(killed.checkpoint)
    assert (state["epoch"], state["step"]) in {(2, 0), (2, 1)}, "half of it was trained"
    run(killed, resume=True)
    assert_same(load_checkpoint(killed.checkpoint), load_checkpoint(whole.checkpoint))
    assert log_of(tmp_path / "killed") == log_of(tmp_path / "whole")
    assert len(log_of(tmp_path / "whole")) == 4


def test_a_stop_keeps_the_step_it_was_in(tmp_path: Path) -> None:
    spec = make_job(tmp_path / "set", tmp_path / "run", network="msinet", align="none")
    seen: list[TrainingProgress] = []
    run(spec, report=seen.append, stopped=lambda: len(seen) == 3)
    _, state = load_checkpoint(spec.checkpoint)
    assert (state["epoch"], state["step"], state["steps_done"]) == (1, 1, 3)
    trainer = run(spec, resume=True, report=seen.append)
    assert trainer.steps_done == 8
    assert [(progress.epoch, progress.step) for progress in seen] == [(e, s) for e in range(1, 5) for s in (1, 2)]


def test_another_precision_at_a_resume_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spec = make_job(tmp_path / "set", tmp_path / "run", network="msinet", align="none")
    run(spec, stopped=lambda: True)
    other = Precision(torch.device("cpu"), torch.bfloat16, "test")
    train(spec, CONTEXT, other, TrainingCallbacks(SystemClock(), stopped=lambda: True), resume=True)
    assert "was trained in float32 so far and goes on in bfloat16" in caplog.text
    caplog.clear()
    train(spec, CONTEXT, other, TrainingCallbacks(SystemClock(), stopped=lambda: True), resume=True)
    assert "so far" not in caplog.text


def test_two_looks_of_each_image_are_learned_to_agree_and_a_run_goes_on_bit_by_bit(tmp_path: Path) -> None:
    recipe: dict[str, Any] = {"looks": 1.0, "agree_weight": 1.0, "epochs": 2, "teacher_schedule": "falling"}
    whole = make_job(tmp_path / "set", tmp_path / "whole", **recipe)
    run(whole)
    rows = log_of(tmp_path / "whole")
    assert all(row["agree"] > 0 for row in rows)
    assert rows[0]["images"] == 2 * 16, "each of them twice"
    stopped = make_job(tmp_path / "set", tmp_path / "stopped", **recipe)
    run(stopped, stopped=lambda: True)
    run(stopped, resume=True)
    assert_same(load_checkpoint(stopped.checkpoint), load_checkpoint(whole.checkpoint))


def test_contrast_counts_in_the_total_by_its_weight(tmp_path: Path) -> None:
    run(make_job(tmp_path / "set", tmp_path / "with", contrast_weight=3.0, epochs=1))
    run(make_job(tmp_path / "set", tmp_path / "without", epochs=1))
    (row,) = log_of(tmp_path / "with")
    assert row["contrast"] > 0
    others = row["identity"] + row["triplet"] + 2.0 * row["align"]
    assert row["total"] == pytest.approx(others + 3.0 * row["contrast"], rel=1e-4)
    assert log_of(tmp_path / "without")[0]["contrast"] == 0


def test_a_checkpoint_of_the_first_version_goes_on(tmp_path: Path) -> None:
    spec = make_job(tmp_path / "set", tmp_path / "run", network="msinet", align="none", epochs=1)
    run(spec, stopped=lambda: True)
    origin, state = load_checkpoint(spec.checkpoint)
    state["sums"] = state["sums"][:5]  # it had no loss of two looks
    del state["precision"]
    save_checkpoint(spec.checkpoint, origin, state)
    assert run(spec, resume=True).epoch == 1


def test_a_training_begins_with_exported_weights(tmp_path: Path) -> None:
    settings = NetworkSettings(name="grl", height=32, width=32, test_feature="msinet")
    random_checkpoint(tmp_path / "encoder.pt", settings)
    export(tmp_path / "encoder.pt", tmp_path / "encoder.onnx")
    spec = make_job(tmp_path / "set", tmp_path / "run", start=tmp_path / "encoder.safetensors")
    network = Trainer(spec, CONTEXT, EXACT).objective.network
    taken = load_network(tmp_path / "encoder.pt").network.state_dict()
    for key in ("trunk.stem.0.weight", "auxiliary.weight", "adaptors.0.1.running_mean"):
        torch.testing.assert_close(network.state_dict()[key], taken[key], atol=1e-3, rtol=1e-3)
    other = make_job(tmp_path / "set", tmp_path / "other", network="osnet", start=tmp_path / "encoder.safetensors")
    with pytest.raises(ConfigError, match="holds grl, which does not fit this OsNet"):
        Trainer(other, CONTEXT, EXACT)
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    broken = make_job(tmp_path / "set", tmp_path / "broken", start=tmp_path / "broken.safetensors")
    with pytest.raises(WeightsError, match="is not the weights of an export"):
        Trainer(broken, CONTEXT, EXACT)


def test_the_loop_learns(tmp_path: Path) -> None:
    shape: dict[str, Any] = {"vehicles": 6, "pictures": 12, "identities": 6, "images": 4}
    recipe: dict[str, Any] = {
        "epochs": 7,
        "jitter": (0.0, 0.0, 0.0),
        "schedule": "steps",
        "warm_up_epochs": 0,
        "erase": 0.0,
        "ema_decay": 0.0,
        "clip_norm": 0.0,
        "optimiser": "sgd",
        "rate": 0.02,
    }
    spec = make_job(tmp_path / "set", tmp_path / "run", **shape, **recipe)
    run(spec)
    rows = log_of(tmp_path / "run")
    assert rows[0]["identity"] > 3.0, "two branches that guess among six"
    assert rows[-1]["identity"] < 2.5
    network, origin, _ = load_network(spec.checkpoint)
    assert origin == spec.origin
    assert not network.training


def test_the_literal_readings_of_the_paper_train_too(tmp_path: Path) -> None:
    spec = make_job(tmp_path / "set", tmp_path / "run", epochs=1, bank_slots=1, bank_momentum=0.5, triplet="raw")
    trainer = run(spec)
    assert isinstance(trainer.objective.align, MemoryBanks)
    assert (trainer.objective.align.slots, trainer.objective.align.momentum) == (1, 0.5)
    plain = run(make_job(tmp_path / "set", tmp_path / "plain", epochs=1))
    (literal,), (usual,) = log_of(tmp_path / "run"), log_of(tmp_path / "plain")
    assert plain.objective.slots == spec.origin.recipe.batch
    assert literal["triplet"] != usual["triplet"]


def test_validation_sees_the_averaged_network(tmp_path: Path) -> None:
    spec = make_job(tmp_path / "set", tmp_path / "run", network="msinet", align="none", epochs=2)
    modes = []

    def validate(network: torch.nn.Module) -> dict[str, float]:
        modes.append(network.training)
        return {"rank1": 0.5}

    trainer = run(spec, validate=validate)
    assert modes == [False, False]
    assert [row["validation"] for row in log_of(tmp_path / "run")] == [{"rank1": 0.5}] * 2
    deployed = load_network(spec.checkpoint).network
    assert_same(dict(deployed.state_dict()), dict(trainer.network.state_dict()))
    last = trainer.objective.network.state_dict()
    assert any(not torch.equal(value, last[key]) for key, value in deployed.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 0.5}, r"recipe.rate = 0.001, the configuration says 0.5"),
        ({"network": "osnet"}, r"model.name = 'grl', the configuration says 'osnet'"),
        ({"vehicles": 5}, r"other training images \(16 files, .*, now 20 files"),
    ],
    ids=str,
)
def test_a_checkpoint_of_another_training(toy_run: Path, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run(make_job(tmp_path, toy_run, epochs=1, **change), resume=True)


@pytest.fixture(scope="module")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training of one epoch."""
    folder = tmp_path_factory.mktemp("toy")
    run(make_job(folder / "set", folder / "run", epochs=1))
    return folder / "run"


def test_a_finished_run_is_not_trained_over(toy_run: Path, tmp_path: Path) -> None:
    spec = make_job(tmp_path, toy_run, epochs=1)
    with pytest.raises(ConfigError, match=r"exists already \(go on with --resume"):
        run(spec)
    before = spec.checkpoint.read_bytes()
    run(spec, resume=True)
    assert_same(load_checkpoint(spec.checkpoint), torch_loaded(before, tmp_path))


def torch_loaded(data: bytes, folder: Path) -> Any:
    path = folder / "copy.pt"
    path.write_bytes(data)
    return load_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None], ids=["empty", "text", "cut short"])
def test_a_damaged_checkpoint(toy_run: Path, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "checkpoint.pt"
    whole = (toy_run / "checkpoint.pt").read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(CheckpointError, match="is no checkpoint, or is damaged"):
        load_checkpoint(path)


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    spec = make_job(tmp_path / "set", tmp_path / "run", network="msinet", align="none", epochs=2)
    run(spec, stopped=lambda: True)
    before = spec.checkpoint.read_bytes()
    with files_of_at_most(len(before) // 2), pytest.raises(CheckpointError, match=r"cannot write .*the one before it"):
        run(spec, resume=True)
    assert spec.checkpoint.read_bytes() == before
    assert not list(tmp_path.rglob("*.part"))


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As if the disk were full when a file has this size; Python ignores the signal and raises OSError."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    good = make_job(tmp_path / "set", tmp_path / "run", epochs=2)
    run(good, stopped=lambda: True)
    before = good.checkpoint.read_bytes()
    bad = make_job(
        tmp_path / "set", tmp_path / "run", epochs=2, priors=lambda row: np.full((2, 4, 4), np.nan, np.float32)
    )
    with pytest.raises(DivergedError, match=r"the loss is no number any more in epoch 1, step 2 \(total nan.*another"):
        run(bad, resume=True)
    assert good.checkpoint.read_bytes() == before


def test_a_gradient_that_is_no_number_stops_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make_job(tmp_path / "set", tmp_path / "run", epochs=1, clip_norm=0.0)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda parameters, most: torch.tensor(torch.nan))
    told = r"the gradient is no number any more in epoch 1, step 1 \(norm nan\) \(train again"
    with pytest.raises(DivergedError, match=told):
        run(spec)
    assert not spec.checkpoint.exists()


def test_a_validation_that_fails_ends_no_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spec = make_job(tmp_path / "set", tmp_path / "run", network="msinet", align="none", epochs=2)
    seen: list[TrainingProgress] = []

    def validate(network: torch.nn.Module) -> dict[str, float]:
        if seen[-1].epoch == 1:
            raise SourceError("a picture is gone")
        return {"rank1": 0.5}

    run(spec, validate=validate, report=seen.append)
    assert "no validation after epoch 1: a picture is gone" in caplog.text
    assert [row["validation"] for row in log_of(tmp_path / "run")] == [{}, {"rank1": 0.5}]
    assert [dict(progress.validation) for progress in seen] == [{}, {}, {}, {"rank1": 0.5}], "with its own epoch's"


def test_nothing_to_go_on_with_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spec = make_job(tmp_path / "set", tmp_path / "run", network="msinet", align="none", epochs=1)
    run(spec, resume=True)
    assert f"there is no {spec.checkpoint} to go on with" in caplog.text


def test_without_room_for_tensorboard_the_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    for name in ("add_scalar", "close"):
        with monkeypatch.context() as patch:
            patch.setattr(f"training.encoder.journal.SummaryWriter.{name}", full)
            run(make_job(tmp_path / "set", tmp_path / name, network="msinet", align="none", epochs=1))
    assert caplog.text.count("no TensorBoard from here on") == 2
    assert len(log_of(tmp_path / "add_scalar")) == 1


def test_an_unfinished_network_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spec = make_job(tmp_path / "set", tmp_path / "run", network="msinet", align="none", epochs=2)
    run(spec, stopped=lambda: True)
    assert not load_network(spec.checkpoint).finished
    assert "is unfinished: 0 of its 2 epochs" in caplog.text
    caplog.clear()
    run(spec, resume=True)
    assert load_network(spec.checkpoint).finished
    assert not caplog.text


def test_a_place_below_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for write in (lambda path: write_atomically(path, b""), check_writable):
        with pytest.raises(CheckpointError, match=r"cannot write .*: a part of its path is a file"):
            write(tmp_path / "file" / "checkpoint.pt")
        with pytest.raises(CheckpointError, match=r"cannot write .*: it is a folder \(name a file in it\)"):
            write(tmp_path)
    check_writable(tmp_path / "new" / "teacher.npz")
    assert not list((tmp_path / "new").iterdir())
