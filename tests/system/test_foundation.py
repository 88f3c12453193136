"""`corridor run` with Grounding DINO and SAM: the real architectures from files with random weights, and bad input.

In this process rather than one of its own, so that their libraries are loaded once, and SAM can be a small one.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("groundingdino")
pytest.importorskip("segment_anything")

import torch

from deploy.cli.main import main
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from detect.foundation import sam
from detect.settings import FoundationSettings
from embed.observation import Observation, decode
from tests.bench.city.crops_set import Shot
from tests.bench.encoder.unseen_city import CityShots
from tests.detect.foundation.grounding_dino_files import write_checkpoint, write_text_encoder
from tests.detect.foundation.sam.networks import small
from tests.ingest.clips import write_clip
from tests.system.test_foundation_check import drawn

pytestmark = pytest.mark.torch

CAMERAS = """
[[cameras]]
id = "one"
source = "{folder}/clip.mp4"

[[cameras]]
id = "two"
source = "{folder}/other.mp4"
"""
DETECT = """
[detect]
detector = "grounding-dino-swin-t"
masks = "sam-vit-b"

[embed]
open_after_s = 0.2
crops = 1

[foundation]
weights = "{folder}/dino.pth"
text_encoder = "{folder}/text"
sam_weights = "{folder}/sam.pth"
cheap = "motion"
device = "cpu"
short_side_px = 64
box_score = 0.99
max_calls_per_s = 0.4
prompt = "Car. Truck"
prompts = {{ two = "bus . ambulance ." }}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints and two clips."""
    folder = tmp_path_factory.mktemp("foundation")
    write_text_encoder(folder / "text")
    write_checkpoint(folder / "dino.pth", folder / "text")
    torch.manual_seed(0)
    torch.save(small().state_dict(), folder / "sam.pth")
    (folder / "cut.pth").write_bytes((folder / "dino.pth").read_bytes()[:1_000_000])
    write_clip(folder / "clip.mp4", 50, size=(160, 96))
    write_clip(folder / "other.mp4", 40, size=(192, 108))
    return folder


class Result(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Result]


@pytest.fixture
def corridor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """The command in a folder of its own, with a small network in SAM's place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setitem(sam.BUILDERS, "vit-b", small)

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["corridor", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return Result(int(ended.value.code or 0), out, err)

    return run


def values_of(path: Path, topic: str) -> list[bytes]:
    log = SqliteLog(path)
    values = [record.value for record in log.read(topic, 0, 100_000)]
    log.close()
    return values


def test_a_run_keeps_to_its_budget_and_gives_the_same_bytes_twice(
    tmp_path: Path, files: Path, corridor: Command
) -> None:
    (tmp_path / "site.toml").write_text((CAMERAS + DETECT).format(folder=files))
    for name in ("first", "second"):
        result = corridor("run", "site.toml", "--status", "status.json")
        assert result.code == 0, result.err
        (tmp_path / "runs").rename(tmp_path / name)
    assert "Key frames: " in result.out
    for status in json.loads((tmp_path / "status.json").read_bytes()):
        use = status["foundation"]
        assert 1 <= sum(use["key_frames"].values()) <= 2, "0.4 a second of a few seconds"
        assert sum(use["key_frames"].values()) + sum(use["spared"].values()) == status["analysed"]
        assert 0 < use["time_share"] < 1
    labels: dict[str, set[str]] = {"one": set(), "two": set()}
    for value in values_of(tmp_path / "first" / "site" / "corridor.db", OBSERVATIONS):
        message = decode(value)
        if isinstance(message, Observation):
            labels[message.camera].add(message.label)
    assert labels["one"] <= {"car", "truck", "vehicle"}
    assert labels["two"] <= {"bus", "ambulance", "vehicle"}
    assert labels["one"] - {"vehicle"}
    assert labels["two"] - {"vehicle"}
    for topic in (OBSERVATIONS, TRAJECTORIES):
        first, second = (values_of(tmp_path / name / "site" / "corridor.db", topic) for name in ("first", "second"))
        assert first == second
        assert first


def test_the_check_runs_through_and_says_that_random_weights_mean_nothing(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.bench.foundation_check import __main__ as check

    settings = FoundationSettings(
        weights=str(files / "dino.pth"),
        text_encoder=str(files / "text"),
        sam_weights=str(files / "sam.pth"),
        device="cpu",
        short_side_px=64,
    )
    monkeypatch.setitem(sam.BUILDERS, "vit-b", small)
    monkeypatch.setattr(check, "random_settings", lambda folder: settings)
    monkeypatch.setattr(check, "drawn_frames", lambda frames, cameras: [drawn()] * frames * cameras)
    monkeypatch.setattr(check, "unseen_shots", some_shots)
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(files / "none"))
    check.main(["--random", "--frames", "1", "--cameras", "1", "--clip", str(files / "clip.mp4"), "--clip-frames", "2"])
    said = capsys.readouterr().out
    assert said.count(check.NOTHING) == 2
    assert "left out: " in said
    rows = [line.split("|")[1].strip() for line in said.splitlines() if line.startswith("| ")]
    dino, sam_name, maskers = check.DINO, check.SAM, [check.SAM, "grabcut", "box"]
    assert rows == ["detector", dino, "masker", *maskers, "prior", *maskers, "none", "detector", dino]
    assert f"{sam_name}'s masks" in said
    assert "clip.mp4, 2 frames, no truth" in said


def some_shots() -> CityShots:
    """Two vehicles before two cameras."""
    rng, box = np.random.default_rng(0), np.array([6, 6, 42, 42], np.float32)
    shots = [
        Shot(rng.integers(0, 256, (48, 48, 3), np.uint8), identity, camera, "car", box, np.zeros((48, 48), np.bool_))
        for identity in ("0001", "0002")
        for camera in ("c001", "c002")
    ]
    return CityShots(shots, np.zeros(4), np.array(["day"] * 4), np.full(4, 48))


LONG = " . ".join(" ".join(["red"] * words) for words in range(1, 24))
WRONG = {
    "damaged weights": ("dino.pth", "cut.pth", "cut.pth is no checkpoint, or is damaged"),
    "other weights": ("dino.pth", "sam.pth", "sam.pth is no checkpoint of Grounding DINO"),
    "no such file": ("dino.pth", "none.pth", "none.pth: No such file"),
    "SAM's damaged": ("sam.pth", "cut.pth", "cut.pth: it is broken, cut short, or no checkpoint"),
    "no text encoder": ("/text", "/texts", "the text encoder"),
    "a long prompt": ('"Car. Truck"', f'"{LONG}"', "the prompt 'red . red red . red red red"),
    "no GPU": ('device = "cpu"', 'device = "cuda:99"', "cuda:99"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_the_models_refuse_is_said_in_a_line(tmp_path: Path, files: Path, corridor: Command, name: str) -> None:
    before, after, message = WRONG[name]
    text = (CAMERAS + DETECT).format(folder=files)
    (tmp_path / "site.toml").write_text(text.replace(before, after))
    result = corridor("run", "site.toml")
    assert result.code == 2
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, result.err
    assert message in errors[0]
    assert "Traceback" not in result.err
