"""Identities of two runs compared."""

from pathlib import Path

import msgspec
import pytest

from associate.trajectory import Kind, encode
from deploy.log.base import Record
from deploy.log.decoding import Undecoded
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import TRAJECTORIES
from deploy.results.differences import IdentityGroup, compare, identities_in
from tests.associate.samples import event

CASES = {
    "the same by another name": ({"a": "1", "b": "1"}, {"a": "9", "b": "9"}, [("same", "1", "9", "ab")]),
    "merged": ({"a": "1", "b": "2", "c": "2"}, {"a": "7", "b": "7", "c": "7"}, [("merged", "12", "7", "abc")]),
    "split": ({"a": "1", "b": "1"}, {"a": "1", "b": "2"}, [("split", "1", "12", "ab")]),
    "one given to another": (
        {"a": "1", "b": "1", "c": "2"},
        {"a": "1", "b": "2", "c": "2"},
        [("changed", "12", "12", "abc")],
    ),
    "a ring": (
        {"a": "1", "b": "1", "c": "2", "d": "2"},
        {"a": "8", "b": "9", "c": "9", "d": "8"},
        [("changed", "12", "89", "abcd")],
    ),
    "what only one has joins nothing": (
        {"a": "1", "x": "1", "b": "2"},
        {"a": "1", "b": "2", "y": "1", "z": "2"},
        [("same", "1", "1", "a"), ("same", "2", "2", "b")],
    ),
    "differences first, the largest before": (
        {"a": "1", "b": "2", "c": "3", "d": "3", "e": "3", "f": "4"},
        {"a": "1", "b": "1", "c": "3", "d": "4", "e": "5", "f": "6"},
        [("split", "3", "345", "cde"), ("merged", "12", "1", "ab"), ("same", "4", "6", "f")],
    ),
    "nothing": ({}, {}, []),
    "nothing in common": ({"a": "1"}, {"b": "1"}, []),
}


@pytest.mark.parametrize("case", CASES)
def test_groups(case: str) -> None:
    before, after, expected = CASES[case]
    found = compare(before, after)
    assert [(it.kind, "".join(it.before), "".join(it.after), "".join(it.tracklets)) for it in found.groups] == expected
    assert found.only_before == tuple(sorted(set(before) - set(after)))
    assert found.only_after == tuple(sorted(set(after) - set(before)))
    assert sum(found.counts.values()) == len(expected)


@pytest.mark.parametrize("case", CASES)
def test_the_other_way_round(case: str) -> None:
    """What was merged has been split, and the same tracklets hang together."""
    before, after, _ = CASES[case]
    there, back = compare(before, after), compare(after, before)
    other = {"merged": "split", "split": "merged"}

    def turned(group: IdentityGroup) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        return other.get(group.kind, group.kind), group.after, group.before, group.tracklets

    assert sorted(map(turned, there.groups)) == sorted(
        (it.kind, it.before, it.after, it.tracklets) for it in back.groups
    )


def test_identities_are_those_of_the_end(tmp_path: Path) -> None:
    """After what was merged, retracted and split."""
    said = [
        (Kind.PROVISIONAL, "z-1", "a|1.0|1|0", None),
        (Kind.CONFIRMED, "z-1", "a|1.0|1|2", None),
        (Kind.PROVISIONAL, "z-2", "b|1.0|1|0", None),
        (Kind.MERGED, "z-2", "b|1.0|1|2", "z-1"),
        (Kind.EXTENDED, "z-1", "b|1.0|1|2", None),
        (Kind.CONFIRMED, "z-3", "c|1.0|1|2", None),
        (Kind.SPLIT, "z-1", "a|1.0|1|2", "z-4"),
        (Kind.EXTENDED, "z-4", "a|1.0|1|2", None),
        (Kind.PROVISIONAL, "z-3", "d|1.0|5|0", None),
        (Kind.RETRACTED, "z-3", "d|1.0|5|0", None),
    ]
    log = SqliteLog(tmp_path / "log.db")
    events = [
        msgspec.structs.replace(
            event(), kind=kind, identity=name, observation=seen, superseded_by=after, id=str(number)
        )
        for number, (kind, name, seen, after) in enumerate(said)
    ]
    log.claim("z").commit([Record(TRAJECTORIES, each.identity, encode(each)) for each in events])
    assert identities_in(log, Undecoded()) == {"a|1.0|1": "z-4", "b|1.0|1": "z-1", "c|1.0|1": "z-3"}
