"""A configuration in a folder whose names are not UTF-8: read and run, and shown escaped."""

import json
import os
from pathlib import Path

import pytest

from tests.ingest.clips import write_clip
from tests.system.command import corridor

ODD = os.fsdecode(b"f\xfcr")
MOTION = '[detect]\ndetector = "motion"\n[embed]\nencoder = "colour"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / ODD
    folder.mkdir()
    write_clip(folder / "clip.mp4", 10)
    return folder


def test_a_site_whose_names_are_not_utf_8_runs(folder: Path) -> None:
    (folder / f"{ODD}.toml").write_text(f'[[cameras]]\nid = "a"\nsource = "clip.mp4"\n{MOTION}')
    result = corridor(folder, "run", f"{ODD}.toml", "--status", f"{ODD}.json")
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert json.loads((folder / f"{ODD}.json").read_bytes())[0]["state"] == "ended"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_error_about_such_a_name_is_one_line(folder: Path, log_format: str) -> None:
    (folder / "site.toml").write_text(f'[[cameras]]\nid = "a"\nsource = "none.mp4"\n{MOTION}')
    result = corridor(folder, "--log-format", log_format, "run", "site.toml")
    assert result.returncode == 2
    assert "f\\udcfcr" in result.stderr.replace("\\\\", "\\")
    assert "Traceback" not in result.stderr
