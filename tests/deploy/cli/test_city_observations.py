"""`corridor city observations`: a preset with traffic and a fleet of one's own, and a configuration that links it."""

import tomllib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from deploy.cli.city.observations import observations
from deploy.log.observations import read_messages
from deploy.log.opening import open_log
from deploy.site.config import load_config
from embed.observation import Observation
from ingest.errors import ConfigError
from ingest.synthetic.world.presets import TRACES, Preset
from training.datasets.city import embedding
from training.datasets.city.embedding import CropSource, Vectors, perfect_vectors

TRAFFIC = TRACES / "grid.city"
SECONDS = 6.0


def made(folder: Path, name: str, **options: Any) -> Path:
    """A log without rendering: of `night-rain`, six cameras, on other traffic with four."""
    path = folder / f"{name}.db"
    given = {"traffic": TRAFFIC, "hours": SECONDS / 3600, "perfect": True, "truth_boxes": True, "workers": 1}
    observations("night-rain", out=str(path), **{**given, **options})
    return path


def seen(path: Path) -> list[Observation]:
    with closing(open_log(f"sqlite:{path}", must_exist=True)) as log:
        return [each for each in read_messages(log) if isinstance(each, Observation)]


def test_traffic_and_fleet_are_those_given(tmp_path: Path) -> None:
    one, same, other = (made(tmp_path, name, fleet_seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert {each.camera for each in seen(one)} == {f"night-rain-{place}" for place in range(4)}
    assert {each.frame_size for each in seen(one)} > {(640, 360), (1280, 720)}  # as night-rain has them
    assert seen(one) == seen(same)
    paths = [[(each.track, each.path) for each in seen(path)] for path in (one, other)]
    assert paths[0] != paths[1]  # other vehicles, other boxes
    truth = [{line.split(",")[1] for line in (tmp_path / f"{name}-truth" / "night-rain-0.gt.txt").read_text().split()}
             for name in ("a", "c")]  # fmt: skip
    assert truth[0] & truth[1]  # that drive the same ways


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "night-rain", "hours": 1.0}, r"--hours 1: the preset 'night-rain' lasts 0\.0667 h"),
        (
            {"preset": "night-rain", "hours": 1e-5},
            r"no vehicle of night-rain is followed in 0\.036 s \(give more --hours",
        ),
        ({"preset": str(TRAFFIC)}, "is traffic itself: give other traffic to a preset"),
        ({"preset": "night-rain", "traffic": Path("nowhere.city")}, "Cannot read the traffic in nowhere.city"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        observations(**{"traffic": TRAFFIC, "perfect": True, "out": str(tmp_path / "log.db"), **options})
    assert not list(tmp_path.iterdir())


def test_the_configuration_beside_the_log_has_its_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path, "perfect")
    assert tomllib.loads(path.with_suffix(".toml").read_text())["associate"]["encoder"] == "perfect@1"
    pytest.importorskip("panda3d", reason="extra `city`")

    def drawn(preset: Preset, sources: Sequence[CropSource], *_: object) -> tuple[Vectors, NDArray[np.float32]]:
        assert (preset.trace, preset.seed) == (TRAFFIC, 3)
        return perfect_vectors(sources, 1), np.ones(len(sources), np.float32)

    monkeypatch.setattr(embedding, "rendered_vectors", drawn)  # rendering takes its time, and is tested elsewhere
    path = made(tmp_path, "colour", perfect=False, encoder="colour", hours=1 / 3600, fleet_seed=3)
    config = load_config(path.with_suffix(".toml"))
    assert (config.embed.encoder, len(config.cameras)) == ("colour", 4)
    assert {each.encoder.partition("@")[0] for each in seen(path)} == {"colour"}
