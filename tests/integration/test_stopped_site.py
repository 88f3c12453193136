"""A site that is stopped while one of its cameras never connected."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.city.rtsp.server import RtspServer
from tests.integration.pixel_clock import live_units
from tests.system.command import start

FPS = 10


@pytest.fixture
def server() -> Iterator[RtspServer]:
    running = RtspServer()
    running.add("/a", lambda: live_units(FPS, key_interval_s=0.2))
    running.start()
    yield running
    running.stop()


SITES = {
    "all gave frames": (("a",), 0, ""),
    "one has never connected": (("a", "b"), 3, "not everything was done: camera 'b': cannot open rtsp://"),
    "none has ever connected": (("b",), 2, "error: camera 'b': cannot open rtsp://"),
}


@pytest.mark.parametrize("command", ["run", "observe"])
@pytest.mark.parametrize(("cameras", "code", "told"), SITES.values(), ids=SITES)
def test_exit_codes(
    server: RtspServer, tmp_path: Path, cameras: tuple[str, ...], code: int, told: str, command: str
) -> None:
    tables = [f'[[cameras]]\nid = "{camera}"\nsource = "{server.url("/" + camera)}"\n' for camera in cameras]
    (tmp_path / "site.toml").write_text("".join(tables) + '[detect]\ndetector = "motion"\n')
    process = start(tmp_path, command, "site.toml", "--status", "status.json")
    wait_until_settled(tmp_path / "status.json")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert told in err
    assert "Traceback" not in err


def wait_until_settled(path: Path) -> None:
    """Every camera has given frames, or has been turned away."""
    for _ in range(600):
        if path.exists():
            statuses = json.loads(path.read_bytes())
            if all(status["analysed"] or status["state"] == "refused" for status in statuses):
                return
        time.sleep(0.1)
    raise AssertionError("not all cameras have given frames or been turned away")
