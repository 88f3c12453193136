"""Packets of the RTSP server: RTP, RTCP and a camera's clock in them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.city.rtsp.faults import Faults
from deploy.city.rtsp.packets import interleaved, ntp_time, payloads, rtp_packet, sender_report
from ingest.clock import NS
from ingest.network.access_unit import AccessUnit, parameter_sets, split_annex_b
from tests.deploy.city.unpacking import unpacked

CODE = b"\x00\x00\x00\x01"


NALS = st.lists(
    st.builds(
        lambda kind, size, fill: bytes([0x60 | kind]) + bytes([fill]) * size,
        st.integers(1, 23),
        st.integers(1, 5000),
        st.integers(1, 255),
    ),
    min_size=1,
    max_size=12,
)


@given(NALS, st.integers(20, 1500))
def test_what_is_packetised_can_be_put_together_again(nals: list[bytes], max_payload: int) -> None:
    data = b"".join(CODE + nal for nal in nals)
    pieces = payloads(AccessUnit(data, 0, 0, True), max_payload)
    assert unpacked(pieces) == nals == split_annex_b(data)
    assert max(map(len, pieces)) <= max_payload


def test_an_empty_unit_has_no_packets() -> None:
    assert payloads(AccessUnit(b"", 0, 0, False)) == []
    assert parameter_sets(b"") is None


def test_headers_wrap_and_do_not_overflow() -> None:
    packet = rtp_packet(b"x", marker=True, sequence=65536 + 7, timestamp=2**32 + 9, source=3)
    assert struct.unpack("!BBHII", packet[:12]) == (0x80, 0x80 | 96, 7, 9, 3)
    assert interleaved(1, packet)[:4] == b"$\x01\x00\x0d"


@pytest.mark.parametrize(
    ("unix_ns", "seconds", "fraction"),
    [(0, 2_208_988_800, 0), (NS // 2, 2_208_988_800, 2**31), (1_790_000_000 * NS, 3_998_988_800, 0)],
)
def test_ntp_time(unix_ns: int, seconds: int, fraction: int) -> None:
    assert ntp_time(unix_ns) == seconds << 32 | fraction


def test_a_sender_report_is_whole_words_with_a_name() -> None:
    report = sender_report(source=1, wall_ns=NS, timestamp=2**32 + 5, packets=6, octets=7)
    assert struct.unpack("!BBHIQIII", report[:28]) == (0x80, 200, 6, 1, ntp_time(NS), 5, 6, 7)
    kind, words = struct.unpack("!xBH", report[28:32])
    assert (kind, 4 * (words + 1)) == (202, len(report) - 28)
    assert b"corridor" in report


@pytest.mark.parametrize(
    ("faults", "expected_s"),
    [
        (Faults(), 1000.0),
        (Faults(clock_offset_s=2.5), 1002.5),
        (Faults(clock_drift_ppm=10_000), 1001.0),
        (Faults(no_clock=True), 100.0),
    ],
)
def test_a_camera_s_wrong_clock(faults: Faults, expected_s: float) -> None:
    assert faults.camera_time_ns(1000 * NS, 900 * NS) == round(expected_s * NS)
