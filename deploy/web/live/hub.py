"""What is live of every camera of this process, and its way from the camera's threads to those who watch."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from deploy.web.live.health import CameraHealth
from deploy.web.live.stills import jpeg_of
from detect.detections import Detections
from embed.observation import CameraEpoch
from ingest.frame import Frame
from ingest.network.packet_tap import PacketListener, VideoPacket

GROUP_BYTES = 8_000_000
"""Packets since the last key frame that are kept for a viewer who comes in between; of a longer group none are."""

QUEUED = 120
"""Messages that wait for a viewer; beyond them all video is dropped up to the next key frame."""

VIDEO_IS_THERE = b'{"video":true}'
"""Word at every key frame to a viewer of stills, who may have asked for them because no video came."""


class BoxedVehicle(msgspec.Struct, frozen=True, array_like=True):
    """A tracked vehicle: tracklet, kind, box in pixels of the frame."""

    tracklet: str
    label: str
    left: float
    top: float
    right: float
    bottom: float


class BoxesAt(msgspec.Struct, frozen=True):
    """The vehicles of one frame. at_us: capture time, Unix microseconds; size: of the frame, pixels."""

    at_us: int
    size: tuple[int, int]
    boxes: list[BoxedVehicle]


class Viewer:
    """One who watches a camera. `offer` is for any thread, all else for the event loop.

    stills: set while frames come as JPEG rather than video. dropped: messages that it was too slow for. loop: where it
    is served.
    """

    def __init__(self) -> None:
        self.stills = asyncio.Event()
        self.dropped = 0
        self.loop = asyncio.get_running_loop()
        self._queue: deque[VideoPacket | bytes] = deque()
        self._there = asyncio.Event()
        self._waits_for_key = True

    def offer(self, message: VideoPacket | bytes) -> None:
        """Leave a message for it; nobody waits."""
        offer_all([self], message)

    def ask(self, *, stills: bool) -> None:
        """Have stills from now on, or video from the next key frame."""
        self._waits_for_key = True
        if stills:
            self.stills.set()
        else:
            self.stills.clear()

    def take(self, message: VideoPacket | bytes) -> None:
        """Queue a message, or drop what it was too slow for."""
        if self.stills.is_set() and isinstance(message, VideoPacket):
            if not message.key:
                return
            message = VIDEO_IS_THERE
        if isinstance(message, VideoPacket):
            if len(self._queue) >= QUEUED:
                kept = [each for each in self._queue if not isinstance(each, VideoPacket)][-QUEUED // 4 :]
                self.dropped += len(self._queue) - len(kept)
                self._queue = deque(kept)
                self._waits_for_key = True
            if self._waits_for_key and not message.key:
                return
            self._waits_for_key = False
        elif len(self._queue) >= QUEUED:
            self.dropped += 1
            return
        self._queue.append(message)
        self._there.set()

    async def next(self) -> VideoPacket | bytes:
        """The next message, once there is one."""
        while not self._queue:
            self._there.clear()
            await self._there.wait()
        return self._queue.popleft()


def offer_all(viewers: Sequence[Viewer], message: VideoPacket | bytes) -> None:
    """Leave a message for viewers; from any thread, with one call of an event loop for all whom it serves."""
    of_loop: dict[asyncio.AbstractEventLoop, list[Viewer]] = {}
    for viewer in viewers:
        of_loop.setdefault(viewer.loop, []).append(viewer)
    for loop, served in of_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_take_all, served, message)


def _take_all(viewers: Sequence[Viewer], message: VideoPacket | bytes) -> None:
    for viewer in viewers:
        viewer.take(message)


class LiveCamera:
    """The live side of a camera: the group of packets since its last key frame, its last frame, its viewers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._viewers: set[Viewer] = set()
        self._group: list[VideoPacket] = []
        self._group_bytes = 0
        self._frame: Frame | None = None
        self._still = (0, b"")  # capture time and JPEG of the last frame that was asked for
        self._dropped = 0  # of the viewers who have left

    def packet(self, packet: VideoPacket) -> None:
        """Take a packet; by the decoding thread."""
        with self._lock:
            if packet.key:
                self._group, self._group_bytes = [], 0
            self._group_bytes += len(packet.data)
            if self._group_bytes > GROUP_BYTES:
                self._group = []
            elif packet.key or self._group:
                self._group.append(packet)
            viewers = list(self._viewers)
        offer_all(viewers, packet)

    def begin_anew(self) -> None:
        """Forget the packets since the last key frame: what comes next does not continue them."""
        with self._lock:
            self._group, self._group_bytes = [], 0

    def frame(self, frame: Frame, boxes: BoxesAt) -> None:
        """Take an analysed frame and what was found in it; by the inference thread."""
        self._frame = frame
        if self.watched:
            self.text(msgspec.json.encode(boxes))

    def text(self, message: bytes) -> None:
        """Hand JSON to all viewers: boxes, and what is to be said."""
        with self._lock:
            viewers = list(self._viewers)
        offer_all(viewers, message)

    def join(self, viewer: Viewer) -> None:
        """Begin to send to a viewer, with what there is since the last key frame."""
        with self._lock:
            self._send_group(viewer)
            self._viewers.add(viewer)

    def resume(self, viewer: Viewer) -> None:
        """Send video again to a viewer who had stills."""
        with self._lock:
            self._send_group(viewer)

    def _send_group(self, viewer: Viewer) -> None:
        for packet in self._group:
            viewer.offer(packet)

    def leave(self, viewer: Viewer) -> None:
        """Send nothing more to a viewer."""
        with self._lock:
            self._viewers.discard(viewer)
            self._dropped += viewer.dropped

    @property
    def dropped(self) -> int:
        """Messages that viewers were too slow for."""
        with self._lock:
            return self._dropped + sum(viewer.dropped for viewer in self._viewers)

    @property
    def watched(self) -> int:
        """Number of viewers."""
        return len(self._viewers)

    @property
    def codec(self) -> str:
        """Codec of the packets since the last key frame; empty where there are none."""
        group = self._group
        return group[0].codec if group else ""

    def still(self, after_ns: int) -> tuple[int, bytes] | None:
        """Capture time in Unix nanoseconds and JPEG of the last analysed frame; None where that is known already."""
        frame = self._frame
        if frame is None or frame.captured_ns == after_ns:
            return None
        if self._still[0] != frame.captured_ns:  # once for all viewers
            self._still = (frame.captured_ns, jpeg_of(frame.image))
        return self._still


class LiveHub:
    """The live cameras of this process by id; a tap for the perception worker, and listeners for its sources."""

    def __init__(self, cameras: Sequence[str]) -> None:
        self.cameras: Mapping[str, LiveCamera] = {camera: LiveCamera() for camera in cameras}
        self.epoch_of: Callable[[str], CameraEpoch | None] = lambda camera: None
        """Says the open epoch of a camera; set once the worker is there."""
        self.health_of: Callable[[str], CameraHealth | None] = lambda camera: None
        """Says how a camera is; set as well."""

    def listener(self, camera: str) -> PacketListener:
        """The listener to a camera's packets; of one that has come since, too."""
        if camera not in self.cameras:
            self.cameras = {**self.cameras, camera: LiveCamera()}
        return partial(LiveCamera.packet, self.cameras[camera])

    def __call__(self, frame: Frame, found: Detections) -> None:
        """Take an analysed frame with its tracked vehicles."""
        epoch = self.epoch_of(frame.camera_id)
        boxes = [
            BoxedVehicle(f"{frame.camera_id}|{epoch}|{track}", label, *(round(float(side), 1) for side in box))
            for track, label, box in zip(found.track_ids, found.labels, found.boxes, strict=True)
        ]
        self.cameras[frame.camera_id].frame(frame, BoxesAt(frame.captured_ns // 1000, frame.size, boxes))
