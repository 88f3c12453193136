"""Identities in a browser: found, split, joined again, followed over a lost connection, by keyboard alone."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.log.topics import OBSERVATIONS
from deploy.results.journeys import read_events
from deploy.web.access.users import Role
from embed.observation import Correction, decode
from tests.browser.conftest import serious
from tests.deploy.web.town import PASSWORD, Town, town

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def eventually(page: "Page", expression: str) -> None:
    """Wait until an expression of the page is true; its policy forbids Playwright's own way of that."""
    for _ in range(400):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {expression}")


def said(town: Town) -> list[tuple[str, tuple[str, str], str]]:
    """The corrections on the topic, in order."""
    records = [decode(each.value) for each in town.log.read(OBSERVATIONS, 0, 10_000)]
    return [(each.verdict, each.tracklets, each.by) for each in records if isinstance(each, Correction)]


def test_split_and_join_an_identity_and_see_it_in_the_topic(page: "Page", living: Town) -> None:
    page.goto(f"http://localhost:{living.port}/identities?camera=c")
    page.get_by_role("link", name="z-4").click()
    page.get_by_text("live", exact=True).wait_for()
    assert page.locator(".journey .stop").count() == 3
    link = page.get_by_role("article", name="Link from a to b")
    assert link.get_by_text("travel time and gates").is_visible()
    # Step 1: split; the page shows the revised identity as soon as association has heeded it
    link.get_by_role("button", name="Wrong: split here").click()
    page.get_by_text("A correction waits for association").wait_for()
    assert said(living) == [("different", ("a|1.0|4", "b|1.0|4"), "local")]
    living.go_on()
    page.get_by_role("heading", name="Taken away again").wait_for()
    assert page.locator(".journey .stop").count() == 1
    # Step 2: join by the other identity's name
    other = page.locator(".said a").first.inner_text()
    page.get_by_label("Its name").fill(other)
    page.get_by_role("button", name="Same as this").click()
    page.get_by_text("A correction waits for association").wait_for()
    assert said(living)[1:] == [("same", ("a|1.0|4", "b|1.0|4"), "local")]
    living.go_on()
    joined = "document.querySelector('#identity .notice a') || document.querySelectorAll('.stop').length == 3"
    eventually(page, joined)
    (identity,) = {
        row["identity"]
        for row in living.site.index.rows("SELECT identity FROM visits WHERE tracklet IN ('a|1.0|4', 'b|1.0|4')")
    }
    page.goto(f"http://localhost:{living.port}/identities/{identity}")
    assert page.locator(".journey .stop").count() == 3


def test_a_list_says_what_has_moved_and_shows_it_when_asked(page: "Page", living: Town) -> None:
    page.goto(f"http://localhost:{living.port}/identities")
    page.get_by_text("live", exact=True).wait_for()
    assert not page.locator("[data-news]").is_visible()
    assert page.locator(".row", has_text="under way").count() == 4
    living.go_on(130)  # nothing can follow them any more
    page.get_by_role("button", name="4 vehicles have moved: show").click()
    page.locator(".row", has_text="closed").nth(3).wait_for()
    assert not page.locator("[data-news]").is_visible()


def test_filters_renew_the_list_and_the_address(page: "Page", living: Town) -> None:
    page.goto(f"http://localhost:{living.port}/identities")
    assert page.locator(".row").count() == 4
    page.get_by_label("Seen after").fill("1970-01-01T00:00:40")
    page.get_by_label("Seen after").blur()
    eventually(page, "document.querySelectorAll('.row').length < 4")
    assert "from=1970-01-01T00%3A00%3A40" in page.url
    page.reload()
    assert 0 < page.locator(".row").count() < 4
    page.locator("select[name=camera]").select_option("a")
    page.get_by_role("link", name="Clear").click()
    assert page.locator(".row").count() == 4


def test_events_go_on_over_a_lost_connection(page: "Page", living: Town) -> None:
    """The server is away for a while, something happens meanwhile, and the page knows it afterwards."""
    page.add_init_script(
        "window.seen = []; document.addEventListener('corridor:event', (each) => window.seen.push(each.detail.id));"
    )
    page.goto(f"http://localhost:{living.port}/identities")
    page.get_by_text("live", exact=True).wait_for()
    ids = "window.seen.length"
    living.stop()
    page.get_by_text("reconnecting").wait_for()
    before = len(list(_event_ids(living)))
    living.go_on(130)
    living.start()
    after = list(_event_ids(living))
    eventually(page, f"{ids} >= {len(after) - before}")
    assert page.evaluate("window.seen") == after[before:]


def _event_ids(town: Town) -> list[str]:
    return [event.id for event in read_events(town.log)]


def test_by_keyboard_alone(page: "Page", living: Town) -> None:
    page.goto(f"http://localhost:{living.port}/identities")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('name')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/identities/z-*")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Wrong: split here":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"  # where the focus is can be seen
    page.keyboard.press("Enter")
    page.get_by_text("A correction waits for association").wait_for()
    assert said(living)[0][0] == "different"


def test_log_in_and_out(page: "Page", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with town(tmp_path, vehicles=1, users={"vera": Role.VIEWER}) as guarded:
        page.goto(f"http://localhost:{guarded.port}/identities/z-1")
        assert page.title() == "Log in · town"
        page.get_by_label("Name").fill("vera")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="z-1").wait_for()
        assert (
            page.locator(".journey img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") == 90
        )
        assert page.get_by_role("button", name="Wrong: split here").count() == 0  # a viewer only looks
        assert serious(page) == []
        page.get_by_role("button", name="Log out").click()
        page.goto(f"http://localhost:{guarded.port}/identities")
        assert page.title() == "Log in · town"


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_fit(browser: "Browser", looked_at: Town, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    for path in ("/identities", "/identities/z-4", "/live", "/matches", "/reports", "/cameras", "/api", "/nothing"):
        page.goto(f"http://localhost:{looked_at.port}{path}")
        assert serious(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()


def test_pages_work_without_scripts(browser: "Browser", living: Town) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"http://localhost:{living.port}/identities")
    page.get_by_label("Several cameras").check()
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="z-4").click()
    page.get_by_role("button", name="Wrong: split here").first.click()
    assert said(living)[0][0] == "different"
    page.get_by_text("A correction waits for association").wait_for()
    context.close()
