"""Where decode threads leave frames and the inference thread finds them.

A live camera's slot holds one frame and the newest wins: what was not fetched in time is dropped and counted, so that
nobody works on the past. A recording's slot makes its decoder wait instead, and frames of several recordings are
handed out in the order of their capture times, so that a run gives the same result however fast the machine is.
"""

import threading
from collections import deque
from dataclasses import dataclass, field

from ingest.clock import Clock, SystemClock
from ingest.errors import CorridorError
from ingest.frame import Frame

AGES_KEPT = 10_000
"""Of the last frames, how long they waited; for telemetry."""


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """A frame of a camera's session, or, with `frame` None, the session's end and what it ended by."""

    camera_id: str
    session: int
    frame: Frame | None = None
    error: CorridorError | None = None


@dataclass(slots=True, eq=False)
class _Slot:
    live: bool
    session: int = 0
    closed: bool = False  # nothing will come any more
    waiting: deque[Delivery] = field(default_factory=deque)
    since_s: deque[float] = field(default_factory=deque)  # when each waiting one was left here
    dropped: int = 0
    ages_s: deque[float] = field(default_factory=lambda: deque(maxlen=AGES_KEPT))

    def clear(self) -> None:
        self.waiting.clear()
        self.since_s.clear()


class Mailbox:
    """One slot a camera; any number of threads put, one takes."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._slots: dict[str, _Slot] = {}
        self._changed = threading.Condition()

    def open(self, camera_id: str, session: int, *, live: bool) -> None:
        """Begin a session; what an earlier one still delivers is refused from now on."""
        with self._changed:
            slot = self._slots.setdefault(camera_id, _Slot(live))
            slot.session, slot.closed = session, False
            slot.clear()
            self._changed.notify_all()

    def put(self, delivery: Delivery) -> bool:
        """Leave a delivery; waits while a recording's slot is taken. False if the session is over."""
        with self._changed:
            slot = self._slots[delivery.camera_id]
            if delivery.frame is None:
                return self._append(slot, delivery)
            while not slot.live and slot.waiting and slot.session == delivery.session and not slot.closed:
                self._changed.wait()
            if slot.session != delivery.session or slot.closed:
                return False
            if slot.live and slot.waiting and slot.waiting[-1].frame is not None:
                slot.waiting.pop()
                slot.since_s.pop()
                slot.dropped += 1
            return self._append(slot, delivery)

    def _append(self, slot: _Slot, delivery: Delivery) -> bool:
        if slot.session != delivery.session or slot.closed:
            return False
        slot.waiting.append(delivery)
        slot.since_s.append(self._clock.monotonic_s())
        self._changed.notify_all()
        return True

    def take(self, timeout_s: float) -> Delivery | None:
        """The next delivery; None if there is none in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._next() is not None, timeout_s):
                return None
            slot = self._next()
            assert slot is not None
            delivery = slot.waiting.popleft()
            slot.ages_s.append(self._clock.monotonic_s() - slot.since_s.popleft())
            self._changed.notify_all()
            return delivery

    def _next(self) -> _Slot | None:
        """The slot whose turn it is: the live frame that waited longest; recordings once all have spoken."""
        live = [slot for slot in self._slots.values() if slot.live and slot.waiting]
        if live:
            return min(live, key=lambda slot: slot.since_s[0])
        recordings = [slot for slot in self._slots.values() if not slot.live and not slot.closed]
        if any(not slot.waiting for slot in recordings):
            return None
        return min(recordings, key=_captured_ns, default=None)

    def shut(self, camera_id: str) -> None:
        """No more deliveries of this camera: waiting decoders give up, and recordings no longer wait for it."""
        with self._changed:
            self._slots[camera_id].closed = True
            self._slots[camera_id].clear()
            self._changed.notify_all()

    def ages_s(self, camera_id: str) -> list[float]:
        """How long the last frames of a camera waited here before they were fetched, in seconds."""
        with self._changed:
            return list(self._slots[camera_id].ages_s) if camera_id in self._slots else []

    def dropped(self, camera_id: str) -> int:
        """Frames of a live camera that a newer one has replaced, over all its sessions."""
        with self._changed:
            return self._slots[camera_id].dropped if camera_id in self._slots else 0


def _captured_ns(slot: _Slot) -> int:
    frame = slot.waiting[0].frame
    return -1 if frame is None else frame.captured_ns
