"""What a user can get wrong: one line that says what, which value and what to do, and exit code 2."""

import sqlite3
from pathlib import Path

import pytest

from tests.ingest.clips import write_clip
from tests.system.command import corridor

MOTION = '[detect]\ndetector = "motion"\n'


def camera(source: str, extra: str = "") -> str:
    return f'[[cameras]]\nid = "a"\nsource = "{source}"\n{extra}'


CASES = {
    "unknown key": (camera("clip.mp4", "fsp = 3\n") + MOTION, ["cameras[0].fsp"]),
    "not TOML": ("[[cameras]\n", ["c.toml is not valid TOML"]),
    "same id twice": (camera("clip.mp4") * 2 + MOTION, ["'a' is given twice"]),
    "bad scheme": (camera("smtp://host/x") + MOTION, ["smtp://"]),
    "password in the source": (camera("rtsp://me:hunter2@host/x") + MOTION, ["password", "env:"]),
    "missing file": (camera("none.mp4") + MOTION, ["camera 'a'", "none.mp4"]),
    "a folder": (camera(".") + MOTION, ["is not a file"]),
    "empty video": (camera("empty.mp4") + MOTION, ["camera 'a'", "empty.mp4"]),
    "unknown city": (camera("city://atlantis/0") + MOTION, ["atlantis", "smooth"]),
    "unknown camera of a city": (camera("city://smooth/9") + MOTION, ["9"]),
    "missing weights": (camera("clip.mp4"), ["corridor weights pull"]),
    "unset password": (camera("rtsp://me@127.0.0.1:9/x", 'credentials = "env:NOT_SET"\n') + MOTION, ["NOT_SET"]),
    "log in a file's place": (camera("clip.mp4") + MOTION + '[log]\nurl = "sqlite:clip.mp4/x.db"\n', ["clip.mp4"]),
    "log is no log": (camera("clip.mp4") + MOTION + '[log]\nurl = "sqlite:clip.mp4"\n', ["clip.mp4"]),
    "log of another kind": (camera("clip.mp4") + MOTION + '[log]\nurl = "mysql:x"\n', ["log.url 'mysql:x'"]),
    "no broker": (
        camera("clip.mp4") + MOTION + '[log]\nurl = "kafka://127.0.0.1:1"\nconnect_timeout_s = 0.5\n',
        ["no Kafka broker answers at 127.0.0.1:1 within 0.5 s"],
    ),
    "missing weights of Grounding DINO": (
        camera("clip.mp4") + '[detect]\ndetector = "grounding-dino-swin-t"\n',
        ["weights of 'grounding-dino-swin-t' are missing", "corridor weights pull grounding-dino-swin-t"],
    ),
    "missing weights of SAM": (
        camera("clip.mp4") + MOTION + 'masks = "sam-vit-h"\n',
        ["weights of 'sam-vit-h' are missing", "corridor weights pull sam-vit-h"],
    ),
    "a prompt that names nothing": (camera("clip.mp4") + MOTION + '[foundation]\nprompt = ". ."\n', ["names nothing"]),
    "a prompt for nobody": (
        camera("clip.mp4") + MOTION + '[foundation]\nprompts = { north = "bus ." }\n',
        ["foundation.prompts names camera 'north', which is not among the cameras (a)"],
    ),
    "two budgets": (
        camera("clip.mp4") + MOTION + "[foundation]\nmax_calls_per_s = 1\nmax_gpu_share = 0.5\n",
        ["max_calls_per_s 1 and max_gpu_share 0.5", "give one of them"],
    ),
    "no such detector": (
        camera("clip.mp4") + '[detect]\ndetector = "dino"\n',
        ["'dino' is not one of: crossroad-1016"],
    ),
    "a site's detector that is none": (
        camera("clip.mp4") + '[detect]\ndetector = "broken.onnx"\n',
        ["broken.onnx is no detector of corridor distill"],
    ),
    "log of another format": (camera("clip.mp4") + MOTION + '[log]\nurl = "sqlite:future.db"\n', ["format 99"]),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_clip(tmp_path / "clip.mp4", 10)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "broken.onnx").write_bytes(b"onnx")
    with sqlite3.connect(tmp_path / "future.db") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    return tmp_path


@pytest.mark.parametrize("name", CASES)
def test_one_line_and_exit_code_2(folder: Path, name: str) -> None:
    text, expected = CASES[name]
    (folder / "c.toml").write_text(text)
    result = corridor(folder, "run", "c.toml", CORRIDOR_WEIGHTS=str(folder))
    assert result.returncode == 2, result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "Traceback" not in result.stderr
    for word in expected:
        assert word in errors[0]
    assert "hunter2" not in result.stderr + result.stdout


OTHER = {
    "no such file": (["run", "none.toml"], "none.toml"),
    "not text": (["run", "clip.mp4"], "not a text file"),
    "no log yet": (["trajectories"], "there is no log"),
    "no such camera": (["run", "good.toml", "--cameras", "a,b"], "no camera b"),
    "unwritable folder": (["demo", "--out", "clip.mp4/x"], "clip.mp4"),
    "check without a frame": (["cameras", "check", "empty.toml"], "no frame from 1 of 1 cameras: b"),
    "unknown weights": (["weights", "pull", "none"], "none"),
}


@pytest.mark.parametrize("name", OTHER)
def test_other_commands(folder: Path, name: str) -> None:
    arguments, expected = OTHER[name]
    (folder / "good.toml").write_text(camera("clip.mp4") + MOTION)
    (folder / "empty.toml").write_text('[[cameras]]\nid = "b"\nsource = "empty.mp4"\n')
    result = corridor(folder, *arguments, CORRIDOR_WEIGHTS=str(folder))
    assert result.returncode == 2, result.stderr
    assert expected in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_a_good_camera_is_shown(folder: Path) -> None:
    (folder / "good.toml").write_text(camera("clip.mp4"))
    result = corridor(folder, "cameras", "check", "good.toml")
    assert result.returncode == 0
    assert "160x96" in result.stdout
    assert "25.0" in result.stdout


def test_a_cut_off_video_is_processed_to_the_break_and_reported(folder: Path) -> None:
    clip = write_clip(folder / "cut.mp4", 150, size=(320, 192))
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    (folder / "c.toml").write_text(camera("cut.mp4") + MOTION)
    result = corridor(folder, "run", "c.toml")
    assert result.returncode == 3
    assert "not everything was done: camera 'a': cut.mp4 breaks off after" in result.stderr.splitlines()[-1]
    assert "ended" in result.stdout
