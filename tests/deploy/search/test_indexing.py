"""Feeding an index from the log: whenever the process is killed, the index is what the log says."""

import os
import random
import resource
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from associate.sightings.sighting import Filter
from associate.sightings.space import TRAINED_FROM
from associate.trajectory import Kind
from associate.trajectory import encode as encode_event
from deploy.log.base import Record, StoredRecord
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import FORGOTTEN, OBSERVATIONS, TRAJECTORIES
from deploy.search import indexing
from deploy.search.forgotten import Forgotten, publish
from deploy.search.index.catalogue import SEGMENT_ROWS, Catalogue
from deploy.search.index.reader import SightingsIndex
from deploy.search.index.writer import IndexWriter
from deploy.search.indexing import Indexer, indexed
from embed.observation import CameraEpoch, Observation, TrackletState, decode, encode
from ingest.clock import NS, ManualClock
from ingest.errors import ConfigError, LogError
from tests.associate.samples import event
from tests.deploy.search.samples import ENCODER, look, settings, started
from tests.embed.samples import observation, tick

KILLS = 20


def write(log: SqliteLog, numbers: range, owner: str = "camera/north") -> None:
    """Closed tracklets, a provisional and a final word about each, and a tick after every tenth."""
    records = []
    for number in numbers:
        seen = observation(track=number, vector=look(number), state=TrackletState.CLOSED, encoder=ENCODER, at_s=number)
        said = msgspec.structs.replace(
            event(), kind=Kind.CONFIRMED, identity=f"z-{number}", observation=f"{seen.tracklet}|1", visits=[]
        )
        records += [
            Record(OBSERVATIONS, "north", encode(seen)),
            Record(TRAJECTORIES, f"z-{number}", encode_event(said)),
        ]
        if number % 10 == 0:
            records.append(Record(OBSERVATIONS, "north", encode(tick(at_s=number))))
    log.claim(owner).commit(records)


def tracklets(folder: Path) -> dict[str, str | None]:
    with closing(SightingsIndex(folder / "index")) as index:
        rows = index._catalogue.select("SELECT tracklet, identity FROM sightings ORDER BY id")
        assert index.encoders[ENCODER].sightings == len(rows)
        return dict(rows)


def test_the_index_is_what_the_log_says_and_goes_on_where_it_was(tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path / "log.db")) as log:
        write(log, range(1, 50))
        for _ in range(2):
            with closing(Indexer(log, settings(tmp_path), batch=7)) as indexer:
                indexer.drain()
        assert tracklets(tmp_path) == {f"north|1.0|{number}": f"z-{number}" for number in range(1, 50)}
        write(log, range(50, 60))
        with closing(Indexer(log, settings(tmp_path), batch=7)) as indexer:
            indexer.drain()
            assert indexer.counts["taken"] == 10
        assert len(tracklets(tmp_path)) == 59


def test_open_tracklets_are_no_sightings_and_useless_vectors_are_counted(tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path / "log.db")) as log:
        bad = msgspec.structs.replace(observation(track=2, state=TrackletState.CLOSED), vector=b"")
        said = [
            observation(track=1, state=TrackletState.UPDATED),
            bad,
            observation(track=3, state=TrackletState.CLOSED),
        ]
        log.claim("camera/north").commit([Record(OBSERVATIONS, "north", encode(each)) for each in said])
        log.claim("camera/south").commit([Record(OBSERVATIONS, "south", b"\xc1")])
        with closing(Indexer(log, settings(tmp_path))) as indexer:
            indexer.drain()
            assert (indexer.counts["taken"], indexer.useless, indexer.undecoded.total) == (1, 1, 1)


def test_a_tombstone_deletes_in_every_index_of_the_log_also_in_one_made_anew(tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path / "log.db")) as log:
        write(log, range(1, 20))
        with closing(Indexer(log, settings(tmp_path))) as indexer:
            indexer.drain()
            publish(log, "z", Forgotten(identity="z-3", tracklets=["north|1.0|3"], at_ns=1))
            indexer.drain()
        assert "north|1.0|3" not in tracklets(tmp_path)
        with closing(Indexer(log, settings(tmp_path / "another"), batch=3)) as indexer:
            indexer.drain()
        assert sorted(tracklets(tmp_path / "another")) == sorted(tracklets(tmp_path))


def test_what_an_owner_says_that_has_been_replaced_is_left_out_also_after_a_restart(tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path / "log.db")) as log:

        def say(camera: str, track: int, epoch: int) -> None:
            said = observation(camera, track, state=TrackletState.CLOSED, epoch=CameraEpoch(epoch, 0))
            log.claim(f"camera/{camera}").commit([Record(OBSERVATIONS, camera, encode(said))])

        for camera, epoch in (("north", 1), ("north", 2), ("south", 1), ("north", 1)):
            say(camera, log.end(OBSERVATIONS), epoch)
        with closing(Indexer(log, settings(tmp_path))) as indexer:
            indexer.drain()
            assert (indexer.counts["taken"], indexer.replaced) == (3, 1)
        say("north", 9, 1)
        say("north", 10, 2)
        with closing(Indexer(log, settings(tmp_path))) as indexer:
            indexer.drain()
            assert (indexer.counts["taken"], indexer.replaced) == (1, 1)


def test_an_index_that_was_made_before_epochs_were_kept_goes_on(tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path / "log.db")) as log:
        write(log, range(1, 5))
        with closing(Indexer(log, settings(tmp_path))) as indexer:
            indexer.drain()
            assert isinstance(indexer.writer, IndexWriter)
            with indexer.writer.catalogue.transaction() as db:
                db.execute("DROP TABLE epochs")
        write(log, range(5, 8))
        with closing(Indexer(log, settings(tmp_path))) as indexer:
            indexer.drain()
        assert len(tracklets(tmp_path)) == 7


def test_an_index_of_another_log_is_refused(tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path / "log.db")) as log, closing(SqliteLog(tmp_path / "new.db")) as new:
        write(log, range(1, 20))
        with closing(Indexer(log, settings(tmp_path))) as indexer:
            indexer.drain()
        with pytest.raises(ConfigError, match=r"it is of another log \(make it anew: corridor index FILE --rebuild\)"):
            Indexer(new, settings(tmp_path))


def test_retention_follows_the_clock(tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path / "log.db", clock=ManualClock(10**18))) as log:
        write(log, range(1, 20))
        clock = ManualClock(10**18)
        with closing(Indexer(log, settings(tmp_path, keep_days=1), clock=clock)) as indexer:
            indexer.drain()
            clock.sleep(2 * 86_400)
            indexer.step()
        with closing(SightingsIndex(tmp_path / "index")) as index:
            assert not index.encoders


def test_a_clock_that_steps_back_deletes_nothing_early_and_hides_nothing(tmp_path: Path) -> None:
    day_ns = 86_400 * NS
    for days, numbers in ((10, range(1, 20)), (5, range(20, 40))):
        with closing(SqliteLog(tmp_path / "log.db", clock=ManualClock(days * day_ns))) as log:
            write(log, numbers)
    earlier = observation("south", 1, at_s=3, first_s=2, state=TrackletState.CLOSED, vector=look(99), encoder=ENCODER)
    with closing(SqliteLog(tmp_path / "log.db", clock=ManualClock(5 * day_ns))) as log:
        # a camera whose clock is behind all others
        log.claim("camera/south").commit([Record(OBSERVATIONS, "south", encode(earlier))])
        kept = settings(tmp_path, keep_days=1)
        for hours in (252, 120):
            with closing(Indexer(log, kept, clock=ManualClock(hours * 3600 * NS))) as indexer:
                indexer.drain()
                indexer.step()
            assert len(tracklets(tmp_path)) == 40
        with closing(SightingsIndex(tmp_path / "index")) as index:
            then = Filter(since_ns=earlier.first_ns, until_ns=earlier.last_ns)
            best = int(index.nearest(ENCODER, look(99), then, 1).ids[0])
            assert index.sightings([best])[best].tracklet == earlier.tracklet


def test_a_run_keeps_its_index_beside_it_and_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = msgspec.structs.replace(settings(tmp_path), index=True)
    with closing(SqliteLog(tmp_path / "log.db")) as log:
        with indexed(log, on, "zone", patient=False) as problem:
            write(log, range(1, 30))
        assert problem() == ""
        assert len(tracklets(tmp_path)) == 29

        def full(_: Indexer) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Indexer, "step", full)
        with indexed(log, on, "zone", patient=False) as problem:
            write(log, range(30, 40))
        assert "the sightings index is not up to date: [Errno 28] No space left on device" in problem()
        monkeypatch.undo()
        with indexed(log, on, "zone", patient=False):
            pass
        assert len(tracklets(tmp_path)) == 39


def test_a_log_that_is_away_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(SqliteLog(tmp_path / "log.db")) as log:
        write(log, range(1, 30))
        with closing(Indexer(log, settings(tmp_path))) as indexer:
            stop, read, failures = threading.Event(), log.read, [True, True]

            def away(topic: str, after: int, limit: int) -> list[StoredRecord]:
                if failures:
                    failures.pop()
                    raise LogError("the broker is away")
                if after:
                    stop.set()
                return read(topic, after, limit)

            monkeypatch.setattr(indexing, "RETRY_S", 0.01)
            monkeypatch.setattr(log, "read", away)
            indexer.run(stop, patient=True)
            assert caplog.text.count("the broker is away; the sightings index waits for it") == 1
            failures.append(True)
            stop.clear()
            with pytest.raises(LogError, match="the broker is away"):
                indexer.run(stop, patient=False)
        monkeypatch.undo()
        assert len(tracklets(tmp_path)) == 29


def test_a_full_disk_ends_the_process_with_a_reason_and_costs_nothing(tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path / "log.db")) as log:
        write(log, range(SEGMENT_ROWS + 50))
    full = started(drain, tmp_path, 600_000)
    full.join()
    assert full.exitcode == 1
    said = (tmp_path / "stderr.txt").read_text().splitlines()[-1]
    assert "could not be used" in said or "File too large" in said
    finish(tmp_path)
    assert list(tracklets(tmp_path)) == [f"north|1.0|{number}" for number in range(SEGMENT_ROWS + 50)]


def test_damaged_vectors_are_made_anew_from_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(SqliteLog(tmp_path / "log.db")) as log:
        write(log, range(SEGMENT_ROWS + 3))
        with closing(Indexer(log, settings(tmp_path))) as indexer:
            indexer.drain()
        path = tmp_path / "index" / "00000001.0.vectors"
        whole = path.read_bytes()
        path.write_bytes(whole[:100] + b"\0\0\0\0" + whole[104:])
        with closing(Indexer(log, settings(tmp_path))) as indexer:
            assert indexer.mend() == 0
        assert path.with_name("00000001.1.vectors").read_bytes() == whole
        assert "00000001.0.vectors is damaged" in caplog.text
        assert len(tracklets(tmp_path)) == SEGMENT_ROWS + 3


def test_readers_see_a_whole_index_while_it_is_written(tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path / "log.db")) as log:
        write(log, range(SEGMENT_ROWS + 500))
        with closing(Indexer(log, settings(tmp_path))) as indexer:
            indexer.step()
            failures: list[Exception] = []
            done = threading.Event()

            def read() -> None:
                try:
                    with closing(SightingsIndex(tmp_path / "index")) as index:
                        while not done.is_set():
                            index.refresh()
                            best = index.nearest(ENCODER, look(5), Filter(), 3).ids
                            assert index.sightings(best.tolist())[int(best[0])].tracklet == "north|1.0|5"
                            done.wait(0.05)
                except Exception as failure:
                    failures.append(failure)

            readers = [threading.Thread(target=read) for _ in range(10)]
            for reader in readers:
                reader.start()
            indexer.drain()
            publish(log, "z", Forgotten(identity="z-9", tracklets=["north|1.0|9"], at_ns=1))
            indexer.drain()
            done.set()
            for reader in readers:
                reader.join()
            assert not failures


def drain(folder: Path, limit_bytes: int | None = None) -> None:
    """Take in what is on a log, in a process of its own."""
    if limit_bytes is not None:
        # The server that forks it has the standard error of whichever test needed it first.
        os.dup2(os.open(folder / "stderr.txt", os.O_WRONLY | os.O_CREAT), sys.stderr.fileno())
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    log = SqliteLog(folder / "log.db", must_exist=True)
    with closing(log), closing(Indexer(log, settings(folder), batch=500)) as indexer:
        indexer.drain()


def finish(folder: Path) -> None:
    process = started(drain, folder)
    process.join()
    assert process.exitcode == 0


def check_whole(folder: Path, tracks: dict[int, int], tombstones: dict[int, int]) -> None:
    """The index has just what the log says up to the index's positions; both by offset."""
    try:
        catalogue = Catalogue(folder / "index", must_exist=True)
    except ConfigError:  # killed before there was an index
        return
    with closing(catalogue):
        seen, deleted = catalogue.position(OBSERVATIONS), catalogue.position(FORGOTTEN)
        found = [int(row[0].rpartition("|")[2]) for row in catalogue.select("SELECT tracklet FROM sightings")]
    expected = {number for offset, number in tracks.items() if offset <= seen}
    assert len(found) == len(set(found))
    assert set(found) == expected - {number for offset, number in tombstones.items() if offset <= deleted}


def test_a_process_that_is_killed_leaves_neither_gap_nor_duplicate(tmp_path: Path) -> None:
    rng = random.Random(20)
    count = TRAINED_FROM + SEGMENT_ROWS + 50
    tombstones: dict[int, int] = {}
    with closing(SqliteLog(tmp_path / "log.db")) as log:
        for begin in range(0, count, 5000):
            write(log, range(begin, min(begin + 5000, count)))
        tracks = {
            record.offset: said.track
            for record in log.read(OBSERVATIONS, 0, 2 * count)
            if isinstance(said := decode(record.value), Observation)
        }
    for _ in range(KILLS):
        with closing(SqliteLog(tmp_path / "log.db")) as log:  # closed again before the fork
            number = rng.randrange(count)
            publish(log, "z", Forgotten(identity="z", tracklets=[f"north|1.0|{number}"], at_ns=1))
            tombstones[log.end(FORGOTTEN)] = number
        process = started(drain, tmp_path)
        time.sleep(rng.uniform(0.02, 0.5))
        process.kill()
        process.join()
        check_whole(tmp_path, tracks, tombstones)
    finish(tmp_path)
    check_whole(tmp_path, tracks, tombstones)
    gone = set(tombstones.values())
    assert tracklets(tmp_path) == {f"north|1.0|{each}": f"z-{each}" for each in range(count) if each not in gone}
    files = [path.read_bytes() for path in (tmp_path / "index").iterdir()]
    for number in gone:
        assert not any(look(number).astype("<f2").tobytes() in content for content in files)
    with closing(SightingsIndex(tmp_path / "index")) as index:
        for number in {0, SEGMENT_ROWS, TRAINED_FROM + 1, count - 1} - gone:
            best = int(index.nearest(ENCODER, look(number), Filter(), 1).ids[0])
            assert index.sightings([best])[best].tracklet == f"north|1.0|{number}"
