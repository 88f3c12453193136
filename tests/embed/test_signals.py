"""Signals after networks have come and gone."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# The first one ends before the second, as the detector does before the encoder where a site is stopped.
TWO_NETWORKS = """
import os, signal
from embed.exported import ExportedEncoder
from embed.runtime import on_cpu
from embed.settings import SHIPPED_FILE

signal.signal(signal.SIGTERM, lambda *_: print("asked to end"))
first, second = (on_cpu(ExportedEncoder.open(SHIPPED_FILE), 1) for _ in range(2))
del first
del second
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_process_can_be_asked_to_end_after_its_networks_have_ended() -> None:
    result = subprocess.run([sys.executable, "-c", TWO_NETWORKS], capture_output=True, text=True, cwd=ROOT)
    assert (result.returncode, result.stdout) == (0, "asked to end\n"), result.stderr
