"""Live cameras of another process: `observe --live`, `associate` and `serve`; and a page whose camera is away."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.city.rtsp.server import RtspServer
from ingest.clock import SystemClock
from ingest.network.h264 import recorded_units
from tests.browser.test_identities import eventually
from tests.browser.test_live import SITE, boxes_keep_to_vehicles
from tests.contracts.kafka_broker import free_ports
from tests.deploy.web.client import Client
from tests.ingest.clips import write_clip
from tests.integration.kafka_log.waiting import wait_until
from tests.system.command import start

if TYPE_CHECKING:
    from playwright.sync_api import Page

STARTS_S = 120.0
"""Three processes load OpenVINO and more, on a machine that may have other work."""


@contextmanager
def running(folder: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """A command in a process of its own, ended by Ctrl-C."""
    process = start(folder, *words)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def loaded(port: int) -> bytes:
    """The live page; what it says where there is none yet."""
    try:
        return Client(port).get("/live").body
    except OSError:
        return b"No process"


DRAWN = "Number(document.querySelector('[data-camera]').dataset.drawn || 0)"


def test_video_and_boxes_of_another_process_and_its_end(page: "Page", tmp_path: Path) -> None:
    clip, clock = write_clip(tmp_path / "clip.mp4", 250, size=(320, 192)), SystemClock()
    (port,) = free_ports(1)
    with ExitStack() as stack, RtspServer() as server:
        server.add("/road", lambda: recorded_units(clip, starts_ns=clock.now_ns(), loop=True))
        (tmp_path / "road.toml").write_text(SITE.format(url=server.url("/road")))
        observing = stack.enter_context(running(tmp_path, "observe", "road.toml", "--live", ":0"))
        log = tmp_path / "runs" / "road" / "corridor.db"
        wait_until(log.exists, STARTS_S)
        stack.enter_context(running(tmp_path, "associate", "road.toml"))
        stack.enter_context(running(tmp_path, "serve", "road.toml", "--listen", f":{port}"))
        # Step 1: video moves, and boxes are where the vehicle is at the capture time
        wait_until(lambda: b"No process" not in loaded(port), STARTS_S)
        page.goto(f"http://localhost:{port}/live")
        page.get_by_text("video, ").wait_for(timeout=1000 * STARTS_S)
        eventually(page, f"{DRAWN} > 20")
        assert boxes_keep_to_vehicles(page)
        # Step 2: the process of the cameras dies; what was seen last stays, with a sentence, also for who comes now
        observing.kill()
        page.get_by_text("cannot be reached").wait_for()
        page.reload()
        page.get_by_text("cannot be reached").wait_for()
        eventually(page, f"{DRAWN} > 0")
        # Step 3: another one comes, with another port and another token, and the video goes on
        stack.enter_context(running(tmp_path, "observe", "road.toml", "--live", ":0"))
        before = page.evaluate(DRAWN)
        page.get_by_text("video, ").wait_for(timeout=1000 * STARTS_S)
        eventually(page, f"{DRAWN} > {before + 5}")
        assert not page.get_by_text("cannot be reached").is_visible()
