"""SHA-256 of what a run leaves on its log: equal digests before and after a change mean that it changed no behaviour.

Two runs: the demo, and three recordings as cameras (`crossroad-1016`, read as fast as they decode). Only the command
and the SQL of docs/consuming.md are used, so that the same file measures any revision.
"""

import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLIPS = ("jamcam_06514", "jamcam_03604", "jamcam_08926")
TOPICS = ("observations", "trajectories")


def digests(log: Path) -> dict[str, tuple[int, str]]:
    """By topic: how many records it has, and the SHA-256 over their values, each after its length."""
    connection = sqlite3.connect(log)
    found = {}
    for topic in TOPICS:
        rows = connection.execute("SELECT value FROM records WHERE topic = ? ORDER BY offset", (topic,))
        values = [bytes(value) for (value,) in rows]
        if topic == "observations":
            values.sort()  # how the cameras of one process interleave is chance; association puts them in order
        digest = hashlib.sha256()
        for value in values:
            digest.update(len(value).to_bytes(8, "big") + value)
        found[topic] = len(values), digest.hexdigest()
    connection.close()
    return found


def corridor(folder: Path, *arguments: str, **environment: str) -> str:
    """Run the command of this checkout to its end and return its output; raises CalledProcessError where it fails."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli.main", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def main() -> None:
    data = Path(os.environ.get("CORRIDOR_DATA", ROOT.parent / "shared" / "data"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corridor(folder, "demo", "--out", "demo")
        tables = [f'[[cameras]]\nid = "{clip}"\nsource = "{data}/video/{clip}.mp4"\n' for clip in CLIPS]
        text = "".join(tables) + '[detect]\ndetector = "crossroad-1016"\n[log]\nurl = "sqlite:three.db"\n'
        (folder / "three.toml").write_text(text)
        corridor(folder, "run", "three.toml", CORRIDOR_WEIGHTS=str(data / "weights"))
        for run, log in (("demo", folder / "demo" / "demo.db"), ("three recordings", folder / "three.db")):
            for topic, (count, digest) in digests(log).items():
                print(f"{run}: {count} {topic}, {digest}")


if __name__ == "__main__":
    main()
