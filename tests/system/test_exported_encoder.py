"""`corridor run` with an exported encoder: observations carry its vectors, and association links by them."""

import re
from pathlib import Path

import pytest

from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import DEAD_LETTERS, OBSERVATIONS, TRAJECTORIES
from embed.exported import ExportedEncoder
from embed.network.settings import NetworkSettings
from embed.observation import Observation, decode, unpack_vector
from tests.embed.tiny_encoder import write_tiny
from tests.ingest.clips import write_clip
from tests.system.command import corridor

SITE = """
[[cameras]]
id = "one"
source = "clip.mp4"

[[cameras]]
id = "two"
source = "clip.mp4"
starts_at = 1970-01-01T00:00:20Z

[detect]
detector = "motion"

[embed]
encoder = "encoder.onnx"
threads = 1
open_after_s = 0.2
"""


def write_grl(path: Path) -> None:
    """A small GRL that was never trained."""
    pytest.importorskip("torch")
    from tests.training.random_encoder import random_checkpoint
    from training.encoder.export import export

    random_checkpoint(path.with_suffix(".pt"), NetworkSettings(name="grl", height=64, width=64))
    export(path.with_suffix(".pt"), path)


@pytest.mark.parametrize("kind", ["tiny", pytest.param("grl", marks=pytest.mark.torch)])
def test_a_run_with_an_exported_encoder(tmp_path: Path, kind: str) -> None:
    write_clip(tmp_path / "clip.mp4", 150)
    encoder = tmp_path / "encoder.onnx"
    if kind == "tiny":
        write_tiny(encoder)
    else:
        write_grl(encoder)
    (tmp_path / "site.toml").write_text(SITE)
    result = corridor(tmp_path, "run", "site.toml")
    assert result.returncode == 0, result.stderr
    exported = ExportedEncoder.open(encoder)
    log = SqliteLog(tmp_path / "runs" / "site" / "corridor.db")
    messages = [decode(record.value) for record in log.read(OBSERVATIONS, 0, 10_000)]
    seen = [message for message in messages if isinstance(message, Observation)]
    assert {message.camera for message in seen} == {"one", "two"}
    assert {message.encoder for message in seen} == {exported.id_with("ellipse")}
    assert {len(unpack_vector(message.vector)) for message in seen} == {exported.metadata.dim}
    assert log.end(TRAJECTORIES) > 0
    assert log.end(DEAD_LETTERS) == 0
    log.close()
    assert re.search(r"[1-9]\d* sightings of [1-9]\d* vehicles", result.stdout), "too few for links to be certain"


WRONG = {
    "no file": ('encoder = "encoder.onnx"', "cannot read the encoder encoder.onnx: No such file"),
    "no such name": (
        'encoder = "clip"',
        "key 'embed.encoder': encoder 'clip' is not known: 'grl-64', 'colour', or the path of an exported encoder",
    ),
    "weights of something else": ('encoder = "yolox-nano"', "encoder 'yolox-nano' is not known"),
    "no encoder": ('encoder = "site.onnx"', "site.onnx is no exported encoder, or is damaged"),
    "a wrong number": ("threads = -1", "key 'embed.threads'"),
}


@pytest.mark.parametrize(("line", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_an_encoder_is_said_in_a_line(tmp_path: Path, line: str, message: str) -> None:
    write_clip(tmp_path / "clip.mp4", 5)
    site = SITE.replace('encoder = "encoder.onnx"', line) if "encoder" in line else SITE.replace("threads = 1", line)
    (tmp_path / "site.toml").write_text(site)
    (tmp_path / "site.onnx").write_text(site)
    result = corridor(tmp_path, "run", "site.toml", CORRIDOR_WEIGHTS=str(tmp_path))
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr
