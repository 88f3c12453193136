"""The log on standard error: for people or as JSON, redacted, and no line twice."""

import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cli.terminal.log_lines import ROOMS, LogFormat, set_up_logging, write_error
from ingest.errors import ConfigError
from tests.ingest.clips import write_clip
from tests.system.command import corridor


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logging is one for the whole process."""
    root, named = logging.getLogger(), [logging.getLogger(room) for room in ROOMS]
    handlers, level, levels = root.handlers[:], root.level, [each.level for each in named]
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for each, before in zip(named, levels, strict=True):
        each.setLevel(before)


def test_each_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(verbose=False, log_format=LogFormat.JSON)
    logging.getLogger("deploy.site").warning("two\nlines of %s", "rtsp://user:hunter2@host/1")
    try:
        raise ValueError("rtsp://user:hunter2@host/1")
    except ValueError:
        logging.getLogger("deploy.site").exception("broken")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("a library's word", RuntimeWarning, stacklevel=1)
    write_error(ConfigError("no such\nfile"))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["level"] for line in lines] == ["warning", "error", "warning", "error"]
    assert lines[0]["message"] == "two\nlines of rtsp://user:***@host/1"
    assert lines[0]["logger"] == "deploy.site"
    assert lines[0]["time"].endswith("+00:00")
    assert "ValueError: rtsp://user:***@host/1" in lines[1]["traceback"]
    assert "a library's word" in lines[2]["message"]
    assert lines[3]["message"] == "no such file"


@pytest.mark.parametrize(
    ("verbose", "terminal", "expected"),
    [
        (False, False, "ours info, ours warning, theirs warning"),
        (False, True, "ours warning, theirs warning"),
        (True, False, "ours debug, ours info, ours warning, theirs info, theirs warning"),
        (True, True, "ours debug, ours info, ours warning, theirs info, theirs warning"),
    ],
)
def test_how_much_is_said(
    verbose: bool,
    terminal: bool,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    set_up_logging(verbose=verbose, log_format=LogFormat.TEXT)
    for name, logger in (("ours", "deploy.site.journal"), ("theirs", "kafka_or_another")):
        for level in ("debug", "info", "warning"):
            getattr(logging.getLogger(logger), level)("%s %s", name, level)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().err)
    assert ", ".join(re.findall(r"(?:ours|theirs) (?:debug|info|warning)", plain)) == expected


def test_logging_that_is_set_up_again_doubles_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    for log_format in (LogFormat.TEXT, LogFormat.JSON, LogFormat.TEXT):
        set_up_logging(verbose=False, log_format=log_format)
    logging.getLogger("deploy").warning("once")
    write_error(ConfigError("an end"))
    assert capsys.readouterr().err == "WARNING: once\nerror: an end\n"


def test_a_run_says_in_json_what_its_cameras_do(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", 50, size=(320, 192))
    cameras = "".join(f'[[cameras]]\nid = "{name}"\nsource = "clip.mp4"\n' for name in "ab")
    (tmp_path / "c.toml").write_text(cameras + '[detect]\ndetector = "motion"\n[associate]\nonly_listed = true\n')
    result = corridor(tmp_path, "--log-format", "json", "run", "c.toml")
    assert result.returncode == 0, result.stderr
    messages = [json.loads(line)["message"] for line in result.stderr.splitlines()]
    assert sorted(messages) == sorted(
        line for name in "ab" for line in (f"camera '{name}' is open", f"camera '{name}' has ended: 50 frames decoded")
    )


def test_the_error_of_a_single_camera_is_there_once(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "c.toml").write_text('[[cameras]]\nid = "a"\nsource = "empty.mp4"\n[detect]\ndetector = "motion"\n')
    result = corridor(tmp_path, "run", "c.toml")
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: camera 'a': cannot open empty.mp4")
