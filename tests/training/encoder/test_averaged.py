"""The mean of the weights of two trainings is an encoder like each of them; what has no useful mean is refused."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from deploy.cli.encoder.commands import app
from embed.exported import ExportedEncoder
from embed.network.settings import NetworkSettings
from embed.runtime import on_cpu
from ingest.errors import ConfigError, WeightsError

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytestmark = pytest.mark.torch

from embed.network.inference import read_weights  # noqa: E402 - torch first
from tests.training.random_encoder import random_checkpoint  # noqa: E402
from training.encoder.averaged import write_average  # noqa: E402
from training.encoder.checkpoint import load_network  # noqa: E402
from training.encoder.export import export, metadata_of, write_export  # noqa: E402

SETTINGS = NetworkSettings(name="grl", height=32, width=32, test_feature="msinet")


def trained_on(folder: Path, name: str, seed: int) -> Path:
    """The export of a network that began as `first.pt` and has moved by a little since, on data of that name."""
    network, origin, _ = load_network(folder / "first.pt")
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.05 * value.abs().mean() * torch.randn(value.shape, generator=rng))
    metadata = metadata_of(network, msgspec.structs.replace(origin, data=f"first + {name}", seed=seed))
    write_export(network, metadata, folder / f"{name}.onnx")
    return folder / f"{name}.onnx"


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    random_checkpoint(tmp_path / "first.pt", SETTINGS)
    return [trained_on(tmp_path, "east", 1), trained_on(tmp_path, "west", 2)]


def test_every_weight_is_the_mean_and_the_graph_computes_with_it(pair: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "mean.onnx"
    ended = CliRunner().invoke(app, ["average", *map(str, pair), "-o", str(out)])
    assert ended.exit_code == 0, ended.output
    mean = ExportedEncoder.open(out)
    assert f"{mean.id}: grl, 768 numbers a vehicle" in ended.output
    one, other, both = (read_weights(path.with_suffix(".safetensors"))[1] for path in (*pair, out))
    for name, value in both.items():
        torch.testing.assert_close(value.float(), (one[name].float() + other[name].float()) / 2, rtol=1e-3, atol=1e-4)
    rng = np.random.default_rng(0)
    images, priors = rng.integers(0, 256, (5, 32, 32, 3), np.uint8), rng.random((5, 2, 8, 8)).astype(np.float32)
    from embed.network.gpu import load_weights_beside

    with torch.no_grad():
        expected = load_weights_beside(mean)(torch.from_numpy(images), torch.from_numpy(priors)).numpy()
    np.testing.assert_allclose(on_cpu(mean, 1)(images, priors), expected, atol=5e-3)


def test_the_mean_says_what_it_is_of_and_is_the_same_twice(pair: list[Path], tmp_path: Path) -> None:
    files = [write_average(pair, tmp_path / name) for name in ("a.onnx", "b.onnx")]
    metadata = ExportedEncoder.open(tmp_path / "a.onnx").metadata
    assert metadata.averaged == tuple(ExportedEncoder.open(path).id for path in pair)
    assert (metadata.data, metadata.recipe, metadata.calibration) == ("first + east + west", {}, None)
    assert files[0].id == files[1].id
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_what_has_no_useful_mean_is_refused(pair: list[Path], tmp_path: Path) -> None:
    random_checkpoint(tmp_path / "other.pt", SETTINGS, seed=1)
    export(tmp_path / "other.pt", tmp_path / "other.onnx")
    random_checkpoint(tmp_path / "wide.pt", msgspec.structs.replace(SETTINGS, width=64))
    export(tmp_path / "wide.pt", tmp_path / "wide.onnx")
    for files, told in (
        (pair[:1], "two encoders or more, not 1"),
        ([pair[0], pair[0]], "are the same encoder"),
        ([pair[0], tmp_path / "wide.onnx"], "other settings"),
        ([pair[0], tmp_path / "other.onnx"], "not trained from the same first weights"),
    ):
        with pytest.raises(ConfigError, match=told):
            write_average(files, tmp_path / "mean.onnx")
    (tmp_path / "west.safetensors").write_bytes((tmp_path / "east.safetensors").read_bytes())
    with pytest.raises(WeightsError, match="not of the same export"):
        write_average(pair, tmp_path / "mean.onnx")
    assert not (tmp_path / "mean.onnx").exists()
