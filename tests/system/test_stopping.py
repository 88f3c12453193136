"""SIGTERM and Ctrl-C end a command whenever they come, as process 1 of a container too."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import skip_or_fail
from tests.system.command import ENVIRONMENT, start

SITE = '[[cameras]]\nid = "north"\nsource = "rtsp://127.0.0.1:9/x"\n[detect]\ndetector = "motion"\n'
ROOT = Path(__file__).parents[2]
SLOW = "import pathlib, time\npathlib.Path('loading').touch()\ntime.sleep(60)\n"
"""A library that takes its time to load. It lies in the working directory, where it is found before the real one."""

LOADING = {
    "the command line": ("typer", ("--help",)),
    "the configuration": ("msgspec", ("run", "site.toml")),
    "the detectors": ("cv2", ("run", "site.toml")),
    "recordings of the city": ("msgspec", ("city", "render", "smooth")),
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site.toml").write_text(SITE)
    return tmp_path


def wait_for(path: Path) -> None:
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"there is no {path}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize(("library", "arguments"), LOADING.values(), ids=LOADING)
def test_while_libraries_are_loaded(
    site: Path, library: str, arguments: tuple[str, ...], number: signal.Signals
) -> None:
    (site / f"{library}.py").write_text(SLOW)
    process = start(site, *arguments)
    wait_for(site / "loading")
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err


class Contained:
    """`corridor run` as process 1 of a PID namespace."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.outer = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "deploy.cli.main", *arguments],
            cwd=folder,
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def terminate(self) -> tuple[int, str]:
        """Ask it to end, once; its exit code and what it said."""
        children = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        try:
            _, err = self.outer.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.outer.kill()  # takes its child with it
            raise
        return self.outer.returncode, err


@pytest.fixture
def namespaces() -> None:
    """Skip where this user may not make PID namespaces."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--pid", "--fork", "true"], capture_output=True).returncode:
        skip_or_fail("namespaces", "PID namespaces cannot be made here (unshare --pid --fork)")


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("library", ["typer", "cv2"])
def test_as_process_1_while_it_starts(site: Path, library: str) -> None:
    (site / f"{library}.py").write_text(SLOW)
    contained = Contained(site, "run", "site.toml")
    wait_for(site / "loading")
    assert contained.terminate() == (130, "")


@pytest.mark.usefixtures("namespaces")
def test_as_process_1_while_its_only_camera_cannot_be_reached(site: Path) -> None:
    contained = Contained(site, "run", "site.toml", "--status", "status.json")
    wait_for(site / "status.json")
    while not json.loads((site / "status.json").read_bytes())[0]["error"]:
        assert contained.outer.poll() is None
        time.sleep(0.1)
    code, err = contained.terminate()
    assert code == 2
    assert "error: camera 'north': cannot open rtsp://127.0.0.1:9/x" in err
