"""Ctrl-C and SIGTERM: an interruption at first, and a request once there is something to bring to an end."""

import subprocess
import sys

import pytest

FROM_THE_START = "import os, signal, sys\nfrom ingest.signals import *\ninterrupt_on_signals()\n"

SCRIPTS = {
    "it interrupts": (
        """
try:
    os.kill(os.getpid(), number)
except KeyboardInterrupt:
    print("interrupted")
""",
        0,
        "interrupted",
    ),
    "swallowed by an import it comes back": (
        """
try:
    os.kill(os.getpid(), number)
except KeyboardInterrupt:
    pass
try:
    with stops_on_signal(lambda: None):
        print("went on")
except KeyboardInterrupt:
    print("interrupted")
""",
        0,
        "interrupted",
    ),
    "the second one ends the process": (
        """
for _ in range(2):
    try:
        os.kill(os.getpid(), number)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
print("went on")
""",
        130,
        "interrupted",
    ),
    "at work it is a request, then an interruption": (
        """
try:
    with stops_on_signal(lambda: print("asked", end=" ")):
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        print("went on")
except KeyboardInterrupt:
    print("interrupted")
""",
        0,
        "asked interrupted",
    ),
    "after work it interrupts again": (
        """
with stops_on_signal(lambda: None):
    pass
try:
    os.kill(os.getpid(), number)
except KeyboardInterrupt:
    print("interrupted")
""",
        0,
        "interrupted",
    ),
}


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(("script", "code", "out"), SCRIPTS.values(), ids=SCRIPTS)
def test_signals(script: str, code: int, out: str, number: str) -> None:
    whole = f"{FROM_THE_START}number = signal.{number}\n{script}"
    ended = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, timeout=60)
    assert ended.stderr == ""
    assert ended.returncode == code
    assert ended.stdout.strip() == out
