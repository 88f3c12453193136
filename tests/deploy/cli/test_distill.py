"""`corridor distill`: which cameras, what is said of what is wrong, and the whole way on a real clip."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from deploy.cli import distill as distill_command
from deploy.cli.distill import OUT, choose_cameras, distill
from deploy.site.config import parse_config
from ingest.errors import ConfigError, CorridorError
from tests.conftest import ROOT
from tests.ingest.clips import write_clip

CONFIG = """
[[cameras]]
id = "north"
source = "clip.mp4"
realtime = true
[[cameras]]
id = "south"
source = "rtsp://127.0.0.1:9/x"
"""


def command(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(distill)
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(tmp_path / "weights"))
    write_clip(tmp_path / "clip.mp4", 10)
    (tmp_path / "c.toml").write_text(CONFIG)
    return tmp_path


CAMERAS: dict[str, tuple[list[str], bool, dict[str, str]]] = {
    "all of a configuration": ([], True, {"north": "clip.mp4", "south": "rtsp://127.0.0.1:9/x"}),
    "one of them": (["south"], True, {"south": "rtsp://127.0.0.1:9/x"}),
    "a file beside them": (["north", "my film.mp4"], True, {"north": "clip.mp4", "my-film": "my film.mp4"}),
    "files alone": (["clip.mp4", "_.mp4"], False, {"clip": "clip.mp4", "video": "_.mp4"}),
}


@pytest.mark.parametrize("name", CAMERAS)
def test_cameras_and_files(folder: Path, name: str) -> None:
    names, configured, expected = CAMERAS[name]
    for film in ("my film.mp4", "_.mp4"):
        shutil.copy(folder / "clip.mp4", folder / film)
    chosen = choose_cameras(names, parse_config(CONFIG, "c.toml") if configured else None)
    assert {camera.id: camera.source for camera in chosen} == expected
    assert not any(camera.realtime for camera in chosen)


WRONG: dict[str, tuple[list[str], str]] = {
    "no camera": ([], "name video files, or give a configuration"),
    "no such file": (["none.mp4"], r"'none.mp4' is neither a camera \(no --config is given\) nor a video file"),
    "no such camera": (["east", "-c", "c.toml"], r"'east' is neither a camera of the configuration \(north, south\)"),
    "one twice": (["clip.mp4", "./clip.mp4"], "'clip' is given twice"),
    "no such teacher": (["clip.mp4", "--teacher", "yolo"], "'yolo' is not one of: crossroad-1016"),
    "a prompt for one that takes none": (
        ["clip.mp4", "--teacher", "crossroad-1016", "--prompt", "car ."],
        "--prompt is for grounding-dino-swin-t",
    ),
    "no such configuration": (["-c", "none.toml"], "cannot read the configuration none.toml"),
}
NEED_TORCH: dict[str, tuple[list[str], str]] = {
    "missing weights": (["clip.mp4", "--teacher", "crossroad-1016"], "corridor weights pull crossroad-1016"),
    "nothing to resume": (
        ["clip.mp4", "--teacher", "motion", "--resume"],
        "there is nothing to resume in runs/site/site",
    ),
    "another ending": (["clip.mp4", "--teacher", "motion", "-o", "site.pt"], r"must end in \.onnx"),
    "no video": (["c.toml", "--teacher", "motion"], r"camera 'c': c\.toml has no video stream"),
    "no vehicle": (
        ["clip.mp4", "--teacher", "motion"],
        r"motion found no vehicle in 1 frames: is it the right footage",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_user_can_get_wrong(name: str) -> None:
    arguments, message = WRONG[name]
    ended = command(*arguments)
    assert isinstance(ended.exception, ConfigError), ended.output
    assert re.search(message, str(ended.exception))


@pytest.mark.torch
@pytest.mark.parametrize("name", NEED_TORCH)
def test_what_shows_on_the_way(name: str) -> None:
    pytest.importorskip("torch")
    arguments, message = NEED_TORCH[name]
    ended = command(*arguments)
    assert isinstance(ended.exception, CorridorError), ended.output
    assert re.search(message, str(ended.exception))
    assert "\n" not in str(ended.exception)


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.datasets.prepared.find_spec", lambda name: None)
    ended = command("clip.mp4", "--teacher", "motion")
    assert isinstance(ended.exception, ConfigError)
    assert "pip install 'corridor[train]'" in str(ended.exception)


@pytest.mark.torch
def test_the_whole_way(folder: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(shared_data / "weights"))
    clip = shared_data / "video" / "overhead_640x360.mp4"
    arguments = [str(clip), "--teacher", "crossroad-1016", "--minutes", "0.2", "--fps", "2", "--steps", "2"]
    ended = command(*arguments, "-o", "mine.onnx")
    assert ended.exit_code == 3, ended.output  # after two steps it finds nothing yet
    for line in ("frames 24/24", "labels 24/24", "14 frames to learn from", "steps 2/2"):
        assert line in ended.stderr
    assert re.search(r"crossroad-1016: \d.* ms a frame; the student: \d.* ms, \d", ended.stdout)
    assert '[detect] detector = "mine.onnx"' not in ended.stdout
    assert "mine.onnx finds none of the" in ended.stderr
    again = command(*arguments, "-o", "mine.onnx")
    assert "go on with --resume" in str(again.exception)
    for name in ("mine.onnx", "mine/sheet.png", "mine/report.json"):
        assert (folder / name).stat().st_size > 100


@pytest.mark.parametrize(("found", "code"), [(0, 3), (1, 0)])
def test_only_a_detector_that_finds_something_is_recommended(
    monkeypatch: pytest.MonkeyPatch, found: int, code: int
) -> None:
    counts = SimpleNamespace(vehicles=4, found=found, predicted=2, recall=found / 4, precision=found / 2)
    agreement = SimpleNamespace(all=counts, sizes={}, cameras={}, moved=counts, named_alike=0)
    speed = SimpleNamespace(teacher_ms=9.0, student_ms=3.0)
    about = SimpleNamespace(teacher="motion", labels=["vehicle"])
    done = SimpleNamespace(agreement=agreement, speed=speed, about=about, path="s.onnx", sheet="s.png")
    monkeypatch.setattr(distill_command, "distil", lambda *_, **__: done)
    ended = command("clip.mp4", "--teacher", "motion")
    assert ended.exit_code == code, ended.output
    assert ('detector = "s.onnx"' in ended.stdout) == (found > 0)
    assert ("finds none of the 4 vehicles" in ended.stderr) == (found == 0)


def test_brackets_in_paths_are_told_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*args: Any, **rest: Any) -> None:
        args[5].notify("[/x] and [old].mp4 broke off")

    monkeypatch.setattr(distill_command, "distil", stopped)
    ended = command("clip.mp4", "--teacher", "motion", "-o", "[old]/[/x]/site.onnx")
    assert ended.exit_code == 130, ended.exception
    assert "[/x] and [old].mp4 broke off" in ended.stderr
    assert "[old]/[/x]/site\n" in ended.stdout


def test_every_option_is_documented() -> None:
    text = (ROOT / "docs" / "distilling.md").read_text()
    for name in ("config", "teacher", "prompt", "minutes", "fps", "steps", "seed", "out", "resume"):
        assert f"`--{name}`" in text
    assert f"| `--out` | `{OUT}` |" in text
    assert f'detector = "{OUT}"' in text
