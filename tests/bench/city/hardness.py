"""`python -m tests.bench city_hardness`: whether linking the city's vehicles is hard, and can be solved.

Observations with truth boxes; the identities are those of association and of the clustering baseline with travel times
from the truth. Features: colours of rendered crops, or vectors that are the identity itself.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.bench.measure import table

PRESETS = ("smooth", "rush-hour", "look-alikes")
OVERLAP_S = 150
"""How long a vehicle may be in two views at once, in the rows in which association is told so."""
CORRIDOR = Path(sys.executable).with_name("corridor")


def _corridor(*arguments: object) -> str:
    command = [str(CORRIDOR), *(str(each) for each in arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def row(preset: str, folder: Path, *, perfect: bool, overlap_s: int = 0) -> list[str]:
    """One line of the table; perfect features may be linked with windows that begin before zero."""
    log = folder / f"{preset}-{'perfect' if perfect else 'colour'}-{overlap_s}.db"
    _corridor(
        "city",
        "observations",
        preset,
        "-o",
        log,
        "--encoder",
        "colour",
        "--truth-boxes",
        *(["--perfect"] if perfect else []),
    )
    site = log.with_suffix(".toml")
    site.write_text(site.read_text().replace("[associate]\n", f"[associate]\nmin_travel_s = {-overlap_s}\n"))
    _corridor("associate", site, "--once")
    clustering = ("--baseline", "clustering", "--windows-from-truth", "--sweep-floor")
    scored = json.loads(_corridor("score", log.with_name(f"{log.stem}-truth"), log, "--json", *clustering))
    baselines = [f"{each['together']['idf1']:.3f}" for each in scored["baselines"]]
    cameras = [each["idf1"] for each in scored["cameras"].values()]
    return [
        preset,
        "identity" if perfect else "colour",
        str(scored["together"]["true_ids"]),
        f"{sum(cameras) / len(cameras):.3f}",
        *baselines,
        f"{-overlap_s} to 300 s",
        f"{scored['together']['idf1']:.3f}",
        *(_share(scored["links"][which]) for which in ("precision", "recall")),
    ]


def _share(share: Mapping[str, float]) -> str:
    return f"{share['value']:.3f}"


def main() -> None:
    """The clustering at the floor that the truth likes best, so no floor does better."""
    with tempfile.TemporaryDirectory() as folder:
        kinds = ((False, 0), (True, 0), (True, OVERLAP_S))
        rows = [
            row(preset, Path(folder), perfect=perfect, overlap_s=overlap_s)
            for preset in PRESETS
            for perfect, overlap_s in kinds
        ]
    header = ["preset", "features", "vehicles", "IDF1 in one camera", "IDF1, clustering, best floor", "windows"]
    table([*header, "IDF1, association", "link precision", "link recall"], rows)


if __name__ == "__main__":
    main()
