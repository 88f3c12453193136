"""Records of the watchlist and of matches: what is written can be read by every later version."""

from contextlib import closing
from pathlib import Path

import pytest

from deploy.log.base import Record
from deploy.log.decoding import Undecoded
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import WATCHLIST
from deploy.search.watchlist import matches
from deploy.search.watchlist.entries import Look, Watchlist, decode, encode, publish, read_watchlist, removal
from tests.conftest import ROOT
from tests.deploy.search.watchlist.samples import SEEN, entry, match

GOLDEN = ROOT / "tests" / "data" / "golden" / "v5"


def test_the_present_records_are_golden() -> None:
    assert (GOLDEN / "watch_entry.json").read_bytes() == encode(SEEN)
    assert (GOLDEN / "watch_entry_removed.json").read_bytes() == encode(removal(SEEN, 1, "day shift"))
    assert (GOLDEN / "match.json").read_bytes() == matches.encode(match())


def test_golden_records_decode() -> None:
    assert decode((GOLDEN / "watch_entry.json").read_bytes()) == SEEN
    assert decode((GOLDEN / "watch_entry_removed.json").read_bytes()) == removal(SEEN, 1, "day shift")
    assert matches.decode((GOLDEN / "match.json").read_bytes()) == match()


@pytest.mark.parametrize(
    ("record", "reason"),
    {
        "nothing": (b"", "not an entry"),
        "another": (b'{"identity": 3}', "not an entry"),
        "no look": (encode(entry(looks=[])), "without a look"),
        "a look of nothing": (encode(entry(looks=[Look(vector=b"\0" * 8)])), "norm 0"),
        "half a number": (encode(entry(looks=[Look(vector=b"\0" * 3)])), "3 bytes"),
    }.values(),
)
def test_what_is_no_entry_is_refused(record: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode(record)


def test_the_latest_word_on_a_name_counts_and_what_is_none_is_counted(tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path / "log.db")) as log:
        undecoded = Undecoded()
        followed = Watchlist(log, undecoded)
        publish(log, "zone", [entry(1), entry(2)])
        followed.read()
        assert list(followed.entries) == ["vehicle 1", "vehicle 2"]
        publish(log, "zone", [removal(entry(1), 5), entry(3)])
        log.claim("another").commit([Record(WATCHLIST, "x", b"{}")])
        publish(log, "zone", [entry(2, min_probability=0.25)])
        followed.read()
        assert followed.entries == {"vehicle 3": entry(3), "vehicle 2": entry(2, min_probability=0.25)}
        assert read_watchlist(log, Undecoded()) == followed.entries
        assert undecoded.counts[WATCHLIST].total() == 1
