"""What readers of observations pass over: messages that were said before, and those of a replaced owner."""

from pathlib import Path

import msgspec
import pytest

from deploy.log import observations
from deploy.log.base import Record
from deploy.log.observations import pages_from_the_end, read_messages, with_delay, without_repetitions
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS
from embed.observation import LONGEST_DELAY_NS, CameraEpoch, Message, Tick, decode, encode
from tests.embed.samples import correction, gap, observation, tick


def said(number: int, camera: str = "north", generation: int = 1, count: int | None = None) -> Tick:
    """A tick of an epoch; its count is its number unless it is given."""
    numbered = tick(camera, sequence=number, epoch=CameraEpoch(generation, 0))
    return msgspec.structs.replace(numbered, count=number if count is None else count)


def test_what_was_said_before_is_passed_over() -> None:
    first, second, third = said(1), said(2), said(3)
    assert list(without_repetitions([first, second, first, second, third, second])) == [first, second, third]


def test_a_replaced_owner_is_passed_over_and_the_next_one_counts_anew() -> None:
    old, late, new = said(5), said(6), said(1, generation=2)
    assert list(without_repetitions([old, new, late, said(2, generation=2)])) == [old, new, said(2, generation=2)]


def test_cameras_are_apart_and_controls_are_no_messages() -> None:
    north, south = said(1), said(1, "south")
    assert list(without_repetitions([north, correction(), south, north])) == [north, south]


def test_messages_of_before_there_were_counts_come_once_each() -> None:
    uncounted: list[Message] = [observation(), tick(), tick(sequence=5), gap()]
    assert list(without_repetitions(uncounted)) == uncounted


def test_a_log_is_read_so(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    messages = [said(1), said(2), said(1), said(1, generation=2), said(3)]
    log.claim("camera/north").commit([Record(OBSERVATIONS, it.camera, encode(it)) for it in messages])
    assert list(read_messages(log)) == [messages[0], messages[1], messages[3]]


def test_pages_from_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observations, "PAGE", 3)
    log = SqliteLog(tmp_path / "log.db")
    assert list(pages_from_the_end(log)) == []
    log.claim("camera/north").commit([Record(OBSERVATIONS, "north", encode(said(number))) for number in range(1, 8)])
    pages = [[record.offset for record in page] for page in pages_from_the_end(log)]
    assert pages == [[5, 6, 7], [2, 3, 4], [1]]


def test_only_ticks_say_that_they_were_held_back() -> None:
    for message in (observation(), gap(), correction()):
        assert with_delay(encode(message), 5) == encode(message)
    assert with_delay(b"no message", 5) == b"no message"
    for waited_ns, expected in ((5, 5), (2 * LONGEST_DELAY_NS, LONGEST_DELAY_NS)):
        held = decode(with_delay(encode(tick()), waited_ns))
        assert held == msgspec.structs.replace(tick(), behind_ns=expected)
