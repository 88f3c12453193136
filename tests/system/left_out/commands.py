"""Configurations, and what else a command was not asked to do, or could not."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.cli import distill
from deploy.log.kafka_reader import PartitionReader
from deploy.site import status
from ingest.clock import Clock
from tests.ingest.clips import write_clip
from tests.system.left_out.recordings import SIZE
from tests.system.left_out.seen import Case, Seen, command, reading, site


def two_cameras(folder: Path) -> Path:
    for camera in "ab":
        write_clip(folder / f"{camera}.mp4", 20, size=SIZE)
    return site(folder, {"a": "a.mp4", "b": "b.mp4"})


def only_some(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    two_cameras(folder)
    return command(folder, "run", "site.toml", "--cameras", "a")


def unknown_key(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    site(folder, {"a": "a.mp4"}, "[watch]\nstal_after_s = 3\n")
    return command(folder, "run", "site.toml")


def status_file(folder: Path, patch: pytest.MonkeyPatch) -> Seen:
    """The disk is full when the status is written for the second time."""
    written: list[Path] = []
    write = status.write_status

    def once(path: Path, worker: Any, clock: Clock) -> None:
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)
        write(path, worker, clock)

    patch.setattr(status, "write_status", once)
    write_clip(folder / "a.mp4", 20, size=SIZE)
    site(folder, {"a": "a.mp4"})
    return command(folder, "run", "site.toml", "--status", "status.json")


def retention(_: Path, patch: pytest.MonkeyPatch) -> Seen:
    """A reader at offset 5 of a topic whose first record is 40."""
    reader = PartitionReader(SimpleNamespace(topic=str), "observations")  # type: ignore[arg-type]
    patch.setattr(PartitionReader, "_first_offset", lambda self: 40)
    patch.setattr(reader, "_consumer", SimpleNamespace(seek=lambda *_: None))
    return Seen(reading(lambda: reader._skip_removed(5)).said, None)


def student(folder: Path, patch: pytest.MonkeyPatch) -> Seen:
    """The detector that was taught finds none of the vehicles that were held out."""
    counts = SimpleNamespace(vehicles=4, found=0, predicted=2, recall=0.0, precision=0.0)
    agreement = SimpleNamespace(all=counts, sizes={}, cameras={}, moved=counts, named_alike=0)
    speed = SimpleNamespace(teacher_ms=9.0, student_ms=3.0)
    about = SimpleNamespace(teacher="motion", labels=["vehicle"])
    done = SimpleNamespace(agreement=agreement, speed=speed, about=about, path="s.onnx", sheet="s.png")
    patch.setattr(distill, "distil", lambda *_, **__: done)
    write_clip(folder / "a.mp4", 20, size=SIZE)
    return command(folder, "distill", "a.mp4", "--teacher", "motion")


CASES: dict[str, Case] = {
    "config-only-some": only_some,
    "config-unknown-key": unknown_key,
    "status-file": status_file,
    "log-retention": retention,
    "distill-nothing": student,
}
