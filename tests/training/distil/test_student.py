"""A student in training goes on where it stood, and as a file says what it says in PyTorch."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.torch

from detect.site_detector import BOXES, HEAT, IMAGES, SiteDetector  # noqa: E402 - torch first
from ingest.clock import SystemClock  # noqa: E402
from ingest.errors import ConfigError  # noqa: E402
from tests.detect.planted_site import METADATA  # noqa: E402
from tests.training.distil.drawn_traffic import after, labelled, never, write_traffic  # noqa: E402
from training.distil.export import DetectorWithDecoding, write_detector  # noqa: E402
from training.distil.network import SiteNetwork  # noqa: E402
from training.distil.student import Student, StudentSpec, best_precision, train  # noqa: E402
from training.encoder.checkpoint import CheckpointError  # noqa: E402
from training.encoder.precision import Precision  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_a_checkpoint_of_other_labels_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    spec = StudentSpec(labels=("car",), size=(64, 64), steps=4, seed=0, sure=0.5, frames=1, data="a")
    Student(spec, best_precision()).save(path)
    other = msgspec.structs.replace(spec, labels=("car", "bus"))
    with pytest.raises(ConfigError, match="was trained with labels = "):
        Student(other, best_precision()).resume(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="is no checkpoint, or is damaged"):
        Student(spec, best_precision()).resume(path)


@pytest.mark.parametrize("scaled", [True, False])
def test_a_checkpoint_goes_on_in_another_precision(tmp_path: Path, scaled: bool) -> None:
    scaling, plain = (Precision(torch.device("cpu"), kind, "test") for kind in (torch.float16, None))
    before, now = (scaling, plain) if scaled else (plain, scaling)
    path = tmp_path / "checkpoint.pt"
    spec = StudentSpec(labels=("car",), size=(64, 64), steps=4, seed=0, sure=0.5, frames=1, data="a")
    first, second = Student(spec, before), Student(spec, now)
    first.step = 3
    with torch.no_grad():
        next(first.network.parameters()).add_(1)
    first.save(path)
    second.resume(path)
    assert second.step == 3
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name]), name


def test_training_goes_on_from_its_checkpoint_bit_by_bit(tmp_path: Path) -> None:
    frames = labelled(write_traffic(tmp_path / "drawn.mp4", frames=24), tmp_path)
    spec = StudentSpec(labels=("car", "truck"), size=(160, 96), steps=6, seed=1, sure=0.5, frames=len(frames), data="a")

    def go(path: Path, stopped: Callable[[], bool] = never, seed: int = 1) -> Student:
        mine = msgspec.structs.replace(spec, seed=seed)
        return train(mine, frames, path, best_precision(), SystemClock(), lambda progress: None, stopped)

    whole = go(tmp_path / "whole.pt")
    assert go(tmp_path / "parts.pt", after(3)).step == 3
    parts = go(tmp_path / "parts.pt")
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, parts.network.state_dict()[name]), name
    other = go(tmp_path / "other.pt", seed=2)
    assert not torch.equal(other.network.state_dict()["heat.1.bias"], whole.network.state_dict()["heat.1.bias"])


def test_the_file_says_what_the_network_says(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = SiteNetwork(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    about = msgspec.structs.replace(METADATA, size=(160, 96))
    path = tmp_path / "site.onnx"
    write_detector(network, about, path)
    first = path.read_bytes()
    write_detector(network, about, path)
    assert path.read_bytes() == first
    images = np.random.default_rng(0).integers(0, 255, (1, 3, 96, 160)).astype(np.float32)
    with torch.no_grad():
        expected = [each.numpy() for each in DetectorWithDecoding(network)(torch.from_numpy(images))]
    assert expected[0].std() > 1e-3, "the same everywhere would prove nothing"
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    told = session.run([HEAT, BOXES], {IMAGES: images})
    openvino = SiteDetector(path, threads=1)._network(images[0].transpose(1, 2, 0).astype(np.uint8))
    for runtime in (told, [openvino[HEAT], openvino[BOXES]]):
        assert np.allclose(runtime[0], expected[0], atol=2e-2)
        assert np.allclose(runtime[1], expected[1], rtol=2e-2, atol=0.5)
    assert np.allclose(told[0], expected[0], atol=1e-5)
