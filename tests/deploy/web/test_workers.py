"""Workers on the log: heartbeats, the port that they offer, and the relay of what comes from there."""

import asyncio
import http.client
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from deploy.log.base import Record
from deploy.log.decoding import Undecoded
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import LIVE
from deploy.web.live import beats, relay
from deploy.web.live import sources as live_sources
from deploy.web.live.beats import LiveBeat, decode, encode
from deploy.web.live.health import CameraHealth
from deploy.web.live.hub import LiveCamera, LiveHub, Viewer
from deploy.web.live.offering import offered
from deploy.web.live.sources import LiveSources
from deploy.web.live.workers import Workers
from detect.detections import Detections
from ingest.clock import NS, ManualClock, SystemClock
from ingest.errors import ConfigError
from ingest.network.packet_tap import VideoPacket
from tests.conftest import ROOT
from tests.deploy.web.beats import heartbeat
from tests.deploy.web.test_live import frame, packet
from tests.deploy.web.town import keep_crops, town, traffic
from tests.deploy.web.town import put as put_messages
from tests.embed.samples import tick

GOLDEN = ROOT / "tests" / "data" / "golden"
SINCE_V5 = sorted(path.name for path in GOLDEN.iterdir() if path.name > "v4")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(tmp_path / "log.db")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beats, "EVERY_S", 0.2)
    monkeypatch.setattr(relay, "RETRY_S", 0.05)
    monkeypatch.setattr(live_sources, "LOOK_S", 0.05)


def put(log: SqliteLog, *said: LiveBeat) -> None:
    log.claim("workers").commit([Record(LIVE, each.worker, encode(each)) for each in said])


@pytest.mark.parametrize("version", SINCE_V5)
def test_golden_heartbeats_decode(version: str) -> None:
    assert decode((GOLDEN / version / "live_beat.json").read_bytes()) == heartbeat()


def test_the_present_heartbeat_is_golden_and_a_field_to_come_is_passed_over() -> None:
    assert (GOLDEN / SINCE_V5[-1] / "live_beat.json").read_bytes() == encode(heartbeat())
    table = msgspec.json.decode(encode(heartbeat()))
    assert decode(msgspec.json.encode({**table, "of": "the future"})) == heartbeat()


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "http://10.0.0.1:80", "a b:80", "user@host:80", "host:80/path", "host:80\n", ":80", ""]
)
def test_what_is_no_address_is_no_heartbeat(address: str) -> None:
    record = msgspec.json.encode({**msgspec.to_builtins(heartbeat()), "address": address})
    with pytest.raises(ValueError, match="not the heartbeat of a worker"):
        decode(record)


def test_the_log_keeps_one_heartbeat_a_worker(log: SqliteLog) -> None:
    for at_s in range(5):
        put(log, heartbeat(at_s=at_s), heartbeat("west", at_s=at_s))
    assert [record.key for record in log.read(LIVE, 0, 100)] == ["north", "west"]


CASES: dict[str, tuple[list[LiveBeat], int, str | None]] = {
    "heard just now": ([heartbeat(at_s=100)], 101, "north"),
    "expired": ([heartbeat(at_s=100)], 121, None),
    "ended": ([msgspec.structs.replace(heartbeat(at_s=100), expires_ns=100 * NS)], 101, None),
    "moved to another worker": ([heartbeat(at_s=100), heartbeat("west", cameras=("south",), at_s=105)], 110, "west"),
    "moved, and the other one's last word comes later": (
        [
            heartbeat("west", cameras=("south",), at_s=105),
            msgspec.structs.replace(heartbeat(at_s=106), expires_ns=106 * NS),
        ],
        110,
        "west",
    ),
    "nothing but rubbish": ([], 101, None),
}


@pytest.mark.parametrize(("said", "now_s", "worker"), CASES.values(), ids=CASES)
def test_a_camera_is_at_the_worker_that_was_heard_last(
    log: SqliteLog, said: list[LiveBeat], now_s: int, worker: str | None
) -> None:
    log.claim("workers").commit([Record(LIVE, "x", b"rubbish")])
    put(log, *said)
    undecoded, clock = Undecoded(), ManualClock(now_s * NS)
    workers = Workers(log, undecoded, clock)
    workers.look()
    found = workers.now("south")
    assert (found.worker if found is not None else None) == worker
    assert undecoded.total == 1


@pytest.mark.parametrize(("now_s", "shown"), [(80_000, ["north", "south"]), (90_000, [])])
def test_a_worker_of_yesterday_is_forgotten(log: SqliteLog, now_s: int, shown: list[str]) -> None:
    put(log, heartbeat(at_s=100))
    workers = Workers(log, Undecoded(), ManualClock(now_s * NS))
    workers.look()
    assert workers.cameras == shown


def soon(condition: Callable[[], object]) -> None:
    clock = SystemClock()
    for _ in range(400):
        if condition():
            return
        clock.sleep(0.025)
    raise AssertionError("it did not come about")


@pytest.fixture
def sources(log: SqliteLog) -> Iterator[LiveSources]:
    made = LiveSources(log, Undecoded(), SystemClock())
    made.start()
    yield made
    made.close()


def status_of(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_a_stranger_is_told_nothing(log: SqliteLog) -> None:
    with offered(("127.0.0.1", 0), log, LiveHub(["a"])) as port:
        soon(lambda: log.end(LIVE))
        token = decode(log.read(LIVE, 0, 1)[0].value).token
        for path in ("/", "/frames/a", "/frames/b", "/stills/a"):
            for sent in ({}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {token}x"}):
                assert status_of(port, path, **sent) == (401, b"this port is for corridor serve\n")
        assert status_of(port, "/stills/a", Authorization=f"Bearer {token}")[0] == 204
        assert status_of(port, "/frames/b", Authorization=f"Bearer {token}")[0] == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_worker_says_where_it_can_be_reached(log: SqliteLog, host: str) -> None:
    with pytest.raises(ConfigError, match="name the address of this machine"), offered((host, 0), log, LiveHub(["a"])):
        pass
    assert log.end(LIVE) == 0


def test_packets_boxes_and_stills_come_through_the_relay_once_for_all(log: SqliteLog, sources: LiveSources) -> None:
    async def scene() -> None:
        hub = LiveHub(["a"])
        with offered(("127.0.0.1", 0), log, hub):
            hub.cameras["a"].packet(packet(0, key=True))
            await until(sources, "a")
            relayed, viewers = sources.cameras["a"], (Viewer(), Viewer())
            for viewer in viewers:
                relayed.join(viewer)
            await later(lambda: hub.cameras["a"].watched == 1)
            hub.cameras["a"].packet(packet(1))
            hub(frame(5), found())
            for viewer in viewers:
                seen = [await asyncio.wait_for(viewer.next(), 20) for _ in range(3)]
                assert [each.key for each in seen if isinstance(each, VideoPacket)] == [True, False]
                assert [each.captured_ns for each in seen if isinstance(each, VideoPacket)] == [0, 40_000_000]
                assert b'"boxes":[["a|None|-1"' in b"".join(each for each in seen if isinstance(each, bytes))
            still = await still_of(relayed)
            assert (still[0], still[1][:2]) == (5 * NS, b"\xff\xd8")
            assert await asyncio.to_thread(relayed.still, 5 * NS) is None
            # Nobody looks any more: the connection ends
            for viewer in viewers:
                relayed.leave(viewer)
            await later(lambda: hub.cameras["a"].watched == 0)

    asyncio.run(scene())


def test_a_worker_that_is_away_leaves_a_still_and_a_sentence_and_goes_on_when_it_is_back(
    log: SqliteLog, sources: LiveSources
) -> None:
    async def scene() -> None:
        hub, viewer, worker = LiveHub(["a"]), Viewer(), ExitStack()
        worker.enter_context(offered(("127.0.0.1", 0), log, hub))
        hub(frame(5), found())
        await until(sources, "a")
        relayed = sources.cameras["a"]
        await still_of(relayed)
        relayed.join(viewer)
        await later(lambda: hub.cameras["a"].watched == 1)
        await asyncio.to_thread(worker.close)
        assert "cannot be reached" in await words(viewer)
        # Who comes now is told at once
        late = Viewer()
        relayed.join(late)
        assert "its last word" in await words(late)
        assert (await still_of(relayed))[0] == 5 * NS
        # Another process takes the camera, with another token
        with offered(("127.0.0.1", 0), log, hub):
            await until(sources, "a")
            while await words(late):  # the reason may change before
                pass
            relayed.leave(viewer)
            relayed.leave(late)
            await later(lambda: hub.cameras["a"].watched == 0)

    asyncio.run(scene())


def found() -> Detections:
    return Detections.of([[10.0, 20.0, 50.0, 60.0]]).select(np.array([0]))


async def until(sources: LiveSources, camera: str) -> None:
    """Wait for a camera's worker to be known and there."""
    await later(lambda: camera in sources.cameras and sources.workers.now(camera) is not None)


async def later(condition: Callable[[], object]) -> None:
    for _ in range(800):
        if condition():
            return
        await asyncio.sleep(0.025)
    raise AssertionError("it did not come about")


async def still_of(camera: LiveCamera) -> tuple[int, bytes]:
    """The still of a camera: a worker is asked for it no more often than it is allowed."""
    for _ in range(100):
        found = await asyncio.to_thread(camera.still, 0)
        if found is not None:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("there is no still")


async def words(viewer: Viewer) -> str:
    """What a viewer is told of the worker next."""
    while True:
        message = await asyncio.wait_for(viewer.next(), 20)
        if isinstance(message, bytes) and message.startswith(b'{"away"'):
            return msgspec.json.decode(message, type=relay.Away).away


def test_crops_of_a_worker_are_on_the_pages_of_a_server_that_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with town(tmp_path, vehicles=2, keep=False) as seen:
        assert "Set <code>[crops] keep = true</code>" in seen.client.get("/cameras").text
        keep_crops(seen.config, traffic(2))
        folder = Path(seen.config.crops.folder)
        with offered(("127.0.0.1", 0), seen.log, LiveHub("abc"), folder):
            soon(lambda: seen.site.crops.shown)
            page = seen.client.get("/identities").text
            assert "keep = true" not in page
            (url, *_) = re.findall(r'src="(/crops/[^"]+)"', page)
            assert seen.client.get(url).body == (folder / url.removeprefix("/crops/")).read_bytes()
            assert len(seen.site.crops.of("a|1.0|1")) == 2
            worker = decode(seen.log.read(LIVE, 0, 1)[0].value)
            sent = {"Authorization": f"Bearer {worker.token}"}
            port = int(worker.address.rpartition(":")[2])
            for name in ("..%2F..%2Ftown.toml", "town.toml", ".json", f"{url.rpartition('/')[2]}.bak"):
                assert status_of(port, f"/crops/a/{name}", **sent)[0] == 404
        # The worker has ended: what was known of stays a link, and its image is not there
        assert seen.client.get(url).status == 404
        assert seen.client.get("/identities").status == 200


def test_the_page_of_a_camera_has_its_last_hour_its_still_and_what_went_wrong_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with town(tmp_path, vehicles=2) as seen:
        ticks = [
            msgspec.structs.replace(
                tick("a", at_s=seen.now_s + each, sequence=each), decoded=25 * each, analysed=8 * each
            )
            for each in range(1, 70 * 60)
        ]
        put_messages(seen.log, ticks)
        seen.catch_up()
        detail = seen.client.get("/api/v1/cameras/a").json
        assert [(each["decoded_fps"], each["analysed_fps"]) for each in detail["minutes"][-60:]] == [(25.0, 8.0)] * 60
        assert len(detail["minutes"]) == 61
        assert detail["health"] is None
        assert "no process offers" in detail["health_unknown"]
        assert "no process offers" in seen.client.get("/cameras/a").text
        assert seen.client.get("/cameras/a/still").status == 404
        assert seen.client.get("/cameras/nowhere").status == 404
        hub = LiveHub("abc")
        hub.health_of = lambda camera: CameraHealth(state="waiting", error=f"Cannot open camera '{camera}'", sessions=3)
        hub(frame(5), found())
        with offered(("127.0.0.1", 0), seen.log, hub):
            soon(lambda: seen.site.live.workers.now("a"))
            page = seen.client.get("/cameras/a").text
            assert "<b>Last error:</b> Cannot open camera &#39;a&#39;" in page
            assert "opened 3 times" in page
            assert 'src="/cameras/a/still?' in page
            assert seen.client.get("/cameras/a/still").body[:2] == b"\xff\xd8"
