"""Records of many cameras put into the order of their event time, released up to a watermark.

Records arrive in any interleaving; what is released does not depend on it. The watermark is the time that every
camera has passed. A camera that has been silent while the others went on is not waited for: nobody delays decisions
by more than `idle_after_s`.
"""

from enum import StrEnum
from heapq import heapify, heappop, heappush

import msgspec

from associate.state import Table
from embed.observation import CameraEpoch, Control, Message, OrderKey, Record, Tick, order_key
from ingest.clock import NS

TICK_NS = 2 * NS
"""Longest time between two messages of a camera that works, and what a tick says too little of an outage."""


class Verdict(StrEnum):
    """Verdict on a record."""

    TAKEN = "taken"
    LATE = "late"  # taken, but its time had passed already
    DUPLICATE = "duplicate"  # said before
    FENCED = "fenced"  # from an owner that has been replaced


class CameraClock(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of a camera in event time; `count` is that of its latest counted message.

    heard_ns: append time of its latest message, Unix nanoseconds; 0 where that is not known.
    behind_ns: time that it is behind, by its latest tick, nanoseconds: as much of it is still to come.
    delayed_ns: append time of the first tick of the present or last row of ticks that said so, Unix nanoseconds.
    delay_ns: time that it was behind then: for so long the log was away.
    """

    camera: str
    epoch: CameraEpoch
    latest: OrderKey
    ended: bool
    count: int = 0
    heard_ns: int = 0
    behind_ns: int = 0
    delayed_ns: int = 0
    delay_ns: int = 0


class ReorderBuffer:
    """Buffer that holds records until no earlier one can come.

    `cameras` are expected from the start: the watermark waits for them until they are idle. A camera is idle when
    the newest message of any camera is more than `idle_after_s` of event time ahead of it, and of what it is behind.
    After an outage of the log cameras catch up at different speeds, so that event time says nothing about silence:
    for `idle_after_s` from the first delayed tick on, by append time, one that was silent for no longer than the outage
    is not idle. More than `limit` held records release the oldest ones regardless, so that a broken clock cannot
    fill the memory.
    """

    def __init__(self, cameras: tuple[str, ...], *, idle_after_s: float, limit: int = 100_000) -> None:
        self.clocks: Table[CameraClock] = Table("clock", CameraClock)
        self.held: Table[Record] = Table("held", Record)
        self._expected = cameras
        self._idle_after_ns = round(idle_after_s * NS)
        self._limit = limit
        self._heap: list[tuple[OrderKey, str]] = []
        self._released_ns: int | None = None
        self._newest_ns, self._held_by = 0, ""

    def restored(self, released_ns: int | None) -> None:
        """Rebuild the order after the tables were loaded; `released_ns` is the time of the last released record."""
        self._released_ns = released_ns
        self._heap = [(order_key(record), record.id) for record in self.held]
        heapify(self._heap)

    def drop(self, record_id: str) -> None:
        """Let go of a record that is held; that its camera has come so far stays true."""
        self.held.drop(record_id)
        self.restored(self._released_ns)

    def leave_out(self, cameras: list[str]) -> None:
        """Forget cameras, and what is held of them."""
        for camera in cameras:
            self.clocks.drop(camera)
        for record in self.held:
            if not isinstance(record, Control) and record.camera in cameras:
                self.held.drop(record.id)
        self.restored(self._released_ns)

    @property
    def ended(self) -> bool:
        """True where every camera has said its last word, and all records have been released."""
        if self._heap or not all(clock.ended for clock in self.clocks):
            return False
        known = {clock.camera for clock in self.clocks}
        return bool(known) and known.issuperset(self._expected)

    def push(self, record: Record, appended_ns: int | None = None) -> Verdict:
        """Take a record in; only TAKEN and LATE ones are held. `appended_ns`: its append time, where it is known."""
        key = order_key(record)
        if not isinstance(record, Control) and (refused := self._note(record, key, appended_ns or 0)):
            return refused
        if record.id in self.held:  # a camera may count two messages that say they are one
            return Verdict.DUPLICATE
        self.held.put(record.id, record)
        heappush(self._heap, (key, record.id))
        late = self._released_ns is not None and key.at_ns < self._released_ns
        return Verdict.LATE if late else Verdict.TAKEN

    def _note(self, message: Message, key: OrderKey, appended_ns: int) -> Verdict | None:
        """Note how far a camera has come; returns why its message is not taken, if it is not.

        Messages of one camera come in the order of their counter. Those of older cameras have none, and come in the
        order of their keys, except that the last words of a session may share their time with its last tick.
        """
        clock = self.clocks.get(message.camera)
        count = message.count or 0
        if clock is not None:
            if message.epoch < clock.epoch:
                return Verdict.FENCED
            # A new epoch may begin at an earlier time: a camera's clock was set, or another clock is used.
            if message.epoch == clock.epoch:
                if (count <= clock.count) if count else (key <= clock.latest):
                    return Verdict.DUPLICATE
                key = max(key, clock.latest)
        behind_ns, delayed_ns, delay_ns = (clock.behind_ns, clock.delayed_ns, clock.delay_ns) if clock else (0, 0, 0)
        if isinstance(message, Tick):
            before_ns = behind_ns
            # No message can have been held back for longer than since it was said.
            behind_ns = min(message.behind_ns, max(0, appended_ns - message.at_ns))
            if behind_ns and not before_ns:
                delayed_ns, delay_ns = appended_ns, behind_ns
        noted = CameraClock(
            camera=message.camera,
            epoch=message.epoch,
            latest=key,
            ended=isinstance(message, Tick) and message.final,
            count=count,
            heard_ns=appended_ns,
            behind_ns=behind_ns,
            delayed_ns=delayed_ns,
            delay_ns=delay_ns,
        )
        self.clocks.put(message.camera, noted)
        self._newest_ns = max(self._newest_ns, key.at_ns)
        return None

    def release(self, appended_ns: int | None = None) -> list[Record]:
        """Release the records that the watermark has passed, in order; beyond the limit, the earliest as well.

        appended_ns: append time that the log has come to.
        """
        if self._held_back():
            return []
        watermark = self.watermark_ns(appended_ns or 0)
        released: list[Record] = []
        while self._heap and (
            (watermark is not None and self._heap[0][0].at_ns <= watermark) or len(self._heap) > self._limit
        ):
            key, record_id = heappop(self._heap)
            released.append(self.held[record_id])
            self.held.drop(record_id)
            self._released_ns = max(key.at_ns, self._released_ns or key.at_ns)
        return released

    def _held_back(self) -> bool:
        """True where the camera that held the watermark back last still holds back all that there is.

        Nearly every message ends here: to ask all cameras each time takes longer than anything else at a large site.
        """
        held_by = self.clocks.get(self._held_by)
        if held_by is None or held_by.ended or not self._heap or len(self._heap) > self._limit:
            return False
        waited_for = self._newest_ns - held_by.latest.at_ns - held_by.behind_ns <= self._idle_after_ns
        return waited_for and self._heap[0][0].at_ns > held_by.latest.at_ns

    def watermark_ns(self, appended_ns: int = 0) -> int | None:
        """Watermark: the time that every camera that counts has passed; None while one has yet to speak."""
        clocks = list(self.clocks)
        if not clocks:
            return None
        newest = self._newest_ns = max(clock.latest.at_ns for clock in clocks)
        # How long nobody could say anything, as far as the log has only just come back.
        away_ns = max((it.delay_ns for it in clocks if appended_ns - it.delayed_ns <= self._idle_after_ns), default=0)
        active = [
            (clock.latest.at_ns, clock.camera)
            for clock in clocks
            if not clock.ended
            and (
                newest - clock.latest.at_ns - clock.behind_ns <= self._idle_after_ns
                or (away_ns and self._may_come_back(clock, appended_ns, away_ns))
            )
        ]
        silent = set(self._expected) - {clock.camera for clock in clocks}
        if silent:
            oldest = min([clock.latest.at_ns for clock in clocks] + [key.at_ns for key, _ in self._heap[:1]])
            if newest - oldest <= self._idle_after_ns:
                return None
        # Where all have ended, everything may go.
        watermark, self._held_by = min(active, default=(newest, ""))
        return watermark

    def _may_come_back(self, clock: CameraClock, appended_ns: int, away_ns: int) -> bool:
        """Test for a camera that was silent no longer than the log was away, and was not idle before that."""
        silent_ns = appended_ns - clock.heard_ns - away_ns - TICK_NS
        return silent_ns <= self._idle_after_ns and clock.latest.at_ns >= (self._released_ns or 0)
