"""A password that stands in a camera's path reaches no screen, no log, no status file and no traceback."""

import subprocess
import sys
from pathlib import Path
from signal import SIGINT

import pytest

from tests.ingest.clips import write_clip
from tests.system.command import corridor
from tests.system.sites import run_until, write_site

SECRET = "correct-horse"
SHOWN = {
    "path": f"rtsp://127.0.0.1:1/user=admin_password={SECRET}_channel=1_stream=0.sdp",
    "query": f"http://127.0.0.1:1/videostream.cgi?loginuse=admin&loginpas={SECRET}&rate=0",
    "words": f"rtsp://127.0.0.1:1/user=admin_password={SECRET} battery_channel=1.sdp",
    "encoded": "http://127.0.0.1:1/proxy?src=rtsp%3A%2F%2Fadmin%3Acorrect%2Dhorse%40h%2F1",
    "no-scheme": f"admin:{SECRET}@127.0.0.1/1",
}
"""Sources that are opened, with a warning: the camera may know no other."""

REFUSED = {
    "with a slash": f"rtsp://admin:a/{SECRET}@127.0.0.1:1/1",
    "an address that is none": f"rtsp://[::1/{SECRET}?password={SECRET}",
}


def site(folder: Path, sources: dict[str, str]) -> None:
    """A site with cameras that cannot be opened, and a recording that plays."""
    write_clip(folder / "clip.mp4", 10)
    write_site(folder, {**sources, "clip": "clip.mp4"})


def assert_masked(said: str) -> None:
    """No word of the password is in it, however lines were broken."""
    assert "Traceback" not in said
    for word in ("correct", "horse", "battery"):
        assert word not in "".join(said.split())


def test_cameras_check_shows_no_password(tmp_path: Path) -> None:
    site(tmp_path, SHOWN)
    result = corridor(tmp_path, "--verbose", "cameras", "check", "site.toml", COLUMNS="70")
    assert result.returncode == 3
    for name in SHOWN:
        assert name in result.stdout
    assert_masked(result.stdout + result.stderr)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_does_not_repeat_the_password(tmp_path: Path, name: str) -> None:
    site(tmp_path, {"gate": REFUSED[name]})
    result = corridor(tmp_path, "run", "site.toml")
    assert result.returncode == 2
    assert "camera 'gate'" in result.stderr
    assert_masked(result.stdout + result.stderr)


def test_a_run_says_no_password_on_the_screen_in_the_log_and_in_the_status(tmp_path: Path) -> None:
    site(tmp_path, {"gate": SHOWN["path"]})
    ended = run_until(tmp_path, "--verbose", "run", settled=lambda each: "cannot open" in str(each), number=SIGINT)
    said = ended.stdout + ended.stderr + (tmp_path / "status.json").read_text()
    assert "user=admin_password=***_channel=1_stream=0.sdp" in said
    assert "better write {password} there" in ended.stderr
    assert_masked(said)
    assert all(SECRET.encode() not in path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "a.toml", f"rtsp://admin:{SECRET}@h/1"],
        ["trajectories", "--log", f"kafka:admin:{SECRET}@h/1"],
    ],
    ids=lambda arguments: " ".join(arguments)[:20],
)
def test_what_was_typed_in_the_wrong_place_is_not_repeated(tmp_path: Path, arguments: list[str]) -> None:
    result = corridor(tmp_path, *arguments)
    assert result.returncode == 2
    assert SECRET not in result.stdout + result.stderr


def test_a_traceback_that_nobody_foresaw_is_masked(tmp_path: Path) -> None:
    program = (
        "import threading\nfrom ingest.redact import redact_tracebacks, remember\n"
        "redact_tracebacks()\nremember('correct-horse')\n"
        "def fail(): raise OSError('cannot open rtsp://h/' + '-'.join(['correct', 'horse']))\n"
        "thread = threading.Thread(target=fail)\nthread.start()\nthread.join()\nfail()\n"
    )
    (tmp_path / "program.py").write_text(program)
    result = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.count("OSError: cannot open rtsp://h/***") == 2
    assert result.stderr.count("Traceback") == 2
