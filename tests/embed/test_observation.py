"""Wire messages: round trip, order, and every released version still decodes."""

import math
import re
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embed.observation import (
    LONGEST_DELAY_NS,
    CameraEpoch,
    Message,
    Record,
    decode,
    encode,
    order_key,
    pack_vector,
    unpack_vector,
)
from ingest.frame import ClockQuality
from tests.data.reader_v1 import ObservationV1, decode_v1
from tests.embed.samples import camera_change, correction, counted, delayed, gap, observation, tick

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


SAMPLES: dict[str, Record] = {
    "observation": observation(),
    "tick": tick(),
    "final": tick(final=True),
    "gap": gap(),
    "delayed tick": delayed(),
    **{f"counted {kind}": message for kind, message in counted().items()},
    "correction": correction(),
    "camera change": camera_change(),
}


@pytest.mark.parametrize("message", SAMPLES.values(), ids=SAMPLES)
def test_round_trip(message: Record) -> None:
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


SINCE_V3 = sorted(path.name for path in GOLDEN.iterdir() if path.name not in ("v1", "v2"))


@pytest.mark.parametrize("version", SINCE_V3)
def test_counts_are_known_since_version_3_and_a_reader_of_version_1_passes_over_them(version: str) -> None:
    for kind, message in counted().items():
        record = (GOLDEN / version / f"{kind}_counted.msgpack").read_bytes()
        assert decode(record) == message
        read = decode_v1(record)
        for field in read.__struct_fields__:
            expected = message.epoch.generation, message.epoch.session
            assert field in ("epoch", "path") or getattr(read, field) == getattr(message, field)
            assert read.epoch == expected


@pytest.mark.parametrize("version", [version for version in SINCE_V3 if version != "v3"])
def test_delays_are_known_since_version_4(version: str) -> None:
    record = (GOLDEN / version / "tick_delayed.msgpack").read_bytes()
    assert decode(record) == delayed()
    assert decode_v1(record).at_ns == delayed().at_ns


@pytest.mark.parametrize("behind_ns", [-1, LONGEST_DELAY_NS + 1, 2**63 - 1])
def test_a_delay_that_cannot_be_is_refused(behind_ns: int) -> None:
    with pytest.raises(ValueError, match="behind_ns"):
        encode(msgspec.structs.replace(tick(), behind_ns=behind_ns))


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_what_was_written_before_version_3_has_no_count(version: str) -> None:
    for path in (GOLDEN / version).glob("*.msgpack"):
        message = decode(path.read_bytes())
        assert isinstance(message, Message)
        assert message.count is None


@pytest.mark.parametrize("version", SINCE_V3)
def test_controls_are_known_since_version_3_and_a_reader_of_version_1_refuses_them_by_name(version: str) -> None:
    """Readers are updated first; one that is not sets them aside as it does whatever it cannot decode."""
    for name, control, tag in (
        ("correction", correction(), "correction"),
        ("camera_change", camera_change(), "camera-change"),
    ):
        record = (GOLDEN / version / f"{name}.msgpack").read_bytes()
        assert decode(record) == control
        with pytest.raises(ValueError, match=f"not an observation: Invalid value '{tag}'"):
            decode_v1(record)


@pytest.mark.parametrize("version", sorted(path.name for path in GOLDEN.iterdir()))
def test_a_reader_of_version_1_reads_what_has_no_new_clock(version: str) -> None:
    read = decode_v1((GOLDEN / version / "observation.msgpack").read_bytes())
    now = observation()
    assert isinstance(read, ObservationV1)
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
    assert (latest / "correction.msgpack").read_bytes() == encode(correction())
    assert (latest / "camera_change.msgpack").read_bytes() == encode(camera_change())
    assert (latest / "tick_delayed.msgpack").read_bytes() == encode(delayed())
    for kind, message in counted().items():
        assert (latest / f"{kind}_counted.msgpack").read_bytes() == encode(message)


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


@pytest.mark.parametrize("message", counted().values(), ids=counted())
@pytest.mark.parametrize("count", [0, -1, 2**63])
def test_a_count_that_is_none_is_neither_written_nor_read(message: Message, count: int) -> None:
    broken = msgspec.structs.replace(message, count=count)
    with pytest.raises(ValueError, match=f"count {count}"):
        encode(broken)
    with pytest.raises(ValueError, match="count"):
        decode(msgspec.msgpack.encode(broken))


@pytest.mark.parametrize(
    ("control", "changes", "reason"),
    [
        (correction(), {"at_ns": 2**63}, "at_ns"),
        (correction(), {"by": "x" * 65}, "'by' of 65 characters"),
        (correction(), {"tracklets": ("a|1.0|1", "a|1.0|1")}, "the tracklet 'a|1.0|1' and itself"),
        (camera_change(), {"at_ns": -(2**63)}, "at_ns"),
        (camera_change(), {"by": "x" * 65}, "'by' of 65 characters"),
    ],
)
def test_a_control_that_makes_no_sense_is_neither_written_nor_read(
    control: Record, changes: dict[str, object], reason: str
) -> None:
    broken = msgspec.structs.replace(control, **changes)
    with pytest.raises(ValueError, match=re.escape(reason)):
        encode(broken)
    with pytest.raises(ValueError, match=re.escape(reason)):
        decode(msgspec.msgpack.encode(broken))


@pytest.mark.parametrize(
    ("control", "changes"),
    [
        (correction(), {"verdict": "perhaps"}),
        (correction(), {"tracklets": ["a|1.0|1"]}),
        (correction(), {"tracklets": ["a|1.0|1", "b|1.0|1", "c|1.0|1"]}),
        (correction(), {"by": None}),
        (camera_change(), {"change": "stolen"}),
        (camera_change(), {"camera": None}),
    ],
)
def test_a_control_of_the_future_is_refused(control: Record, changes: dict[str, object]) -> None:
    table = msgspec.msgpack.decode(encode(control)) | changes
    with pytest.raises(ValueError, match="not an observation"):
        decode(msgspec.msgpack.encode(table))


def test_a_field_of_the_future_is_ignored() -> None:
    table = msgspec.msgpack.decode(encode(observation()))
    table["of_the_future"] = [1, 2, 3]
    assert decode(msgspec.msgpack.encode(table)) == observation()


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_field_of_the_future_is_ignored_in_every_kind(kind: str) -> None:
    table = msgspec.msgpack.decode(encode(SAMPLES[kind])) | {"of_the_future": 1}
    assert decode(msgspec.msgpack.encode(table)) == SAMPLES[kind]


def test_epochs_compare_by_owner_then_session() -> None:
    epochs = [CameraEpoch(1, 0), CameraEpoch(1, 9), CameraEpoch(2, 0), CameraEpoch(10, 0), CameraEpoch(10, 1)]
    assert all(earlier < later for earlier, later in pairwise(epochs))
    assert str(CameraEpoch(10, 1)) == "10.1"


def test_a_tick_comes_after_what_it_confirms() -> None:
    assert order_key(observation(at_s=5)) < order_key(tick(at_s=5)) < order_key(observation(at_s=6))


def test_controls_come_after_the_messages_of_their_time_in_the_order_of_their_ids() -> None:
    last: list[Record] = [tick("zz-9", at_s=15), gap(at_s=15), observation("north", at_s=15)]
    first, second = (msgspec.structs.replace(correction(at_s=15), id=f"correction|{it}") for it in "ab")
    change = msgspec.structs.replace(camera_change(at_s=15), id="camera-change|c")
    records: list[Record] = [second, *last, tick("a", at_s=15.1), first, change]
    ordered = sorted(records, key=order_key)
    assert ordered[3:] == [change, first, second, tick("a", at_s=15.1)]


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
