"""Live packets and boxes: from a real stream to a viewer, who never keeps a camera waiting."""

import asyncio
import http.client
from pathlib import Path

import msgspec
import numpy as np
import pytest

from deploy.city.rtsp.server import RtspServer
from deploy.web.access.users import Role
from deploy.web.live.hub import QUEUED, VIDEO_IS_THERE, BoxesAt, LiveCamera, LiveHub, Viewer
from detect.detections import Detections
from embed.observation import CameraEpoch
from ingest.camera import Camera
from ingest.clock import NS, SystemClock
from ingest.frame import ClockQuality, Frame
from ingest.network.access_unit import parameter_sets
from ingest.network.h264 import recorded_units
from ingest.network.packet_tap import VideoPacket
from ingest.open_camera import open_camera
from tests.deploy.web.town import town
from tests.ingest.clips import write_clip


def packet(number: int, *, key: bool = False, size: int = 10) -> VideoPacket:
    return VideoPacket(number * 40_000_000, key, "avc1.42c01f", bytes([number % 256]) * size)


def frame(number: int) -> Frame:
    return Frame("a", number, number * NS, ClockQuality.RTCP, np.full((192, 320, 3), 90, np.uint8))


def test_packets_of_a_stream_come_with_the_capture_times_of_its_frames(tmp_path: Path) -> None:
    clip, clock = write_clip(tmp_path / "clip.mp4", 100, size=(320, 192)), SystemClock()
    taken: list[VideoPacket] = []
    with RtspServer() as server:
        server.add("/a", lambda: recorded_units(clip, starts_ns=clock.now_ns(), loop=True))
        camera = Camera(id="a", source=server.url("/a"))
        source = open_camera(camera, starts_ns=0, listener=taken.append)
        captured = []
        for each in source.frames():
            captured.append(each.captured_ns)
            if len(captured) == 40:
                break
        source.close()
    assert taken[0].key
    assert taken[0].codec.startswith("avc1.")
    assert all(parameter_sets(each.data) is not None for each in taken if each.key)
    times = [each.captured_ns for each in taken]
    near = [min(abs(at_ns - known_ns) for known_ns in times) for at_ns in captured[5:-2]]
    assert max(near) < 20_000_000  # half of the distance between two frames


def test_who_comes_later_begins_with_the_last_key_frame() -> None:
    async def scene() -> list[bytes]:
        camera, viewer = LiveCamera(), Viewer()
        for number in range(10):
            camera.packet(packet(number, key=number % 4 == 0))
        assert camera.codec == "avc1.42c01f"
        camera.join(viewer)
        camera.packet(packet(10))
        found = [await viewer.next() for _ in range(3)]
        camera.leave(viewer)
        camera.packet(packet(11))
        assert camera.watched == 0
        return [each.data[:1] for each in found if isinstance(each, VideoPacket)]

    assert asyncio.run(scene()) == [b"\x08", b"\x09", b"\x0a"]


def test_a_viewer_who_is_too_slow_goes_on_at_a_key_frame() -> None:
    async def scene() -> None:
        camera, viewer = LiveCamera(), Viewer()
        camera.join(viewer)
        camera.packet(packet(0, key=True))
        for number in range(1, 3 * QUEUED):
            camera.packet(packet(number))
        camera.packet(packet(7, key=True, size=3))
        await asyncio.sleep(0)
        first = await viewer.next()
        assert isinstance(first, VideoPacket)
        assert (first.key, len(first.data)) == (True, 3)
        assert viewer.dropped >= QUEUED
        camera.leave(viewer)
        assert camera.dropped == viewer.dropped

    asyncio.run(scene())


def test_a_viewer_of_stills_is_told_of_video_and_begins_with_the_last_key_frame() -> None:
    async def scene() -> None:
        camera, viewer = LiveCamera(), Viewer()
        camera.join(viewer)
        viewer.ask(stills=True)
        for number in range(3):
            camera.packet(packet(number, key=number == 0))
        assert await viewer.next() == VIDEO_IS_THERE
        viewer.ask(stills=False)
        camera.resume(viewer)
        camera.packet(packet(3))
        found = [await viewer.next() for _ in range(4)]
        assert [each.data[:1] for each in found if isinstance(each, VideoPacket)] == [b"\0", b"\1", b"\2", b"\3"]

    asyncio.run(scene())


def test_a_group_that_grows_without_end_is_not_kept() -> None:
    camera = LiveCamera()
    camera.packet(packet(0, key=True))
    for number in range(1, 20):
        camera.packet(packet(number, size=1_000_000))
    assert camera.codec == ""
    camera.packet(packet(20, key=True))
    assert camera.codec == "avc1.42c01f"


def test_boxes_carry_capture_time_and_tracklet_and_stills_are_jpeg() -> None:
    async def scene() -> BoxesAt:
        hub, viewer = LiveHub(["a"]), Viewer()
        hub.epoch_of = lambda camera: CameraEpoch(3, 1)
        hub.cameras["a"].join(viewer)
        found = Detections.of([[10.0, 20.0, 50.0, 60.0]])
        hub(frame(5), found.select(np.array([0])))
        message = await viewer.next()
        assert isinstance(message, bytes)
        still = hub.cameras["a"].still(0)
        assert still is not None
        assert (still[0], still[1][:2]) == (5 * NS, b"\xff\xd8")
        assert hub.cameras["a"].still(5 * NS) is None
        return msgspec.json.decode(message, type=BoxesAt)

    boxes = asyncio.run(scene())
    assert (boxes.at_us, boxes.size) == (5_000_000, (320, 192))
    assert boxes.boxes[0].tracklet == "a|3.1|-1"
    assert (boxes.boxes[0].left, boxes.boxes[0].bottom) == (10.0, 60.0)


@pytest.mark.parametrize(
    ("camera", "headers", "status"),
    [
        ("a", {}, 403),
        ("a", {"Origin": "https://evil.example"}, 403),
        ("nowhere", {}, 403),
    ],
)
def test_strangers_and_pages_of_other_sites_see_no_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, camera: str, headers: dict[str, str], status: int
) -> None:
    monkeypatch.chdir(tmp_path)
    with town(tmp_path, vehicles=1, users={"vera": Role.VIEWER}, live=True) as guarded:
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        connection = http.client.HTTPConnection("127.0.0.1", guarded.port, timeout=20)
        key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        connection.request("GET", f"/live/{camera}", headers={**upgrade, **key, **headers})
        assert connection.getresponse().status == status
        connection.close()
        token = guarded.site.access.users.add_token("vera", "metrics")
        text = guarded.client.get("/metrics", Authorization=f"Bearer {token}").text
        assert 'corridor_live_viewers{camera="a"} 0.0' in text
