"""From a checkpoint to an encoder in use: the same vectors by PyTorch, ONNX Runtime and OpenVINO."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from deploy.cli.encoder.commands import app
from embed.exported import IMAGES, PRIORS, ExportedEncoder
from embed.network.settings import NetworkSettings
from embed.priors import rasterise
from embed.runtime import RuntimeEncoder, prior_of
from ingest.errors import ConfigError, WeightsError
from tests.embed.test_colour import crop

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytestmark = pytest.mark.torch

from embed.network.gpu import TorchInference, load_weights_beside  # noqa: E402
from embed.network.inference import InferenceModel  # noqa: E402 - torch first
from tests.training.random_encoder import random_checkpoint  # noqa: E402
from training.batches.augment import test_view as plain_view  # noqa: E402
from training.encoder.checkpoint import CheckpointError, load_network  # noqa: E402
from training.encoder.export import export  # noqa: E402

GRL = NetworkSettings(name="grl", height=64, width=64)
NETWORKS = {
    "grl": GRL,
    "grl dense": msgspec.structs.replace(GRL, fusion="dense", test_feature="msinet", height=64, width=96),
    "msinet": NetworkSettings(name="msinet", height=64, width=64, test_feature="neck"),
    "osnet": NetworkSettings(name="osnet", height=64, width=64),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tmp_path_factory.mktemp("exported")


def exported(folder: Path, name: str) -> Path:
    """The .onnx file of a network, beside it its checkpoint and weights; written once."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        random_checkpoint(path.with_suffix(".pt"), NETWORKS[name])
        export(path.with_suffix(".pt"), path)
    return path


@pytest.fixture
def grl(folder: Path) -> Path:
    return exported(folder, "grl")


def inputs(path: Path, count: int) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
    """Rough pictures, no two alike, and priors if they are taken."""
    metadata = ExportedEncoder.open(path).metadata
    rng = np.random.default_rng(count)
    height, width = metadata.size_hw
    images = np.repeat(np.repeat(rng.integers(0, 256, (count, height // 16, width // 16, 3), np.uint8), 16, 1), 16, 2)
    across, down = metadata.prior_size
    return images, rng.random((count, 2, down, across), np.float32) if metadata.priors else None


def cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("nd,nd->n", one.astype(np.float64), other.astype(np.float64)))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_vectors_everywhere(folder: Path, name: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    path = exported(folder, name)
    network = InferenceModel(load_network(path.with_suffix(".pt"))[0])
    encoder = RuntimeEncoder(path, threads=1)
    twin = TorchInference(
        load_weights_beside(ExportedEncoder.open(path)),
        ExportedEncoder.open(path).metadata,
        torch.device("cpu"),
        (1, 2),
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    for count in (1, 2, 7):
        images, priors = inputs(path, count)
        with torch.no_grad():
            expected = network(torch.from_numpy(images), None if priors is None else torch.from_numpy(priors)).numpy()
        given = {IMAGES: images} if priors is None else {IMAGES: images, PRIORS: priors}
        found = {"ONNX Runtime": session.run(None, given)[0], "OpenVINO": encoder._run(images, priors)}
        found["PyTorch, as on a GPU"] = twin(images, priors)
        for engine, vectors in found.items():
            assert vectors.shape == (count, encoder.dim), engine
            assert cosines(vectors, expected).min() > 0.9999, engine
            assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        if count > 1:
            assert cosines(expected[:1], expected[1:2]).max() < 0.9995, "pictures as like as that would prove nothing"


def test_in_use_it_sees_what_it_saw_in_training(grl: Path) -> None:
    """From a crop with box and mask to its vector: the way of the evaluation, and of the running system."""
    crops = [crop((30, 30, 190), size=(90, 60)), crop((180, 70, 30), seed=3, size=(50, 140))]
    told = RuntimeEncoder(grl, threads=1)(crops)
    network = load_network(grl.with_suffix(".pt")).network
    for row, each in enumerate(crops):
        pixels, prior = plain_view(each.image, rasterise(prior_of(each), (64, 64)), (64, 64))
        assert prior is not None
        with torch.no_grad():
            expected = network(*(torch.from_numpy(part).permute(2, 0, 1)[None] for part in (pixels, prior))).numpy()
        assert cosines(told[row : row + 1], expected)[0] > 0.9999
    bare = RuntimeEncoder(grl, threads=1)([replace(each, mask=np.ones_like(each.mask)) for each in crops])
    assert cosines(bare, told).max() < 0.9999, "it makes a difference what it is told"


def test_another_feature_of_the_same_checkpoint(grl: Path, tmp_path: Path) -> None:
    """Its first 512 numbers point where the 512 of the last stage do; it is another encoder all the same."""
    checkpoint = grl.with_suffix(".pt")
    files = export(checkpoint, tmp_path / "long.onnx", feature="msinet")
    short, long = RuntimeEncoder(grl, threads=1), RuntimeEncoder(tmp_path / "long.onnx", threads=1)
    assert (long.dim, files.metadata.model.test_feature) == (768, "msinet")
    assert long.id != short.id
    told = crop((30, 30, 190), size=(90, 60))
    assert cosines(long([told])[:, :512], short([told]))[0] / np.linalg.norm(long([told])[0, :512]) > 0.9999
    random_checkpoint(tmp_path / "osnet.pt", NETWORKS["osnet"])
    with pytest.raises(ConfigError, match="OsNet has no test feature 'f3'"):
        export(tmp_path / "osnet.pt", tmp_path / "osnet.onnx", feature="f3")


def test_the_same_checkpoint_gives_the_same_bytes_and_other_weights_another_id(grl: Path, tmp_path: Path) -> None:
    again = export(grl.with_suffix(".pt"), tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == grl.read_bytes()
    assert again.id == RuntimeEncoder(grl).id
    assert {path: path.stat().st_size for path in again.sizes} == again.sizes
    random_checkpoint(tmp_path / "other.pt", GRL, seed=1)
    assert export(tmp_path / "other.pt", tmp_path / "other.onnx").id != again.id
    grl_weights = grl.with_suffix(".safetensors").read_bytes()
    (tmp_path / "other.safetensors").write_bytes(grl_weights)
    with pytest.raises(WeightsError, match="not of the same export"):
        load_weights_beside(ExportedEncoder.open(tmp_path / "other.onnx"))
    (tmp_path / "again.safetensors").write_bytes(grl_weights[:1000])
    with pytest.raises(WeightsError, match="cannot read the weights"):
        load_weights_beside(ExportedEncoder.open(tmp_path / "again.onnx"))


def test_the_default_network_fits_into_ten_megabytes(tmp_path: Path) -> None:
    random_checkpoint(tmp_path / "encoder.pt", NetworkSettings(test_feature="msinet"))
    files = export(tmp_path / "encoder.pt", tmp_path / "encoder.onnx")
    assert sum(files.sizes.values()) < 10e6
    metadata = ExportedEncoder.open(tmp_path / "encoder.onnx").metadata
    assert metadata.recipe["epochs"] == 350
    assert (metadata.size_hw, metadata.dim, metadata.model.test_feature) == ((256, 256), 768, "msinet")


def test_the_command(grl: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    out = tmp_path / "mine.onnx"
    done = runner.invoke(app, ["export", str(grl.with_suffix(".pt")), "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert ExportedEncoder.open(out).id in done.stdout
    assert str(out.with_suffix(".safetensors")) in done.stdout
    wrong: dict[tuple[str, ...], tuple[type[Exception], str]] = {
        (str(grl), "-o", str(out)): (CheckpointError, "is no checkpoint"),
        (str(grl.with_suffix(".pt")), "-o", str(tmp_path / "mine.pt")): (ConfigError, r"must end in \.onnx"),
    }
    before = out.read_bytes()
    for arguments, (kind, message) in wrong.items():
        with pytest.raises(kind, match=message):
            runner.invoke(app, ["export", *arguments], catch_exceptions=False)
    assert out.read_bytes() == before
