"""The association service over a log: what it cannot use, how it restarts, who owns a zone."""

import base64
import json
import logging
import threading
from pathlib import Path

import pytest

from associate.trajectory import decode
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import DEAD_LETTERS, IDENTITIES, OBSERVATIONS, TRAJECTORIES
from deploy.site.association_worker import AssociationWorker
from embed.observation import Message, encode
from ingest.errors import FencedError
from tests.associate.samples import associator, convoy
from tests.embed.samples import observation


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
def test_batches_and_restarts_change_no_byte(tmp_path: Path, batch: int) -> None:
    whole, pieces = SqliteLog(tmp_path / "whole.db"), SqliteLog(tmp_path / "pieces.db")
    for log in (whole, pieces):
        publish(log, convoy(8, look_alikes=True))
    worker(whole).drain()
    while worker(pieces, batch).step():  # a new owner for every batch, as after a crash
        pass
    assert values_of(pieces) == values_of(whole)


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
