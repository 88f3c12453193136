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
CORRIDOR = Path(sys.executable).with_name("corridor")


def _corridor(*arguments: object) -> str:
    command = [str(CORRIDOR), *(str(each) for each in arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def row(preset: str, folder: Path, *, perfect: bool) -> list[str]:
    """One line of the table."""
    log = folder / f"{preset}-{'perfect' if perfect else 'colour'}.db"
    _corridor("city", "observations", preset, "-o", log, "--truth-boxes", *(["--perfect"] if perfect else []))
    _corridor("associate", log.with_suffix(".toml"), "--once")
    clustering = ("--baseline", "clustering", "--windows-from-truth", "--sweep-floor")
    told = json.loads(_corridor("score", log.with_name(f"{log.stem}-truth"), log, "--json", *clustering))
    baselines = [f"{each['together']['idf1']:.3f}" for each in told["baselines"]]
    cameras = [each["idf1"] for each in told["cameras"].values()]
    return [
        preset,
        "identity" if perfect else "colour",
        str(told["together"]["true_ids"]),
        f"{sum(cameras) / len(cameras):.3f}",
        *baselines,
        f"{told['together']['idf1']:.3f}",
        *(_share(told["links"][which]) for which in ("precision", "recall")),
    ]


def _share(share: Mapping[str, float]) -> str:
    return f"{share['value']:.3f}"


def main() -> None:
    """The clustering at the floor that the truth likes best, so no floor does better; association with its defaults."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [row(preset, Path(folder), perfect=perfect) for preset in PRESETS for perfect in (False, True)]
    header = ["preset", "features", "vehicles", "IDF1 in one camera", "IDF1, clustering, best floor"]
    table([*header, "IDF1, association", "link precision", "link recall"], rows)


if __name__ == "__main__":
    main()
