"""The `.city` format: what is written comes back, and a file that is none says so."""

import lzma
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import ConfigError
from ingest.synthetic.camera.spec import CameraPose
from ingest.synthetic.world.presets import TRACES
from ingest.synthetic.world.streets import Lane, Streets
from ingest.synthetic.world.trace import Trace, TraceHeader, read_trace, read_trace_header, write_trace
from ingest.synthetic.world.traffic import VEHICLE_KINDS, Segment, Way

POSE = CameraPose(x_m=10.5, y_m=-3.25, z_m=7.5, yaw_deg=-170.0, pitch_deg=20.0, fov_deg=48.0)
HEADER = TraceHeader(name="toy", source="made up", seed=7, duration_s=60.0, reach_m=150.0, cameras=(POSE,))


def random_segment(rng: np.random.Generator, steps: int) -> Segment:
    """A vehicle that drives like a fly: harder on the format than traffic."""
    x_m, y_m = (rng.uniform(-900, 3000) + np.cumsum(rng.normal(0, 3, steps)) for _ in range(2))
    return Segment(float(rng.integers(0, 200)) * 0.2, x_m, y_m, np.cumsum(rng.normal(0, 20, steps)))


def random_trace(seed: int) -> Trace:
    rng = np.random.default_rng(seed)
    ways = tuple(
        Way(number, kind, 4.5, tuple(random_segment(rng, int(rng.integers(2, 50))) for _ in range(number)))
        for number, kind in enumerate(VEHICLE_KINDS, start=1)
    )
    lanes = (Lane("a", 0, rng.uniform(0, 900, (4, 2)), 3.2), Lane("a", 1, rng.uniform(0, 900, (2, 2)), 2.0, "walk"))
    return Trace(HEADER, Streets(lanes, (rng.uniform(0, 900, (5, 2)),), (rng.uniform(0, 900, (4, 2)),)), ways)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_written_comes_back(seed: int, tmp_path: Path) -> None:
    trace, path = random_trace(seed), tmp_path / "toy.city"
    write_trace(trace, path)
    back = read_trace(path)
    assert back.header == trace.header == read_trace_header(path)
    for before, after in zip(trace.streets.lanes, back.streets.lanes, strict=True):
        assert (before.edge, before.place, before.width_m, before.kind) == (
            after.edge, after.place, after.width_m, after.kind
        )  # fmt: skip
        assert after.centre_m == pytest.approx(before.centre_m, abs=0.0051)
    for name in ("junctions", "crossings"):
        for line, again in zip(getattr(trace.streets, name), getattr(back.streets, name), strict=True):
            assert again == pytest.approx(line, abs=0.0051)
    for way, again in zip(trace.ways, back.ways, strict=True):
        assert (way.vehicle_id, way.kind, way.length_m) == (again.vehicle_id, again.kind, again.length_m)
        for segment, found in zip(way.segments, again.segments, strict=True):
            assert found.from_s == pytest.approx(segment.from_s)
            assert found.x_m == pytest.approx(segment.x_m, abs=0.0051)
            assert found.y_m == pytest.approx(segment.y_m, abs=0.0051)
            assert found.heading_deg == pytest.approx(segment.heading_deg, abs=0.0501)


def test_no_traffic_and_no_streets_come_back(tmp_path: Path) -> None:
    write_trace(Trace(HEADER, Streets(()), ()), tmp_path / "empty.city")
    back = read_trace(tmp_path / "empty.city")
    assert back.ways == ()
    assert back.streets.lanes == back.streets.junctions == back.streets.crossings == ()


def test_the_same_trace_is_the_same_file(tmp_path: Path) -> None:
    for name in ("one.city", "other.city"):
        write_trace(random_trace(5), tmp_path / name)
    assert (tmp_path / "one.city").read_bytes() == (tmp_path / "other.city").read_bytes()


def whole(tmp_path: Path) -> bytes:
    write_trace(random_trace(0), tmp_path / "whole.city")
    return (tmp_path / "whole.city").read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.5, 0.99])
def test_a_file_cut_off_anywhere_is_refused(share: float, tmp_path: Path) -> None:
    content = whole(tmp_path)
    (tmp_path / "cut.city").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ConfigError, match=r"cut\.city"):
        read_trace(tmp_path / "cut.city")


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    content = bytearray(whole(tmp_path))
    content[len(content) // 2] ^= 0x40
    (tmp_path / "bent.city").write_bytes(content)
    with pytest.raises(ConfigError, match=r"The traffic in .*bent\.city is damaged or cut off"):
        read_trace(tmp_path / "bent.city")


def test_a_body_of_something_else_is_refused(tmp_path: Path) -> None:
    content = whole(tmp_path)
    start = content.index(b"\xfd7zXZ")
    (tmp_path / "other.city").write_bytes(content[:start] + lzma.compress(b"\x81\xa1a\x01"))
    with pytest.raises(ConfigError, match="damaged"):
        read_trace(tmp_path / "other.city")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\x00\x00\x20ftypisom", "holds no city traffic"),
        (b"", "holds no city traffic"),
        (b"CORRIDOR CITY\x09\x00\x00\x00\x00", "is of format 9, this release reads 1"),
        (b"CORRIDOR CITY\x01\xff\x00\x00\x00abc", "damaged or cut off"),
        (None, "Cannot read the traffic in .*No such file"),
    ],
)
def test_a_foreign_file_is_refused(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.city"
    if content is not None:
        path.write_bytes(content)
    for read in (read_trace, read_trace_header):
        with pytest.raises(ConfigError, match=message) as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Cannot write the traffic to .*No such file"):
        write_trace(random_trace(0), tmp_path / "none" / "toy.city")


def test_what_ships_is_small_and_names_its_source() -> None:
    paths = sorted(TRACES.glob("*.city"))
    assert paths
    assert sum(path.stat().st_size for path in paths) < 4_000_000
    for path in paths:
        source = read_trace_header(path).source
        assert "Eclipse SUMO 1." in source, path
        assert "EPL-2.0" in source, path
        assert "Bologna" in source or "grid" in source, path
