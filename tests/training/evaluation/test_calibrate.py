"""Calibration finds the distributions that cosines were drawn from, and writes them where association reads them."""

from pathlib import Path

import numpy as np
import pytest

from embed.calibration import SHIPPED_CALIBRATIONS, CosineCalibration, calibration_of
from embed.colour import ColourEncoder
from embed.exported import ExportedEncoder
from embed.settings import SHIPPED_FILE
from ingest.errors import ConfigError, WeightsError
from tests.embed.tiny_encoder import write_tiny
from tests.training.datasets import layouts
from training.datasets.base import ImageSet
from training.datasets.registry import open_dataset
from training.evaluation.calibrate import (
    CosinePairs,
    calibrated,
    centred,
    check_each_once,
    cosine_pairs,
    measured_images,
)

READ = CosineCalibration(same_mean=0.5, same_deviation=0.15, others_mean=0.1, others_deviation=0.1)


def drawn(source: str, seed: int, same: float = 0.5, count: int = 2000) -> CosinePairs:
    rng = np.random.default_rng(seed)
    return CosinePairs(source, rng.normal(same, 0.15, count), rng.normal(0.1, 0.1, 3 * count))


def test_the_numbers_are_those_of_all_sources_and_reliable_where_sources_are_alike() -> None:
    found = calibrated([drawn("a", 0), drawn("b", 1)])
    assert found.same_mean == pytest.approx(0.5, abs=0.02)
    assert found.same_deviation == pytest.approx(0.15, abs=0.01)
    assert found.others_mean == pytest.approx(0.1, abs=0.01)
    assert found.others_deviation == pytest.approx(0.1, abs=0.01)
    assert (found.same, found.others, found.sources) == (4000, 12000, ("a", "b"))
    assert found.reliability is not None
    assert found.reliability < 0.03
    unlike = calibrated([drawn("a", 0), drawn("b", 1, same=0.15)])
    assert unlike.reliability is not None
    assert unlike.reliability > 0.1, "what holds on one source does not hold on the other"


def test_one_source_is_judged_by_its_halves() -> None:
    found = calibrated([drawn("a", 0)])
    assert found.sources == ("a",)
    assert found.reliability is not None
    assert found.reliability < 0.05


@pytest.mark.parametrize(("same", "others"), [(0.15, 0.1), (0.1, 0.15), (0.12, 0.12)], ids=["wide", "narrow", "even"])
def test_a_higher_cosine_never_speaks_for_less(same: float, others: float) -> None:
    read = CosineCalibration(same_mean=0.5, same_deviation=same, others_mean=0.1, others_deviation=others)
    ratios = [read.ratio(cosine) for cosine in np.linspace(-1, 1, 101).tolist()]
    assert np.diff(ratios).min() >= -1e-9
    assert ratios[0] < 0 < ratios[-1]
    assert read.ratio(0.4) == pytest.approx(
        -0.5 * ((0.4 - 0.5) / same) ** 2 - np.log(same) + 0.5 * ((0.4 - 0.1) / others) ** 2 + np.log(others)
    )


def test_vectors_are_centred_by_camera() -> None:
    rng = np.random.default_rng(0)
    cameras = np.repeat(["1", "2"], 50)
    vectors = rng.normal(size=(100, 8)) + np.where(cameras == "1", 5.0, -5.0)[:, None]
    unit = centred(vectors, cameras)
    assert np.linalg.norm(unit, axis=1) == pytest.approx(np.ones(100))
    assert abs((unit[:50] @ unit[50:].T).mean()) < 0.05


def test_pairs_are_those_before_two_cameras_and_too_few_are_an_error() -> None:
    rng = np.random.default_rng(1)
    rows = [(f"{identity}_{camera}.jpg", str(identity), str(camera)) for identity in range(25) for camera in (1, 2)]
    images = ImageSet.of(Path("x"), rows)
    found = cosine_pairs("toy", rng.normal(size=(50, 6)), images)
    assert (len(found.same), len(found.others)) == (25, 25 * 24)
    few = images.select(np.arange(20))
    with pytest.raises(ConfigError, match=r"toy: 10 pairs of one vehicle before two cameras and 90 of two are too few"):
        cosine_pairs("toy", rng.normal(size=(20, 6)), few)


def test_a_set_of_nobody_s_vehicles_is_named_with_what_is_needed(tmp_path: Path) -> None:
    layouts.write_images(tmp_path / "crops", ["a.jpg", "b.jpg"])
    with pytest.raises(
        ConfigError, match=r"images .*/crops has no query and no gallery .* \(give a set with identities"
    ):
        measured_images(open_dataset(f"images:{tmp_path / 'crops'}"))


def test_a_set_is_a_source_once_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("one", "copy"):
        layouts.two_camera(tmp_path / name)
    layouts.two_camera(tmp_path / "other", cars=9)
    specs = {name: f"two-camera:{tmp_path / name}" for name in ("one", "copy", "other")}
    specs |= {fold: f"two-camera/{fold}:{tmp_path / 'one'}" for fold in ("fold1", "fold2")}
    measured = {spec: measured_images(open_dataset(spec))[0] for spec in specs.values()}
    check_each_once([(specs[name], measured[specs[name]]) for name in ("other", "fold1", "fold2")])
    for again in ("copy", "one"):
        with pytest.raises(ConfigError, match=rf"'.*/{again}' is the same set as '.*/one' \(give every set once\)"):
            check_each_once([(spec, measured[spec]) for spec in (specs["one"], specs["other"], specs[again])])


def test_a_file_s_own_calibration_counts_before_what_is_known_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHIPPED_CALIBRATIONS, "old@1", READ)
    own = CosineCalibration(same_mean=0.6, same_deviation=0.1, others_mean=0.2, others_deviation=0.1)
    assert calibration_of("old@1") == READ
    assert calibration_of("old@1", own) == own


def test_what_comes_with_the_program_has_a_calibration() -> None:
    shipped = ExportedEncoder.open(SHIPPED_FILE)
    for encoder, stored in ((shipped.id, shipped.metadata.calibration), (ColourEncoder().id, None)):
        read = calibration_of(encoder, stored)
        assert read.same_mean > read.others_mean
        assert read.reliability is not None
        assert read.reliability < 0.05


def test_an_export_without_calibration_gets_the_command() -> None:
    with pytest.raises(WeightsError, match=r"encoder 'mine@0123' does not say .* corridor encoder calibrate FILE.onnx"):
        calibration_of("mine@0123")


@pytest.mark.torch
def test_both_files_of_an_export_get_the_calibration_and_the_new_id(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    from training.encoder.export import write_calibration

    path = write_tiny(tmp_path / "tiny.onnx")
    weights = {"half": np.ones(3, np.float16), "whole": np.ones(2, np.float32)}
    path.with_suffix(".safetensors").write_bytes(safetensors.save(weights, metadata={"id": "of before"}))
    before = ExportedEncoder.open(path)
    with pytest.raises(WeightsError, match="encoder calibrate"):
        calibration_of(before.id, before.metadata.calibration)
    name = write_calibration(path, READ)
    after = ExportedEncoder.open(path)
    assert after.id == name != before.id
    assert calibration_of(after.id, after.metadata.calibration) == READ
    assert after.metadata.model == before.metadata.model
    data = path.with_suffix(".safetensors").read_bytes()
    assert name.encode() in data[:4096]
    np.testing.assert_equal(safetensors.load(data), weights)
