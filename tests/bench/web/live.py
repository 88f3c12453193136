"""The live page as it is deployed: three RTSP cameras, `observe --live`, `associate`, `serve`, and a browser.

Three real clips with a key frame a second are served over RTSP, and the default detector analyses them. A page in
Chromium notes, for every frame that it draws and all boxes that come, how long ago they were captured; then viewers
that only read show what each costs, and what they cost cameras and association: slices with different numbers of them
take turns, and each is compared with the slice of its own round that nobody watched. CORRIDOR_BENCH_S: seconds of a
step or slice (20); CORRIDOR_BENCH_ROUNDS: rounds of slices (5); CORRIDOR_BENCH_APART=1: cameras and association keep
to the first core, the server and its viewers to the others, as on a machine with a core to spare.
"""

import os
from typing import Any

import numpy as np

from tests.bench.measure import table
from tests.bench.streams import statuses
from tests.bench.web.rates import STEP_S, rates_table, rounds
from tests.bench.web.site import WARMUP_S, running
from tests.browser.conftest import CHROMIUM

NOTE = """() => { window.noted = []; for (const [camera, tile] of corridorTiles) {
  const draw = tile.draw.bind(tile), boxes = tile.takeBoxes.bind(tile);
  tile.draw = (drawn) => { draw(drawn); noted.push([camera, "frame", Date.now() - drawn.at / 1000, !!drawn.found]); };
  tile.takeBoxes = (said) => { boxes(said); noted.push([camera, "boxes", Date.now() - said.at_us / 1000, true]); };
} }"""


def latencies(port: int) -> dict[str, list[float]]:
    """By what was noted, the milliseconds from capture to the page, of all cameras in one page for a step."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"http://localhost:{port}/live")
        page.wait_for_timeout(WARMUP_S * 1000)
        page.evaluate(NOTE)
        page.wait_for_timeout(STEP_S * 1000)
        noted: list[list[Any]] = page.evaluate("noted")
        states = page.locator(".tile [data-state]").all_inner_texts()
        browser.close()
    print(f"what the page says of each camera at the end: {'; '.join(states)}\n")
    return {
        "frame drawn": [ms for _, kind, ms, _ in noted if kind == "frame"],
        "frame drawn with its boxes": [ms for _, kind, ms, boxed in noted if kind == "frame" and boxed],
        "boxes on the page": [ms for _, kind, ms, _ in noted if kind == "boxes"],
    }


def main() -> None:
    with running() as site:
        print(f"three RTSP cameras, the default detector, {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}\n")
        clocks = {each["clock"] for each in statuses(site.folder).values()}
        print(f"origin of capture times: {', '.join(sorted(clocks))}")
        found = latencies(site.port)
        rows = [
            [name, str(len(ms)), *(f"{value:.0f}" for value in (*np.percentile(ms, [50, 95]), max(ms)))]
            for name, ms in found.items()
            if ms
        ]
        table(["capture to", "count", "p50, ms", "p95, ms", "slowest, ms"], rows)
        print(flush=True)
        rates_table(rounds(site))
        print(f"\nload at the end {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main()
