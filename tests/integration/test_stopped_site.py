"""A site that is stopped while one of its cameras never connected."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.city.rtsp.server import RtspServer
from tests.integration.pixel_clock import live_units
from tests.system.sites import run_until, write_site

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
    write_site(tmp_path, {camera: server.url(f"/{camera}") for camera in cameras})
    ended = run_until(
        tmp_path, command, settled=lambda each: all(s["analysed"] or s["state"] == "refused" for s in each)
    )
    assert ended.returncode == code, ended.stderr
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
