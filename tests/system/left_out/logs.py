"""Logs, stores and truth: what their readers cannot use."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import corridor
from associate.associator import Associator
from associate.trajectory import Kind, TrajectoryEvent
from associate.trajectory import encode as encode_event
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import CAMERAS, DEAD_LETTERS, FORGOTTEN, OBSERVATIONS, TRAJECTORIES, WORKERS
from deploy.search.forgotten import Forgotten
from deploy.search.forgotten import encode as encode_forgotten
from deploy.site.cameras.record import CameraRecord, Wanted
from deploy.site.cameras.record import encode as encode_camera
from embed.observation import Correction, Message, Observation, TrackletState, encode
from ingest.camera import Camera
from tests.associate.samples import convoy, event
from tests.deploy.cli.test_score import make_road
from tests.deploy.crops.test_export import kept, seen
from tests.embed.samples import observation, tick
from tests.ingest.clips import write_clip
from tests.system.left_out.recordings import SIZE
from tests.system.left_out.seen import Case, Seen, command, reading, site

LOG = Path("runs/site/corridor.db")


def written(folder: Path, *records: Record) -> SqliteLog:
    """The log of a site, with records as another program may have written them."""
    (folder / LOG).parent.mkdir(parents=True, exist_ok=True)
    log = SqliteLog(folder / LOG)
    log.claim("another program").commit(records)
    return log


NO_EVENT = Record(TRAJECTORIES, "z", b"{}")
NO_MESSAGE = Record(OBSERVATIONS, "a", b"\x01 no message")
EVENT = Record(TRAJECTORIES, "z", encode_event(event()))


def trajectories(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    written(folder, EVENT, NO_EVENT).close()
    return command(folder, "trajectories")


def run_summary(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    write_clip(folder / "a.mp4", 20, size=SIZE)
    site(folder, {"a": "a.mp4"})
    written(folder, EVENT, NO_EVENT).close()
    return command(folder, "run", "site.toml")


def consumer(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    written(folder, EVENT, NO_EVENT).close()
    heard = reading(lambda: list(corridor.read_events(folder / LOG)))
    return Seen(heard.said, None)


def indexed(*records: Record) -> Case:
    def case(folder: Path, _: pytest.MonkeyPatch) -> Seen:
        write_clip(folder / "a.mp4", 2, size=SIZE)
        site(folder, {"a": "a.mp4"})
        written(folder, *records).close()
        return command(folder, "index", "site.toml", "--once")

    return case


def export(spoil: Callable[[Path], object], *records: Record, options: tuple[str, ...] = ()) -> Case:
    def case(folder: Path, _: pytest.MonkeyPatch) -> Seen:
        site(folder, {"north": "north.mp4", "south": "south.mp4"})
        store = folder / "runs" / "site" / "crops"
        for camera in ("north", "south"):
            for track in (1, 2):
                tracklet = kept(store, camera, track)
                (store / camera / f"1.0-{track}.json").write_bytes(msgspec.json.encode(tracklet))
        spoil(store)
        linked = [seen("id1", "north", track=1), seen("id1", "north", "south", track=1)]
        written(folder, *(Record(TRAJECTORIES, "z", encode_event(each)) for each in linked), *records).close()
        return command(folder, "crops", "export", "site.toml", "out", *options)

    return case


def unsure(camera: str, *cameras: str) -> Record:
    """A second vehicle, linked with a probability of .5."""
    event = seen("id2", camera, *cameras, track=2, kind=Kind.EXTENDED if cameras else Kind.CONFIRMED, probability=0.5)
    return Record(TRAJECTORIES, "z", encode_event(event))


def forgotten(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    """One of two sightings was forgotten; the other one is exported."""
    write_clip(folder / "a.mp4", 2, size=SIZE)
    site(folder, {"a": "a.mp4"})
    gone = Forgotten(identity="id1", tracklets=["north|1.0|1"], at_ns=1)
    both = Record(TRAJECTORIES, "z", encode_event(seen("id1", "north", "south", track=1)))
    written(folder, both, Record(FORGOTTEN, "id1", encode_forgotten(gone))).close()
    return command(folder, "export", "site.toml", "id1", "-o", "out")


def associated(*records: Record) -> Case:
    """`corridor associate --once` on a convoy and some records; the counter is the length of the topic."""

    def case(folder: Path, _: pytest.MonkeyPatch) -> Seen:
        site(folder, {"a": "a.mp4", "b": "b.mp4", "c": "c.mp4"})
        good = [Record(OBSERVATIONS, each.camera, encode(each)) for each in convoy(3)]
        written(folder, *good, *records).close()
        ended = command(folder, "associate", "site.toml", "--once")
        letters = SqliteLog(folder / LOG).read(DEAD_LETTERS, 0, 100)
        assert all(json.loads(each.value)["reason"] for each in letters)
        return Seen(ended.said, ended.code, {DEAD_LETTERS: len(letters)})

    return case


def left_behind(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    """Camera c speaks first, two hours behind the live ones, and is heard no more."""
    site(folder, {"a": "a.mp4", "b": "b.mp4", "c": "c.mp4"})
    now_s = time.time()
    seen_now = observation("a", 1, at_s=now_s, first_s=now_s - 2)
    said: list[Message] = [tick("c", at_s=now_s - 7200), tick("a", at_s=now_s), seen_now]
    written(folder, *(Record(OBSERVATIONS, each.camera, encode(each)) for each in said)).close()
    return command(folder, "associate", "site.toml", "--once")


def listed(*records: Record) -> Case:
    """`corridor cameras list`, which goes on as if the records were not there."""

    def case(folder: Path, _: pytest.MonkeyPatch) -> Seen:
        site(folder, {"a": "a.mp4", "b": "b.mp4"})
        written(folder, *records).close()
        shown = command(folder, "cameras", "list", "site.toml", "--json")
        assert shown.said.count('"wanted":"watched"') == 2
        return shown

    return case


def raises(folder: Path, patch: pytest.MonkeyPatch) -> Seen:
    """Association raises an error on what track 90 did."""
    update = Associator.update

    def afraid(self: Associator, message: Message) -> list[TrajectoryEvent]:
        if isinstance(message, Observation) and message.track == 90:
            raise IndexError("no such row")
        return update(self, message)

    patch.setattr(Associator, "update", afraid)
    return associated(Record(OBSERVATIONS, "a", encode(observation("a", 90, dim=32))))(folder, patch)


def nan() -> bytes:
    message = msgspec.msgpack.decode(encode(observation("a", 90)))
    return msgspec.msgpack.encode({**message, "quality": float("nan")})


def scored(spoil: Callable[[Path], object], *options: str) -> Case:
    def case(folder: Path, _: pytest.MonkeyPatch) -> Seen:
        pytest.importorskip("trackeval")
        spoil(make_road(folder))
        return command(folder, "score", ".", "corridor.db", "--fps", "25", *options)

    return case


def add(*records: Record) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        log = SqliteLog(folder / "corridor.db")
        log.claim("another program").commit(records)
        log.close()

    return spoil


def truth_of_a(last: int) -> Callable[[Path], object]:
    lines = "\n".join(f"{frame},7,10,50,40,30" for frame in range(1, last + 1))
    return lambda folder: (folder / "a.gt.txt").write_text(lines)


def no_truth(folder: Path) -> None:
    for camera in "ab":
        (folder / f"{camera}.gt.txt").write_text("")


LATE = Correction(id="correction|1", at_ns=0, verdict="same", tracklets=("a|1.0|98", "b|1.0|99"), by="somebody")
STRANGE = Record(TRAJECTORIES, "z", encode_event(seen("id9", "a", track=99)))
OPEN = Record(OBSERVATIONS, "a", encode(observation("a", 50)))

WITHOUT_VECTOR = msgspec.structs.replace(observation("a", 60, state=TrackletState.CLOSED), vector=b"")
ODD_CAMERA = CameraRecord(camera="a", wanted=Wanted.REMOVED, settings=Camera(id="a", source="ftp://x/1"), at_ns=0)

CASES: dict[str, Case] = {
    "log-trajectories": trajectories,
    "log-run": run_summary,
    "log-consumer": consumer,
    "log-crops-export": export(lambda store: None, NO_EVENT),
    "log-score": scored(add(NO_MESSAGE, NO_EVENT)),
    "dead-letter-undecodable": associated(NO_MESSAGE),
    "dead-letter-numbers": associated(Record(OBSERVATIONS, "a", nan())),
    "dead-letter-encoder": associated(Record(OBSERVATIONS, "a", encode(observation("a", 90, encoder="grl@1")))),
    "dead-letter-size": associated(Record(OBSERVATIONS, "a", bytes(600_000))),
    "dead-letter-raises": raises,
    "corrections-too-late": associated(Record(OBSERVATIONS, "a", encode(LATE))),
    "cameras-left-behind": left_behind,
    "roster-unreadable": listed(Record(CAMERAS, "a", b"{}")),
    "roster-settings": listed(Record(CAMERAS, "a", encode_camera(ODD_CAMERA))),
    "workers-unreadable": listed(Record(WORKERS, "w1", b"{}")),
    "index-undecodable": indexed(NO_MESSAGE),
    "index-vector": indexed(Record(OBSERVATIONS, "a", encode(WITHOUT_VECTOR))),
    "crops-not-linked": export(lambda store: None),
    "crops-cut": export(
        lambda store: None, unsure("north"), unsure("north", "south"), options=("--min-probability", "0.9")
    ),
    "crops-alone": export(
        lambda store: (store / "south" / "1.0-3.json").write_bytes(msgspec.json.encode(kept(store, "south", 3))),
        Record(TRAJECTORIES, "z", encode_event(seen("id3", "south", track=3, kind=Kind.CONFIRMED))),
        unsure("north"),
        options=("--singles", "--hold-out", "south"),
    ),
    "export-forgotten": forgotten,
    "crops-gone": export(lambda store: (store / "south" / "1.0-1-0.jpg").unlink()),
    "crops-index": export(lambda store: (store / "south" / "1.0-1.json").write_text("{")),
    "score-without-truth": scored(lambda folder: (folder / "b.gt.txt").unlink()),
    "score-truth-beyond": scored(truth_of_a(200)),
    "score-run-beyond": scored(truth_of_a(50)),
    "score-empty-truth": scored(no_truth),
    "score-strange-events": scored(add(STRANGE)),
    "score-baseline": scored(add(OPEN), "--baseline", "clustering", "--floor", "0.5"),
}
