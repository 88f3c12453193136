"""Sites to run: their configuration, and a run that is stopped as a service is."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.system.command import start

MOTION = '[detect]\ndetector = "motion"\n'
PATIENCE_S = 180.0


def write_site(folder: Path, sources: Mapping[str, str], extra: str = "") -> Path:
    """`site.toml` of cameras by id, with the detector that needs no weights."""
    tables = [f'[[cameras]]\nid = "{camera}"\nsource = "{source}"\n' for camera, source in sources.items()]
    path = folder / "site.toml"
    path.write_text("".join(tables) + MOTION + extra)
    return path


def run_until(
    folder: Path,
    *arguments: str,
    settled: Callable[[list[dict[str, Any]]], bool],
    number: signal.Signals = signal.SIGTERM,
) -> "subprocess.CompletedProcess[str]":
    """Run a command on `site.toml`, and stop it with a signal once the cameras' statuses are as asked."""
    process = start(folder, *arguments, "site.toml", "--status", "status.json")
    status, deadline_s = folder / "status.json", time.monotonic() + PATIENCE_S
    while process.poll() is None and not (status.exists() and settled(json.loads(status.read_bytes()))):
        if time.monotonic() > deadline_s:
            process.kill()
            raise AssertionError(f"after {PATIENCE_S:g} s: {status.read_text() if status.exists() else 'no status'}")
        time.sleep(0.1)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)
