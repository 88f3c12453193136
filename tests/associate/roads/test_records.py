"""Records of the topic `topology`: what is written can be read by every later version."""

import pytest

from associate.roads.records import RoadRecord, decode, encode
from tests.associate.roads.samples import alarm, edge
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "data" / "golden"
VERSIONS = sorted(path.parent.name for path in GOLDEN.glob("*/edge.json"))


RECORDS: dict[str, RoadRecord] = {"edge.json": edge(), "alarm.json": alarm()}


@pytest.mark.parametrize("file", RECORDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_golden_records_decode(version: str, file: str) -> None:
    assert decode((GOLDEN / version / file).read_bytes()) == RECORDS[file]


@pytest.mark.parametrize("file", RECORDS)
def test_the_present_record_is_golden(file: str) -> None:
    assert (GOLDEN / VERSIONS[-1] / file).read_bytes() == encode(RECORDS[file])


def test_a_field_to_come_is_passed_over() -> None:
    assert decode(encode(edge()).replace(b'"links"', b'"colour":"red","links"')) == edge()


@pytest.mark.parametrize("record", [b"", b"{}", b"[]", b'{"type":"edge","zone":"z"}', b'{"type":"road"}', b"\xff"])
def test_what_is_none_is_refused(record: bytes) -> None:
    with pytest.raises(ValueError, match="not of the topology"):
        decode(record)
