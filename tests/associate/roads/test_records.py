"""Records of the topic `topology`: what is written can be read by every later version."""

import pytest

from associate.roads.records import decode, encode
from tests.associate.roads.samples import edge
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "data" / "golden"
VERSIONS = sorted(path.parent.name for path in GOLDEN.glob("*/edge.json"))


@pytest.mark.parametrize("version", VERSIONS)
def test_golden_records_decode(version: str) -> None:
    assert decode((GOLDEN / version / "edge.json").read_bytes()) == edge()


def test_the_present_record_is_golden() -> None:
    assert (GOLDEN / VERSIONS[-1] / "edge.json").read_bytes() == encode(edge())


def test_a_field_to_come_is_passed_over() -> None:
    assert decode(encode(edge()).replace(b'"links"', b'"colour":"red","links"')) == edge()


@pytest.mark.parametrize("record", [b"", b"{}", b"[]", b'{"type":"edge","zone":"z"}', b'{"type":"road"}', b"\xff"])
def test_what_is_none_is_refused(record: bytes) -> None:
    with pytest.raises(ValueError, match="not of the topology"):
        decode(record)
