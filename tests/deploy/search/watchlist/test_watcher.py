"""Watching on a log: what matches, what is taken back, and that a killed process leaves neither gap nor duplicate."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from multiprocessing import get_context
from pathlib import Path

import msgspec
import pytest

from deploy.log.base import Log, Record
from deploy.log.decoding import Undecoded, decoded
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import MATCHES, OBSERVATIONS, WATCHLIST
from deploy.search.indexing import Indexer
from deploy.search.watchlist.entries import Look, WatchEntry, publish, removal
from deploy.search.watchlist.matches import Match, decode
from deploy.search.watchlist.watcher import Watcher
from embed.observation import CameraEpoch, Observation, TrackletState, encode, pack_vector
from ingest.clock import NS, ManualClock
from tests.contracts.log_places import KafkaPlace, SqlitePlace
from tests.deploy.search.samples import ENCODER, look, settings
from tests.deploy.search.watchlist.samples import entry
from tests.embed.samples import observation

DIM = 64
WATCHED = 7
PREFIX = 150
KILLS = 8
LATER = 5000
"""Number of the first sighting after those that are indexed before."""
UNLIKE = 2000
"""Added to the number of a sighting, it gives a look that has no chance resemblance to the watched one: how far a judge
has learned depends on when a process was killed, so only a clear difference gives the same matches each time."""


def seen(number: int, like: int | None = None, *, epoch: int = 1, state: TrackletState | None = None) -> Observation:
    """The tracklet of a number, which looks like a vehicle; closed by default."""
    state = state or TrackletState.CLOSED
    return observation(
        track=number,
        at_s=number,
        first_s=number - 1,
        state=state,
        sequence=2 if state is TrackletState.CLOSED else 1,
        vector=look(number if like is None else like, DIM),
        encoder=ENCODER,
        epoch=CameraEpoch(epoch, 0),
    )


def opened(number: int, like: int | None = None, *, epoch: int = 1) -> Observation:
    return seen(number, like, epoch=epoch, state=TrackletState.OPENED)


def say(log: Log, *said: Observation) -> None:
    log.claim("camera/north").commit([Record(OBSERVATIONS, each.camera, encode(each)) for each in said])


def watched(log: Log, **changes: object) -> WatchEntry:
    """A watch for the vehicle from now on."""
    values: dict[str, object] = {
        "name": "van",
        "after": log.end(OBSERVATIONS),
        "min_probability": 0.02,
        "looks": [Look(vector=pack_vector(look(WATCHED, DIM)))],
    }
    return entry(**{**values, **changes})  # type: ignore[arg-type]


def matches(log: Log) -> list[Match]:
    return list(decoded(log, MATCHES, decode, Undecoded()))


def said_of(log: Log) -> list[tuple[str, str]]:
    """State and tracklet's number of every match on a log."""
    return [(each.state.value, each.tracklet.rpartition("|")[2]) for each in matches(log)]


Step = Callable[[Log], None]


class Site:
    """A log whose index has seen some hundred vehicles of other looks."""

    def __init__(self, log: Log, folder: Path) -> None:
        self.log, self.folder, self.undecoded = log, folder, Undecoded()
        say(log, *(seen(number) for number in range(100, 100 + PREFIX)))
        self.index()

    def index(self) -> None:
        with closing(Indexer(self.log, settings(self.folder))) as indexer:
            indexer.drain()

    def watcher(self) -> Watcher:
        return Watcher(self.log, "zone", settings(self.folder), self.undecoded, clock=ManualClock(0))

    def watch(self) -> None:
        """As a process of its own would that ends at once: index what is new, and compare it."""
        self.index()
        with closing(self.watcher()) as watcher:
            watcher.drain()


@pytest.fixture(params=["sqlite", "kafka"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    where = SqlitePlace(tmp_path) if request.param == "sqlite" else KafkaPlace()
    yield Site(where.open(), tmp_path)
    where.close()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with closing(SqliteLog(tmp_path / "log.db")) as log:
        yield Site(log, tmp_path)


def test_a_match_is_provisional_then_confirmed_or_withdrawn_and_said_once(place: Site) -> None:
    publish(place.log, "zone", [watched(place.log)])
    say(place.log, opened(LATER, WATCHED), opened(LATER + 1, WATCHED), opened(LATER + 2))
    place.watch()
    assert said_of(place.log) == [("provisional", "5000"), ("provisional", "5001")]
    say(place.log, seen(LATER, WATCHED), seen(LATER + 1), seen(LATER + 2), seen(LATER + 3, WATCHED))
    for _ in range(2):
        place.watch()
    assert said_of(place.log)[2:] == [("confirmed", "5000"), ("withdrawn", "5001"), ("confirmed", "5003")]
    first = matches(place.log)[2]
    assert (first.id, first.watch, first.camera) == ("van|north|1.0|5000", "van", "north")
    assert first.similarity > 0.9
    assert first.probability >= 0.02


def watch_for(**changes: object) -> Step:
    return lambda log: publish(log, "zone", [watched(log, **changes)])


def hear(*said: Observation) -> Step:
    return lambda log: say(log, *said)


def unwatch(log: Log) -> None:
    publish(log, "zone", [removal(watched(log), 1)])


OWN = Look(vector=pack_vector(look(WATCHED, DIM)), tracklet="north|1.0|5000")
USELESS = msgspec.structs.replace(seen(LATER), vector=b"")

CASES: dict[str, tuple[list[Step], list[tuple[str, str]]]] = {
    "what came before it was added": ([hear(seen(LATER, WATCHED)), watch_for()], []),
    "two entries, each from where it was added": (
        [watch_for(), hear(seen(LATER, WATCHED)), watch_for(name="bus"), hear(seen(LATER + 1, WATCHED))],
        [("confirmed", "5000"), ("confirmed", "5001"), ("confirmed", "5001")],
    ),
    "after its end": (
        [watch_for(until_ns=LATER * NS), hear(seen(LATER, WATCHED), seen(LATER + 5, WATCHED))],
        [("confirmed", "5000")],
    ),
    "its own tracklet": ([watch_for(looks=[OWN]), hear(seen(LATER, WATCHED))], []),
    "by another encoder": ([watch_for(encoder="other@1"), hear(seen(LATER, WATCHED))], []),
    "once it is removed": ([watch_for(), unwatch, hear(seen(LATER, WATCHED))], []),
    "of an owner that has been replaced": (
        [watch_for(), hear(seen(LATER, epoch=2), seen(LATER + 1, WATCHED, epoch=1))],
        [],
    ),
    "a useless vector": ([watch_for(), hear(USELESS, seen(LATER + 1, WATCHED))], [("confirmed", "5001")]),
    "a camera that begins anew": (
        [watch_for(), hear(opened(LATER, WATCHED), opened(LATER + 1, epoch=2))],
        [("provisional", "5000"), ("withdrawn", "5000")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_compared(here: Site, case: str) -> None:
    steps, expected = CASES[case]
    for step in steps:
        step(here.log)
    here.watch()
    assert said_of(here.log) == expected


def test_looks_of_another_encoder_and_records_that_are_none_are_said(
    here: Site, caplog: pytest.LogCaptureFixture
) -> None:
    here.log.claim("somebody").commit([Record(WATCHLIST, "x", b"{}")])
    publish(here.log, "zone", [watched(here.log, encoder="other@1")])
    for number in range(2):
        say(here.log, seen(LATER + number, WATCHED))
        here.watch()
    assert caplog.text.count("'van' is watched for by looks of other@1, and what is seen is by tiny@1") == 2
    assert here.undecoded.counts[WATCHLIST].total() == 1


def test_a_camera_that_comes_after_the_judge_has_learned(here: Site) -> None:
    east = Look(vector=pack_vector(look(WATCHED, DIM)), tracklet="east|1.0|1", camera="east", at_ns=LATER * NS)
    publish(here.log, "zone", [watched(here.log, looks=[east])])
    with closing(here.watcher()) as watcher:
        say(here.log, seen(LATER, WATCHED))
        here.index()
        watcher.drain()
        say(here.log, msgspec.structs.replace(seen(LATER + 1, WATCHED), camera="east", id="east|1.0|5001|2"))
        here.index()
        watcher.drain()
    assert said_of(here.log) == [("confirmed", "5000"), ("confirmed", "5001")]


def test_who_watches_for_nothing_claims_nothing_and_a_second_watcher_replaces_the_first(
    here: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(closing(here.watcher())) for _ in range(2))
        assert first.step() == 0
        assert here.log.claim("watch/zone").generation == 1
        publish(here.log, "zone", [watched(here.log)])
        for number, watcher in enumerate((first, second, first)):
            say(here.log, seen(LATER + number, WATCHED))
            watcher.drain()
        assert said_of(here.log) == [("confirmed", "5000"), ("confirmed", "5001")]
        assert "'watch/zone' is owned by another process now" in caplog.text
        assert first.step() == 0
        second.drain()
        assert said_of(here.log)[2:] == [("confirmed", "5002")]


def work(folder: Path) -> None:
    """Index and watch until all is taken in, in small batches."""
    with (
        closing(SqliteLog(folder / "log.db", must_exist=True)) as log,
        closing(Indexer(log, settings(folder), batch=20)) as indexer,
        closing(Watcher(log, "zone", settings(folder), indexer.undecoded, batch=20)) as watcher,
    ):
        while indexer.step() + watcher.step():
            pass


def test_a_killed_process_leaves_neither_gap_nor_duplicate(here: Site) -> None:
    count = 1800  # so many that an idle machine is killed at it as well
    publish(here.log, "zone", [watched(here.log, min_probability=0.005)])
    said = [
        each
        for number in range(LATER, LATER + count)
        for like in [WATCHED if number % 100 == 0 else number + UNLIKE]
        for each in (opened(number, like), seen(number, like))
    ]
    say(here.log, *said)
    context, rng = get_context("forkserver"), random.Random(7)
    context.set_forkserver_preload([__name__])
    kills = 0
    while True:
        process = context.Process(target=work, args=(here.folder,))
        process.start()
        process.join(timeout=rng.uniform(0.02, 0.2) if kills < KILLS else None)
        if process.exitcode is not None:
            assert process.exitcode == 0
            break
        process.kill()
        process.join()
        kills += 1
        assert len({(each.id, each.state) for each in matches(here.log)}) == len(matches(here.log))
    expected = [
        (state, f"{number}") for number in range(LATER, LATER + count, 100) for state in ("provisional", "confirmed")
    ]
    assert said_of(here.log) == expected
    assert kills >= 3
