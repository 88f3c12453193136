"""`corridor annotate`: copies where they are asked for, and nothing replaced by accident."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.annotate import plan_copies
from deploy.cli.app import app
from ingest.errors import ConfigError, SourceError
from ingest.video import RecordedVideo
from tests.ingest import odd_clips as odd
from tests.ingest.clips import write_clip


def test_copies_are_not_made_over_something(tmp_path: Path) -> None:
    one, two = tmp_path / "a" / "one.mp4", tmp_path / "b" / "one.mkv"
    for path in (one, two):
        path.parent.mkdir()
        path.touch()
    assert plan_copies([one], tmp_path / "out") == {one: tmp_path / "out" / "one.mp4"}
    for given, folder, message in (
        ([one, two], tmp_path / "out", "two recordings are called 'one'"),
        ([one], tmp_path / "a", "would replace a recording"),
        ([two], tmp_path / "a", "is there already"),
    ):
        with pytest.raises(ConfigError, match=message):
            plan_copies(given, folder)
    assert plan_copies([two], tmp_path / "a", overwrite=True) == {two: one}


def test_one_of_two_recordings_is_none(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 60)
    (tmp_path / "text.mp4").write_text("no video")
    out = tmp_path / "out"
    told = CliRunner().invoke(
        app, ["annotate", str(tmp_path / "text.mp4"), str(clip), "-o", str(out), "--detector", "motion"]
    )
    assert told.exit_code == 3, told.output
    assert "60 frames" in told.output
    assert "text.mp4" in told.output
    assert [path.name for path in out.iterdir()] == ["clip.mp4"]


def test_no_vehicle_at_all_is_an_error(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 3)
    told = CliRunner().invoke(app, ["annotate", str(clip), "-o", str(tmp_path / "out"), "--detector", "motion"])
    assert isinstance(told.exception, SourceError)
    assert "has found no vehicle" in str(told.exception)


def test_a_recording_with_odd_sides_is_copied(tmp_path: Path) -> None:
    """ "width not divisible by 2", of every program that writes H.264 (humble-video 128, gyroflow 46)."""
    odd.encode(tmp_path / "odd.mkv", odd.images(60, (161, 97)), "ffv1")
    told = CliRunner().invoke(
        app, ["annotate", str(tmp_path / "odd.mkv"), "-o", str(tmp_path / "out"), "--detector", "motion"]
    )
    assert told.exit_code == 0, told.output
    copies = list(RecordedVideo(tmp_path / "out" / "odd.mp4", "copy").frames())
    assert len(copies) == 60
    assert all(abs(side - given) <= 1 for side, given in zip(copies[0].size, (161, 97), strict=True))
