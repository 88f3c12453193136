"""The links of `corridor demo` against the truth of its city: proposed, right, and found of the true ones."""

import json
import tempfile
from pathlib import Path

from tests.bench.log_digest import corridor
from tests.bench.measure import table

CAMERAS = ("bridge", "market", "station")
"""Cameras 0, 1 and 2 of the preset `smooth`, as deploy/examples/demo.toml names them."""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corridor(folder, "demo", "--out", "demo")
        corridor(folder, "city", "render", "smooth", "--cameras", "0,1,2", "-o", "truth")
        truths = [f"{camera}=truth/smooth-{number}.gt.txt" for number, camera in enumerate(CAMERAS)]
        scores = json.loads(corridor(folder, "score", *truths, "demo/demo.db", "--json"))
    precision, recall = scores["links"]["precision"], scores["links"]["recall"]
    rows = [[f"{each['hits']} of {each['trials']}", f"{each['value']:.2f}"] for each in (precision, recall)]
    table(["links", "count", "share"], [["right, of those proposed", *rows[0]], ["found, of the true ones", *rows[1]]])


if __name__ == "__main__":
    main()
