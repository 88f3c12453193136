"""The association of an earlier commit, in a process of its own."""

import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from associate.trajectory import TrajectoryEvent, decode
from embed.observation import Message, Observation, encode
from tests.bench.association_city.cities import FOLDER
from tests.bench.tracking import ROOT

COMMIT = "ea29ee8"
"""The last commit before links were learned from the stream."""
ENCODER = "grl@2c6bae7d"
"""Id of the encoder that shipped at that commit: today's vectors are read as if they were its."""


def checkout(commit: str = COMMIT) -> Path:
    """The tree of a commit, unpacked once; pytest's skip where git does not have it."""
    folder = FOLDER / commit
    if folder.exists():
        return folder
    done = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"git has no commit {commit} here: {done.stderr.decode().strip()[:200]}")
    part = folder.with_name(f"part-{commit}")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as tar:
        tar.extractall(part, filter="data")
    part.rename(folder)
    return folder


def former_events(config: str, messages: Iterable[Message], commit: str = COMMIT) -> list[TrajectoryEvent]:
    """What that association says of messages; config: the text of a configuration."""
    tree = checkout(commit)
    with tempfile.TemporaryDirectory() as name:
        site, wire, events = (Path(name) / each for each in ("site.toml", "messages", "events.jsonl"))
        site.write_text(config)
        with wire.open("wb") as file:
            for message in messages:
                if isinstance(message, Observation):  # that association compares no vectors but of its own encoder
                    message = msgspec.structs.replace(message, encoder=ENCODER)
                record = encode(message)
                file.write(len(record).to_bytes(4, "little") + record)
        command = [
            sys.executable,
            "-P",
            str(Path(__file__).with_name("former_run.py")),
            str(site),
            str(wire),
            str(events),
        ]
        environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=name, env=environment, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"the association of {commit} ended with {done.returncode}: {done.stderr[-2000:]}")
        return [decode(line) for line in events.read_bytes().splitlines()]
