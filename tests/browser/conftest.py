"""A browser for all tests of the folder, pages that note every complaint, and a town to look at."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import skip_or_fail
from tests.deploy.web.town import Town, town

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
ENDED = ("ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_SOCKET_NOT_CONNECTED")
"""What a browser says of a request under way when a server ends, which servers of these tests do before their pages."""
AXE = Path(__file__).parent / "axe" / "axe.min.js"


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium, started once a module; an event loop runs in this thread as long as it is there."""
    if not CHROMIUM.exists():
        skip_or_fail("browser", f"there is no {CHROMIUM} (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A page; the test fails at its end where the browser has complained, of a breach of the policy above all."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(20_000)
    complaints: list[str] = []
    shown = context.new_page()
    shown.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    yield shown
    context.close()
    assert not [each for each in complaints if not any(ended in each for ended in ENDED)]


@pytest.fixture
def living(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A town whose last vehicle is under way."""
    monkeypatch.chdir(tmp_path)
    with town(tmp_path) as served:
        yield served


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town that nobody changes."""
    folder = tmp_path_factory.mktemp("looked_at")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with town(folder) as served:
            yield served


def serious(page: "Page") -> list[Any]:
    """What axe-core finds serious or critical on a page."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    return [(each["id"], each["nodes"][0]["html"][:200]) for each in found if each["impact"] in ("serious", "critical")]
