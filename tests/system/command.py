"""The `corridor` command as its user runs it: a process with arguments, output and an exit code."""

import os
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = {"COLUMNS": "160", "PYTHONUNBUFFERED": "1"}


def start(
    folder: Path, *arguments: str, program: str = "deploy.cli.main", **environment: str
) -> "subprocess.Popen[str]":
    """Start it in a folder; `program` is the module that calls it."""
    return subprocess.Popen(
        [sys.executable, "-m", program, *arguments],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def corridor(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    with start(folder, *arguments, **environment) as process:
        try:
            out, err = process.communicate()
        except BaseException:  # Ctrl-C, or the time of the test is up
            process.kill()
            raise
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)
