"""`corridor encoder priors`: a cache, a report and a sheet."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from deploy.cli.encoder_priors import priors
from ingest.errors import ConfigError
from ingest.truth import encode_mask
from tests.training import layouts
from training.datasets.city_layout import BOXES_AND_MASKS, CAMERAS
from training.datasets.opening import open_dataset
from training.prior_cache import PriorCache


def command(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(priors)
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def city_set(root: Path) -> Path:
    """With the truth of all images but one."""
    layouts.veri(root)
    (root / CAMERAS).write_text(json.dumps({f"c{number:03d}": {"preset": "p"} for number in range(1, 20)}))
    mask = encode_mask(np.ones((12, 16), np.bool_))
    names = [path for folder in ("image_train", "image_test") for path in sorted((root / folder).iterdir())]
    rows = [
        {"image": p.name, "folder": p.parent.name, "detected_xyxy": [2, 2, 14, 10], "mask": mask} for p in names[1:]
    ]
    (root / BOXES_AND_MASKS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def test_the_city_s_truth_is_kept_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = command(str(city_set(tmp_path / "set")), "--by", "city")
    assert ended.exit_code == 0, ended.output
    assert "10 of 11 images have a vehicle (90.9%)" in ended.output
    assert "without: image_train/0001_c001_00016450_0.jpg" in ended.output
    (folder,) = (tmp_path / "runs" / "priors").iterdir()
    data = open_dataset(str(tmp_path / "set"))
    assert folder.name == f"city-{data.fingerprint().sha256[:12]}-city"
    PriorCache.open(folder).check(data)
    assert (folder / "without_vehicle.txt").read_text() == "image_train/0001_c001_00016450_0.jpg\n"
    assert (folder / "sheet.png").stat().st_size > 100


def test_a_spoilt_image_does_not_stop_it(tmp_path: Path) -> None:
    spoilt = city_set(tmp_path / "set") / "image_train" / "0002_c002_00030600_0.jpg"
    spoilt.write_bytes(spoilt.read_bytes()[:50])
    ended = command(str(tmp_path / "set"), "--by", "city", "--out", str(tmp_path / "priors"))
    assert "9 of 11 images have a vehicle (81.8%)" in ended.output
    assert "cannot be read: image_train/0002_c002_00030600_0.jpg" in ended.output
    PriorCache.open(tmp_path / "priors").check(open_dataset(str(tmp_path / "set")))


def test_an_unknown_maker_is_one_line(tmp_path: Path) -> None:
    ended = command(str(city_set(tmp_path / "set")), "--by", "sam")
    assert isinstance(ended.exception, ConfigError)
    assert "--by sam --masks grabcut: known are crossroad-1016" in str(ended.exception)


def test_a_detector_finds_real_vehicles(tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(shared_data / "weights"))
    (tmp_path / "set").mkdir()
    crops = sorted((shared_data / "reid" / "hcmc_two_camera").glob("car_*.jpg"))[:12]
    for path in crops:
        shutil.copy(path, tmp_path / "set")
    ended = command(str(tmp_path / "set"), "--out", str(tmp_path / "priors"))
    assert "12 of 12 images have a vehicle" in ended.output
    cache = PriorCache.open(tmp_path / "priors")
    for path in crops:
        prior = cache[path.name]
        assert prior is not None
        assert prior.mask is not None
        box_area = float(np.prod(prior.box[2:] - prior.box[:2]))
        assert 0.2 < prior.mask.mean() <= box_area + 0.05
