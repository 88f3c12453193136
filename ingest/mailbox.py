"""Mailbox between decode threads, which leave frames in it, and the inference thread, which takes them.

A live camera's slot holds one frame and the newest wins: what was not fetched in time is dropped and counted, so that
nobody works on the past; its turn comes as if the first one still waited. A recording's slot makes its decoder wait
instead, and frames of several recordings are handed out in the order of their capture times, so that a run gives the
same result however fast the machine is. Frames of several cameras can be fetched at once, for detectors that take many
frames in one call.
"""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ingest.clock import Clock, SystemClock
from ingest.errors import CorridorError
from ingest.frame import Frame

AGES_KEPT = 10_000
"""Number of the last frames of a camera whose waiting times are kept, for telemetry."""


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """A frame of a camera's session, or, with `frame` None, the session's end and what it ended by.

    decoded: frames that the session has decoded so far. dropped: frames of the camera that a newer one has replaced
    so far, over all its sessions; set by the mailbox.
    """

    camera_id: str
    session: int
    frame: Frame | None = None
    error: CorridorError | None = None
    decoded: int = 0
    dropped: int = 0


@dataclass(slots=True, eq=False)
class _Slot:
    live: bool
    session: int = 0
    closed: bool = False  # nothing will come any more
    waiting: deque[Delivery] = field(default_factory=deque)
    since_s: deque[float] = field(default_factory=deque)  # when each waiting one was left here
    turn_s: float = 0.0  # since when it has waited for its turn, whichever frame it held
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
        self._in_step: list[Delivery] = []  # frames of recordings that will be handed out together
        self._changed = threading.Condition()

    def open(self, camera_id: str, session: int, *, live: bool) -> None:
        """Begin a session; what an earlier one still delivers is refused from now on."""
        with self._changed:
            slot = self._slots.setdefault(camera_id, _Slot(live))
            slot.session, slot.closed = session, False
            slot.clear()
            self._changed.notify_all()

    def put(self, delivery: Delivery) -> bool:
        """Leave a delivery; waits while a recording's slot is taken. Returns False if the session is over."""
        with self._changed:
            slot = self._slots.get(delivery.camera_id)
            if slot is None:
                return False
            if delivery.frame is None:
                return self._append(slot, delivery)
            # Step 1: a recording waits for its slot; its session may be over meanwhile
            while not slot.live and slot.waiting and slot.session == delivery.session and not slot.closed:
                self._changed.wait()
            if slot.session != delivery.session or slot.closed:
                return False
            # Step 2: a live camera's newer frame takes the place of the one that waits
            if slot.live and slot.waiting and slot.waiting[-1].frame is not None:
                slot.dropped += 1
                self._replace(slot, delivery)
                return True
            return self._append(slot, delivery)

    def renew(self, delivery: Delivery) -> None:
        """Have a live camera's frame that still waits be this newer one, which nobody has asked for otherwise."""
        with self._changed:
            slot = self._slots.get(delivery.camera_id)
            if slot is None or slot.session != delivery.session or slot.closed:
                return
            if slot.live and slot.waiting and slot.waiting[-1].frame is not None:
                self._replace(slot, delivery)

    def _replace(self, slot: _Slot, delivery: Delivery) -> None:
        slot.waiting[-1] = replace(delivery, dropped=slot.dropped)
        slot.since_s[-1] = self._clock.monotonic_s()

    def _append(self, slot: _Slot, delivery: Delivery) -> bool:
        if slot.session != delivery.session or slot.closed:
            return False
        now_s = self._clock.monotonic_s()
        if not slot.waiting:
            slot.turn_s = now_s
        slot.waiting.append(replace(delivery, dropped=slot.dropped))
        slot.since_s.append(now_s)
        self._changed.notify_all()
        return True

    def take(self, timeout_s: float, *, limit: int = 1, within_s: float = 0.0) -> list[Delivery]:
        """Take the next deliveries in their order: up to `limit` frames, one a camera, or the end of one session.

        Empty if there is none within `timeout_s`. After the first frame of a live camera, the others have `within_s` to
        add theirs. Frames of recordings are handed out together once their decoders have shown what comes next, however
        long that takes, so that the same frames come together on every machine.
        """
        with self._changed:
            # Step 1: wait for a live camera, or for recordings whose frames are complete
            if not self._changed.wait_for(lambda: self._live() is not None or self._gather(limit), timeout_s):
                return []
            # Step 2: live cameras first, then what was gathered of recordings
            first = self._live()
            if first is not None:
                return self._take_live(first, limit, within_s)
            taken, self._in_step = self._in_step, []
            return taken

    def _take_live(self, first: _Slot, limit: int, within_s: float) -> list[Delivery]:
        # Step 1: the delivery of the slot that has waited longest; the end of a session comes alone
        taken = [self._fetch(first)]
        if taken[0].frame is None:
            return taken
        # Step 2: a frame each of other live cameras, until all had their turn, `limit` is reached or time is up
        until_s = self._clock.monotonic_s() + within_s
        while len(taken) < limit:
            had = {each.camera_id for each in taken}
            others = [slot for key, slot in self._slots.items() if slot.live and not slot.closed and key not in had]
            slot = _longest_waiting(slot for slot in others if slot.waiting and slot.waiting[0].frame is not None)
            if slot is not None:
                taken.append(self._fetch(slot))
                continue
            left_s = until_s - self._clock.monotonic_s()
            if not others or left_s <= 0 or not self._changed.wait(left_s):
                break
        return taken

    def _live(self) -> _Slot | None:
        """Slot of the live camera that has waited longest for its turn."""
        return _longest_waiting(slot for slot in self._slots.values() if slot.live and slot.waiting)

    def _gather(self, limit: int) -> bool:
        """Put frames of recordings together, earliest first; returns whether they are complete.

        They are once there is one of each, or a camera's second one or the end of a session would be next.
        """
        recordings = [slot for slot in self._slots.values() if not slot.live and not slot.closed]
        while len(self._in_step) < min(limit, len(recordings)):
            # The earliest frame is known only once every decoder has left one.
            if any(not slot.waiting for slot in recordings):
                return False
            slot = min(recordings, key=_captured_ns)
            ahead = slot.waiting[0]
            if ahead.frame is None and not self._in_step:
                self._in_step.append(self._fetch(slot))
                return True
            if ahead.frame is None or ahead.camera_id in {each.camera_id for each in self._in_step}:
                return True
            self._in_step.append(self._fetch(slot))
        return bool(self._in_step)

    def _fetch(self, slot: _Slot) -> Delivery:
        delivery = slot.waiting.popleft()
        slot.ages_s.append(self._clock.monotonic_s() - slot.since_s.popleft())
        if slot.waiting:
            slot.turn_s = slot.since_s[0]
        self._changed.notify_all()
        return delivery

    def shut(self, camera_id: str) -> None:
        """Refuse further deliveries of a camera: its waiting decoder gives up, and recordings no longer wait for it."""
        with self._changed:
            self._slots[camera_id].closed = True
            self._slots[camera_id].clear()
            self._changed.notify_all()

    def forget(self, camera_id: str) -> None:
        """Forget a camera with all that waits of it: it may come again as another one, with further sessions."""
        with self._changed:
            slot = self._slots.pop(camera_id, None)
            if slot is not None:
                slot.closed = True
                slot.clear()
            self._in_step = [each for each in self._in_step if each.camera_id != camera_id]
            self._changed.notify_all()

    def ages_s(self, camera_id: str) -> list[float]:
        """Seconds for which each of the last AGES_KEPT frames of a camera waited here before it was fetched."""
        with self._changed:
            return list(self._slots[camera_id].ages_s) if camera_id in self._slots else []

    def dropped(self, camera_id: str) -> int:
        """Number of frames of a live camera that a newer one has replaced, over all its sessions."""
        with self._changed:
            return self._slots[camera_id].dropped if camera_id in self._slots else 0


def _longest_waiting(slots: Iterable[_Slot]) -> _Slot | None:
    return min(slots, key=lambda slot: slot.turn_s, default=None)


def _captured_ns(slot: _Slot) -> int:
    frame = slot.waiting[0].frame
    return -1 if frame is None else frame.captured_ns
