"""Wire messages: round trip, order, and every released version still decodes."""

import math
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embed.observation import CameraEpoch, Message, decode, encode, order_key, pack_vector, unpack_vector
from ingest.frame import ClockQuality
from tests.data.reader_v1 import decode_v1
from tests.embed.samples import gap, observation, tick

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


@pytest.mark.parametrize(
    "message", [observation(), tick(), tick(final=True), gap()], ids=["observation", "tick", "final", "gap"]
)
def test_round_trip(message: Message) -> None:
    assert decode(encode(message)) == message


def test_an_observation_is_small() -> None:
    """A tracklet at 8 frames a second, reported every two seconds, with a feature of 512."""
    size = len(encode(observation(dim=512, boxes=16)))
    assert 1000 < size < 2048


@pytest.mark.parametrize("version", sorted(path.name for path in GOLDEN.iterdir()))
def test_golden_messages_decode(version: str) -> None:
    folder = GOLDEN / version
    assert decode((folder / "observation.msgpack").read_bytes()) == observation()
    assert decode((folder / "tick.msgpack").read_bytes()) == tick()
    assert decode((folder / "gap.msgpack").read_bytes()) == gap()


@pytest.mark.parametrize("version", sorted(path.name for path in GOLDEN.iterdir() if path.name != "v1"))
def test_the_playlist_s_clock_is_known_since_version_2(version: str) -> None:
    record = (GOLDEN / version / "observation_playlist.msgpack").read_bytes()
    assert decode(record) == observation(clock=ClockQuality.PLAYLIST)


@pytest.mark.parametrize("version", sorted(path.name for path in GOLDEN.iterdir()))
def test_a_reader_of_version_1_reads_what_has_no_new_clock(version: str) -> None:
    read = decode_v1((GOLDEN / version / "observation.msgpack").read_bytes())
    now = observation()
    assert (read.id, read.at_ns, read.vector, str(read.clock)) == (now.id, now.at_ns, now.vector, "file")


def test_a_reader_of_version_1_refuses_a_new_clock_by_name_and_goes_on() -> None:
    """Readers are updated first: consumers, then association, then cameras (docs/consuming.md)."""
    records = [encode(observation()), encode(observation(clock=ClockQuality.PLAYLIST)), encode(observation())]
    decode_v1(records[0])
    with pytest.raises(ValueError, match="not an observation: Invalid enum value 'playlist'"):
        decode_v1(records[1])
    decode_v1(records[2])


def test_a_clock_of_the_future_is_refused() -> None:
    import msgspec

    table = msgspec.msgpack.decode(encode(observation()))
    table["clock"] = "of_the_future"
    with pytest.raises(ValueError, match=r"not an observation.*of_the_future"):
        decode(msgspec.msgpack.encode(table))


def test_the_present_version_is_golden() -> None:
    """Bytes are frozen: whoever changes them adds a version folder and keeps the old one."""
    latest = GOLDEN / sorted(path.name for path in GOLDEN.iterdir())[-1]
    assert (latest / "observation.msgpack").read_bytes() == encode(observation())
    assert (latest / "tick.msgpack").read_bytes() == encode(tick())
    assert (latest / "gap.msgpack").read_bytes() == encode(gap())


@pytest.mark.parametrize("record", [b"", b"\xff\xff", b"{}", encode(observation())[:-3], b"\x81\xa4type\xa5other"])
def test_what_is_no_message_is_refused(record: bytes) -> None:
    with pytest.raises(ValueError, match="not an observation"):
        decode(record)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"score": math.nan}, "score nan"),
        ({"score": math.inf}, "score inf"),
        ({"quality": math.nan}, "quality nan"),
        ({"quality": math.inf}, "quality inf"),
        ({"quality": 1.5}, "quality 1.5"),
        ({"colour_score": -math.inf}, "colour_score -inf"),
        ({"at_ns": 2**63}, "at_ns"),
        ({"first_ns": -(2**63)}, "first_ns"),
        ({"last_ns": 2**64 - 1}, "last_ns"),
        ({"vector": pack_vector(np.array([1.0, np.nan]))}, "a vector with NaN or infinities"),
        ({"vector": pack_vector(np.array([np.inf, 1.0]))}, "a vector with NaN or infinities"),
        ({"vector": pack_vector(np.array([1.0, -np.inf]))}, "a vector with NaN or infinities"),
        ({"id": "north|1.0|1|2"}, "id 'north"),
    ],
)
def test_numbers_that_are_none_are_neither_written_nor_read(changes: dict[str, object], reason: str) -> None:
    broken = msgspec.structs.replace(observation(), **changes)
    with pytest.raises(ValueError, match=reason):
        encode(broken)
    with pytest.raises(ValueError, match=reason):
        decode(msgspec.msgpack.encode(broken))


def test_the_numbers_of_a_vector_are_finite_as_numpy_has_it() -> None:
    """All 65,536 of them."""
    for bits in range(65_536):
        packed = np.array([0x3C00, bits], "<u2").tobytes()
        message = msgspec.structs.replace(observation(), vector=packed)
        if np.isfinite(np.frombuffer(packed, "<f2")).all():
            encode(message)
        else:
            with pytest.raises(ValueError, match="NaN or infinities"):
                encode(message)


@pytest.mark.parametrize("message", [tick(), gap()], ids=["tick", "gap"])
def test_a_time_beyond_64_bits_is_neither_written_nor_read(message: Message) -> None:
    broken = msgspec.structs.replace(message, at_ns=2**63)
    with pytest.raises(ValueError, match="at_ns"):
        encode(broken)
    with pytest.raises(ValueError, match="at_ns"):
        decode(msgspec.msgpack.encode(broken))


def test_a_field_of_the_future_is_ignored() -> None:
    table = msgspec.msgpack.decode(encode(observation()))
    table["of_the_future"] = [1, 2, 3]
    assert decode(msgspec.msgpack.encode(table)) == observation()


def test_epochs_compare_by_owner_then_session() -> None:
    epochs = [CameraEpoch(1, 0), CameraEpoch(1, 9), CameraEpoch(2, 0), CameraEpoch(10, 0), CameraEpoch(10, 1)]
    assert all(earlier < later for earlier, later in pairwise(epochs))
    assert str(CameraEpoch(10, 1)) == "10.1"


def test_a_tick_comes_after_what_it_confirms() -> None:
    assert order_key(observation(at_s=5)) < order_key(tick(at_s=5)) < order_key(observation(at_s=6))


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=64).filter(lambda v: np.linalg.norm(v) > 0.1))
def test_a_vector_survives_the_wire(values: list[float]) -> None:
    vector = np.array(values, np.float32) / np.float32(np.linalg.norm(values))
    back = unpack_vector(pack_vector(vector))
    assert abs(float(np.linalg.norm(back)) - 1) < 1e-5
    assert float(back @ vector) > 0.9999


@pytest.mark.parametrize("packed", [b"", b"x", pack_vector(np.zeros(8)), pack_vector(np.full(8, np.nan))])
def test_what_is_no_vector_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="a vector of"):
        unpack_vector(packed)
