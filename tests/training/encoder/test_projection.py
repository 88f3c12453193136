"""A projection forgets what changes within a vehicle and keeps what distinguishes vehicles, in the graph too."""

from pathlib import Path

import numpy as np
import pytest

from ingest.errors import ConfigError
from training.encoder.projection import GroupedVectors, Projection, fit_projection

WIDTH = 12


def source(name: str, seed: int, *, vehicles: int = 60, looks: int = 5) -> GroupedVectors:
    """Vehicles differ a little in the first six directions; looks much in the last two."""
    rng = np.random.default_rng(seed)
    own = np.zeros((vehicles, WIDTH))
    own[:, :6] = 0.3 * rng.normal(size=(vehicles, 6))
    rows = np.repeat(own, looks, axis=0) + 0.02 * rng.normal(size=(vehicles * looks, WIDTH))
    rows[:, -2:] += 2.0 * rng.normal(size=(len(rows), 2))
    return GroupedVectors(name, rows, np.repeat(np.arange(vehicles), looks).astype(str))


def found(projection: Projection | None, of: GroupedVectors) -> float:
    """Share of the vectors whose nearest other one is of the same vehicle."""
    rows = (
        of.vectors / np.linalg.norm(of.vectors, axis=1, keepdims=True) if projection is None else projection(of.vectors)
    )
    alike = rows @ rows.T - 9 * np.eye(len(rows))
    return float((of.groups[alike.argmax(axis=1)] == of.groups).mean())


def test_what_changes_from_look_to_look_is_forgotten() -> None:
    fresh = source("fresh", 9)
    projection = fit_projection([source("a", 0), source("b", 1)], 6, 0.01)
    assert projection.weight.shape == (6, WIDTH)
    assert found(None, fresh) < 0.5
    assert found(projection, fresh) > 0.95


def test_every_source_weighs_the_same() -> None:
    one, other = source("a", 0), source("b", 1)
    twice = GroupedVectors("a", np.concatenate([one.vectors] * 2), np.concatenate([one.groups] * 2))
    plain, weighed = fit_projection([one, other], 6, 0.01), fit_projection([twice, other], 6, 0.01)
    assert np.abs(plain(one.vectors) @ plain(one.vectors).T - weighed(one.vectors) @ weighed(one.vectors).T).max() < 0.1


@pytest.mark.parametrize(
    ("of", "dim", "told"),
    [
        (source("a", 0, looks=1), 6, "a: nothing in it is shown twice"),
        (source("a", 0), WIDTH + 1, "13 numbers cannot be made of 12"),
    ],
    ids=["one of each", "too many"],
)
def test_what_cannot_be_fitted(of: GroupedVectors, dim: int, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        fit_projection([of], dim, 0.01)


@pytest.mark.torch
def test_an_export_with_a_projection_is_one_graph_and_its_twin(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from embed.exported import ExportedEncoder
    from embed.network.gpu import load_weights_beside
    from embed.network.settings import NetworkSettings
    from embed.runtime import on_cpu
    from tests.training.random_encoder import random_checkpoint
    from training.encoder.export import export
    from training.encoder.projected import write_projected

    random_checkpoint(tmp_path / "a.pt", NetworkSettings(name="grl", height=32, width=32, test_feature="msinet"))
    before = export(tmp_path / "a.pt", tmp_path / "a.onnx")
    rng = np.random.default_rng(0)
    images, priors = rng.integers(0, 256, (5, 32, 32, 3), np.uint8), rng.random((5, 2, 8, 8)).astype(np.float32)
    plain = on_cpu(ExportedEncoder.open(tmp_path / "a.onnx"), 1)(images, priors)
    vectors = rng.normal(size=(90, 768))
    grouped = GroupedVectors("toy", vectors, np.repeat(np.arange(30), 3).astype(str))
    files = write_projected(tmp_path / "a.onnx", tmp_path / "b.onnx", [grouped], dim=7, ridge=0.5)
    after = ExportedEncoder.open(tmp_path / "b.onnx")
    assert files.id == after.id != before.id
    assert (after.metadata.dim, after.metadata.model.projection) == (7, 7)
    assert after.metadata.projection == f"{before.id}, ridge 0.5, of toy"
    expected = fit_projection([grouped], 7, 0.5)(plain)
    np.testing.assert_allclose(on_cpu(after, 1)(images, priors), expected, atol=5e-3)
    with torch.no_grad():
        twin = load_weights_beside(after)(torch.from_numpy(images), torch.from_numpy(priors)).numpy()
    np.testing.assert_allclose(twin, expected, atol=5e-3)
    with pytest.raises(ConfigError, match="has a projection already"):
        write_projected(tmp_path / "b.onnx", tmp_path / "c.onnx", [grouped], dim=5, ridge=0.5)


@pytest.mark.torch
def test_vehicles_of_which_there_are_few_crops_are_seen_in_looks(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.embed.tiny_encoder import write_tiny
    from tests.training.datasets import layouts
    from training.encoder.projected import Sampling, grouped_vectors

    encoder, sampling = write_tiny(tmp_path / "tiny.onnx"), Sampling(looks=2, seed=0)
    layouts.write_images(tmp_path / "crops", [f"day/{number}.jpg" for number in range(6)])
    sets = {
        f"folder:{layouts.by_identity(tmp_path / 'several')}": (24, 24),  # eight of ten identities are for training
        f"two-camera:{layouts.two_camera(tmp_path / 'two')}": (50, 150),
        f"images:{tmp_path / 'crops'}": (6, 18),
    }
    for spec, expected in sets.items():
        grouped, crops = grouped_vectors(encoder, spec, sampling, lambda done, of: None)
        assert (crops, len(grouped.vectors)) == expected, spec
