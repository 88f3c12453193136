"""Cameras added, changed, paused and removed in a browser, while `corridor run` watches another one."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from deploy.city.rtsp.server import RtspServer
from deploy.log.topics import CAMERAS
from deploy.site.cameras.changes import remove
from deploy.site.cameras.record import decode
from deploy.site.config import load_config
from deploy.site.site_log import open_site_log
from ingest.clock import SystemClock
from ingest.network.h264 import recorded_units
from tests.browser.conftest import serious
from tests.browser.test_identities import eventually
from tests.browser.test_live import SITE
from tests.browser.test_live_elsewhere import STARTS_S, running
from tests.contracts.kafka_broker import free_ports
from tests.deploy.web.client import Client
from tests.deploy.web.town import Town
from tests.ingest.clips import write_clip
from tests.integration.kafka_log.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

COUNTED = "Number(document.querySelector('[data-analysed]').dataset.analysed)"


SIDE = """
[[cameras]]
id = "side"
source = "{url}"
"""


@contextmanager
def watched(folder: Path) -> Iterator[tuple[int, str]]:
    """`corridor run --web` on a camera, with another that was removed before; yields its port and a third's address."""
    clip, clock = write_clip(folder / "clip.mp4", 250, size=(320, 192)), SystemClock()
    (port,) = free_ports(1)
    with RtspServer() as server:
        for path in ("/road", "/south"):
            server.add(path, lambda: recorded_units(clip, starts_ns=clock.now_ns(), loop=True))
        file = folder / "road.toml"
        file.write_text((SIDE + SITE).format(url=server.url("/road")))
        config = load_config(file)
        with closing(open_site_log(config, file)) as log:
            remove(log, config, "side", at_ns=clock.now_ns(), by="somebody")
        with running(folder, "run", "road.toml", "--web", f":{port}"):
            wait_until(lambda: answers(port), STARTS_S)
            yield port, server.url("/south")


def answers(port: int) -> bool:
    try:
        return Client(port).get("/healthz").status == 200
    except OSError:
        return False


def test_a_camera_is_added_seen_paused_and_removed(
    page: "Page", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with watched(tmp_path) as (port, url):
        # Step 1: its state appears, and its frames are counted
        page.goto(f"http://localhost:{port}/cameras")
        page.get_by_text("Add a camera").click()
        page.get_by_label("Name").fill("south")
        page.get_by_label("Address or file").fill(url)
        page.get_by_role("button", name="Add").click()
        row = page.get_by_role("row", name="south")
        row.get_by_text("running").wait_for(timeout=1000 * STARTS_S)
        row.get_by_role("link", name="south").click()
        eventually(page, f"{COUNTED} > 0")
        first = page.evaluate(COUNTED)
        eventually(page, f"{COUNTED} > {first}")
        page.get_by_alt_text("The last analysed frame of south").wait_for()
        # Step 2: it is paused, and the other one goes on; then removed, and added again
        page.get_by_role("button", name="Pause").click()
        page.get_by_text("paused, as local said").wait_for()
        page.get_by_role("button", name="Resume").wait_for()
        page.get_by_text("Remove …").click()
        page.get_by_role("button", name="Remove south").click()
        page.get_by_role("button", name="Add it again").wait_for()
        page.goto(f"http://localhost:{port}/live")
        assert page.locator("[data-camera]").count() == 1
        page.goto(f"http://localhost:{port}/cameras/road")
        before = page.evaluate(COUNTED)
        eventually(page, f"{COUNTED} > {before}")
        # Step 3: one of the configuration that was removed before the start comes back by its name alone
        page.goto(f"http://localhost:{port}/cameras/side")
        page.get_by_role("button", name="Add it again").click()
        page.get_by_role("row", name="side").get_by_text("running").wait_for(timeout=1000 * STARTS_S)
        page.goto("about:blank")  # nobody asks for more when the server ends


def test_the_forms_work_by_keyboard_alone(page: "Page", living: Town) -> None:
    page.goto(f"http://localhost:{living.port}/cameras")
    page.get_by_text("Add a camera").focus()
    page.keyboard.press("Enter")
    for typed in ("south", "rtsp://10.0.0.8/1"):
        page.keyboard.press("Tab")
        page.keyboard.type(typed)
    page.keyboard.press("Enter")
    page.get_by_role("row", name="south").get_by_text("never heard").wait_for()
    page.get_by_role("link", name="south").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    page.get_by_text("paused, as local said").wait_for()
    said = [decode(each.value) for each in living.log.read(CAMERAS, 0, 10)]
    assert [(each.camera, each.wanted.value) for each in said] == [("south", "paused")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_forms_fit_a_phone_and_axe_finds_nothing_serious(
    browser: "Browser", looked_at: Town, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 780}, color_scheme=scheme)
    page = context.new_page()
    for path in ("cameras", "cameras/a"):
        page.goto(f"http://localhost:{looked_at.port}/{path}")
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert page.evaluate("document.querySelector('.nav [aria-current]').getBoundingClientRect().right") <= 360
        assert serious(page) == []
    context.close()


def test_a_slip_is_said_beside_its_field_and_all_works_without_scripts(browser: "Browser", living: Town) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"http://localhost:{living.port}/cameras")
    page.get_by_text("Add a camera").click()
    page.get_by_label("Name").fill("south")
    page.get_by_label("Address or file").fill("rstp://10.0.0.8/1")
    page.get_by_role("button", name="Add").click()
    page.get_by_text("unknown URL scheme 'rstp://'").wait_for()
    assert page.get_by_label("Name").input_value() == "south"
    assert page.locator("input:focus").get_attribute("name") == "source"
    page.get_by_label("Address or file").fill("rtsp://10.0.0.8/1")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("link", name="south").click()
    page.get_by_label("RTP over").select_option("udp")
    page.get_by_role("button", name="Change").click()
    page.get_by_text("watched, as local said").wait_for()
    page.get_by_text("Remove …").click()
    page.get_by_role("button", name="Remove south").click()
    page.get_by_role("button", name="Add it again").wait_for()
    settings = decode(living.log.read(CAMERAS, 0, 10)[-1].value).settings
    assert settings is not None
    assert settings.transport == "udp"
    context.close()
