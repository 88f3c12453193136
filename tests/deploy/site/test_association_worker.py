"""The association service over a log: what it cannot use, how it restarts, who owns a zone."""

import base64
import hashlib
import json
import logging
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from associate.associator import Associator
from associate.memory.tracklets import Tracklets
from associate.roads.records import decode as decode_road
from associate.trajectory import decode
from deploy.log.base import Record
from deploy.log.dead_letters import LARGEST_RECORD_BYTES
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import DEAD_LETTERS, IDENTITIES, OBSERVATIONS, TOPOLOGY, TRAJECTORIES
from deploy.site import association_worker
from deploy.site.association_worker import AssociationWorker
from embed.observation import Message, encode
from embed.observation import decode as decode_message
from ingest.clock import NS, ManualClock
from ingest.errors import FencedError
from tests.associate.roads.samples import alarm
from tests.associate.samples import associator, convoy, tracklet
from tests.data.reader_v1 import decode_v1
from tests.deploy.site.poison import about_seen, poisoned, raising
from tests.embed.samples import camera_change, correction, observation, unit


def worker(log: SqliteLog, batch: int = 500) -> AssociationWorker:
    return AssociationWorker(log, "z", associator(), batch=batch)


def publish(log: SqliteLog, messages: list[Message], owner: str = "cameras") -> None:
    log.claim(owner).commit([Record(OBSERVATIONS, message.camera, encode(message)) for message in messages])


def values_of(log: SqliteLog, topic: str = TRAJECTORIES) -> list[bytes]:
    return [record.value for record in log.read(topic, 0, 100_000)]


def test_all_is_read_and_every_identity_has_its_latest_summary(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    publish(log, convoy(6))
    worker(log).drain()
    events = [decode(value) for value in values_of(log)]
    latest = {event.identity: event for event in events}
    summaries = [decode(value) for value in values_of(log, IDENTITIES)]
    assert sorted(summaries, key=lambda event: event.identity) == [latest[name] for name in sorted(latest)]


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_association_gets_the_append_time_of_every_message(
    tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same on every replay: also of a record that is taken in once more because another one is at fault."""
    taken: dict[str, set[int | None]] = defaultdict(set)
    for name in ("refuse", "update"):
        method = getattr(Associator, name)

        def noting(
            self: Associator,
            message: Message,
            appended_ns: int | None = None,
            *,
            method: Any = method,
            name: str = name,
        ) -> Any:
            taken[f"{name} {message.id}"].add(appended_ns)
            return method(self, message, appended_ns)

        monkeypatch.setattr(Associator, name, noting)
    monkeypatch.setattr(Tracklets, "see", raising(Tracklets.see, about_seen))
    clock = ManualClock(10**9 * NS)
    log = SqliteLog(tmp_path / "log.db", clock=clock)
    for message in poisoned("a"):
        clock.sleep(1.0)
        publish(log, [message])
    while worker(log, batch).step():
        pass
    stored = {decode_message(record.value).id: {record.appended_ns} for record in log.read(OBSERVATIONS, 0, 10_000)}
    assert taken == {f"{name} {each}": times for each, times in stored.items() for name in ("refuse", "update")}


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_batches_and_restarts_change_no_byte(tmp_path: Path, batch: int) -> None:
    whole, pieces = SqliteLog(tmp_path / "whole.db"), SqliteLog(tmp_path / "pieces.db")
    for log in (whole, pieces):
        publish(log, convoy(8, look_alikes=True))
    worker(whole).drain()
    while worker(pieces, batch).step():  # a new owner for every batch, as after a crash
        pass
    for topic in (TRAJECTORIES, TOPOLOGY):
        assert values_of(pieces, topic) == values_of(whole, topic) != []


def test_an_alarm_is_one_warning_and_every_word_on_it_a_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised = alarm()
    better = msgspec.structs.replace(raised, at_ns=raised.at_ns + NS, found=0.0)
    said = [raised, better, msgspec.structs.replace(better, over=True)]
    ahead = iter(said)
    monkeypatch.setattr(Associator, "take_roads", lambda self: [each for each in [next(ahead, None)] if each])
    log = SqliteLog(tmp_path / "log.db")
    publish(log, convoy(1))
    machine = worker(log)
    with caplog.at_level(logging.WARNING):
        machine.drain()
    assert [decode_road(value) for value in values_of(log, TOPOLOGY)] == said[-1:]  # the topic is compacted
    assert [record.message for record in caplog.records] == [str(raised)]
    assert machine.counts["road_closed"] == 1


def test_what_cannot_be_used_is_set_aside_counted_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = SqliteLog(tmp_path / "log.db")
    messages = convoy(4)
    half = len(messages) // 2
    publish(log, messages[:half])
    publish(log, [observation("a", 90 + n, encoder="grl@12345678") for n in range(5)], "foreign")
    log.claim("noise").commit([Record(OBSERVATIONS, "a", b"\x93\x01"), Record(OBSERVATIONS, "b", b"")])
    publish(log, messages[half:])
    machine = worker(log)
    with caplog.at_level(logging.WARNING):
        machine.drain()
    letters = [json.loads(value) for value in values_of(log, DEAD_LETTERS)]
    assert machine.counts["dead_letters"] == len(letters) == 7
    assert sum("grl@12345678" in letter["reason"] for letter in letters) == 5
    assert base64.b64decode(letters[5]["record"]) == b"\x93\x01"
    assert len([line for line in caplog.messages if "grl@12345678" in line]) == 1
    clean = SqliteLog(tmp_path / "clean.db")
    publish(clean, messages)
    worker(clean).drain()
    assert values_of(log) == values_of(clean)  # the rest is as if they had never been there


def test_a_zone_has_one_owner(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    messages = convoy(4)
    publish(log, messages)
    old = worker(log, batch=5)
    old.step()
    new = worker(log)
    with pytest.raises(FencedError, match="zone/z"):
        old.step()
    new.drain()
    ids = [decode(value).id for value in values_of(log)]
    assert len(ids) == len(set(ids))


def test_it_ends_when_nothing_more_will_come(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    done, stop = threading.Event(), threading.Event()
    machine = worker(log)
    thread = threading.Thread(target=lambda: machine.run(stop, finished=done.is_set))
    thread.start()
    publish(log, convoy(3))
    done.set()
    thread.join(20)
    assert not thread.is_alive()
    assert machine.position == log.end(OBSERVATIONS)


CONTROLS: list[Record] = [
    Record(OBSERVATIONS, "zone/z", encode(correction(at_s=0.0))),
    Record(OBSERVATIONS, "north", encode(camera_change(at_s=0.0))),
]
"""Of tracklets and of a camera that the convoys do not have."""


def test_controls_are_no_dead_letters(tmp_path: Path) -> None:
    log, plain = SqliteLog(tmp_path / "log.db"), SqliteLog(tmp_path / "plain.db")
    for each in (log, plain):
        publish(each, convoy(4))
    log.claim("people").commit(CONTROLS)
    for each in (log, plain):
        worker(each).drain()
    assert values_of(log, DEAD_LETTERS) == []
    assert values_of(log) == values_of(plain)


def test_an_association_of_before_sets_controls_aside_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was not updated before somebody corrected it: it decodes as version 1 did."""

    def decode_as_version_1(record: bytes) -> Message:
        decode_v1(record)
        message = decode_message(record)
        assert isinstance(message, Message)
        return message

    monkeypatch.setattr(association_worker, "decode", decode_as_version_1)
    log, plain = SqliteLog(tmp_path / "log.db"), SqliteLog(tmp_path / "plain.db")
    messages = convoy(4)
    publish(log, messages[:40])
    log.claim("people").commit(CONTROLS)
    publish(log, messages[40:], "later")
    publish(plain, messages)
    machine = worker(log)
    for each in (machine, worker(plain)):
        each.drain()
    letters = [json.loads(value) for value in values_of(log, DEAD_LETTERS)]
    assert machine.counts["dead_letters"] == len(letters) == 2
    assert [letter["offset"] for letter in letters] == [41, 42]
    assert "Invalid value 'correction'" in letters[0]["reason"]
    assert "Invalid value 'camera-change'" in letters[1]["reason"]
    assert [base64.b64decode(letter["record"]) for letter in letters] == [control.value for control in CONTROLS]
    assert values_of(log) == values_of(plain)


def packed(**changes: Any) -> bytes:
    """A record that no `encode` of ours would write."""
    return msgspec.msgpack.encode(msgspec.structs.replace(observation("a", 9), **changes))


def floats(*values: float) -> bytes:
    return np.array(values, "<f2").tobytes()


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (packed(vector=floats(float("nan"), 1.0)), "a vector with NaN or infinities"),
        (packed(vector=floats(float("inf"), 1.0)), "a vector with NaN or infinities"),
        (packed(quality=float("nan")), "quality nan"),
        (packed(quality=float("inf")), "quality inf"),
        (packed(quality=-0.05), "quality -0.05"),
        (packed(score=float("nan")), "score nan"),
        (packed(score=float("-inf")), "score -inf"),
        (packed(colour="red", colour_score=float("nan")), "colour_score nan"),
        (packed(at_ns=2**63), "at_ns 9223372036854775808 is no time"),
        (packed(at_ns=float("inf")), "Expected `int`, got `float`"),
        (packed(first_ns=float("nan")), "Expected `int`, got `float`"),
        (packed(last_ns=2**64 - 1), "last_ns"),
        (packed(id="a|1.0|9|7"), "id 'a|1.0|9|7' is not that of"),
        (packed(label="x" * 600_000), "bytes (at most 524288)"),
        (b"\x82\xa4type\xabobservation\xa1x" + b"\x91" * 100_000, "not an observation"),
    ],
)
def test_numbers_that_are_none_are_set_aside(tmp_path: Path, record: bytes, reason: str) -> None:
    log, clean = SqliteLog(tmp_path / "log.db"), SqliteLog(tmp_path / "clean.db")
    messages = convoy(4)
    publish(log, messages[:50])
    log.claim("foreign").commit([Record(OBSERVATIONS, "a", record)])
    for each in (log, clean):
        publish(each, messages[50 if each is log else 0 :])
        worker(each).drain()
    (letter,) = [json.loads(value) for value in values_of(log, DEAD_LETTERS)]
    assert reason in letter["reason"]
    assert base64.b64decode(letter["record"]) == (record if len(record) < 500_000 else b"")
    assert values_of(log) == values_of(clean)


@pytest.mark.parametrize("restarts", [False, True])
def test_a_zone_s_vectors_have_one_length_also_after_a_restart(tmp_path: Path, restarts: bool) -> None:
    """The sightings that a restart finds have a length too, although no identity has a vector yet."""
    log = SqliteLog(tmp_path / "log.db")
    publish(log, tracklet("a", 1, unit(1, 16), 5, 8))
    machine = worker(log)
    machine.drain()
    if restarts:
        machine = worker(log)
    publish(log, tracklet("b", 1, unit(1, 32), 14, 18), "others")
    machine.drain()
    letters = [json.loads(value)["reason"] for value in values_of(log, DEAD_LETTERS)]
    assert letters == ["a vector of 32 numbers, where colour@1 had 16"] * 3


EXTREMES: dict[str, bytes] = {
    "900 kB of nothing": bytes(900_000),
    "as large as is looked at": bytes(LARGEST_RECORD_BYTES),
    **{
        f"a long {name}": msgspec.msgpack.encode(
            msgspec.msgpack.decode(encode(observation("a", 90))) | {name: "\x01" * 100_000}
        )
        for name in ("camera", "label", "encoder", "colour", "id", "state", "clock", "type")
    },
    "a long name of who said so": msgspec.msgpack.encode(
        msgspec.msgpack.decode(encode(correction(at_s=0.0))) | {"by": "\x01" * 100_000}
    ),
    "long tracklets": msgspec.msgpack.encode(
        msgspec.msgpack.decode(encode(correction(at_s=0.0))) | {"tracklets": ["\x01" * 100_000, "b"]}
    ),
}


def test_letters_fit_on_every_log_whatever_they_are_about(tmp_path: Path) -> None:
    """One that did not would be refused by Kafka on every attempt, and association would stand at that record."""
    log, plain = SqliteLog(tmp_path / "log.db"), SqliteLog(tmp_path / "plain.db")
    messages = convoy(4)
    publish(log, messages[:40])
    log.claim("noise").commit([Record(OBSERVATIONS, "\x01" * 900_000, value) for value in EXTREMES.values()])
    publish(log, messages[40:], "later")
    publish(plain, messages)
    for each in (log, plain):
        worker(each).drain()
    letters = log.read(DEAD_LETTERS, 0, 100)
    for (name, value), letter in zip(EXTREMES.items(), letters, strict=True):
        assert len(letter.key) + len(letter.value) < 750_000, name
        told = json.loads(letter.value)
        assert (told["size"], told["sha256"]) == (len(value), hashlib.sha256(value).hexdigest()), name
        repeated = base64.b64decode(told["record"])
        assert len(repeated) == (len(value) if len(value) <= LARGEST_RECORD_BYTES else 0), name
        assert value.startswith(repeated), name
    assert values_of(log) == values_of(plain)
