"""Messages of many cameras put into the order of their event time, released up to a watermark.

Records arrive in any interleaving; what is released does not depend on it. The watermark is the time that every
camera has passed. A camera that has been silent while the others went on is not waited for.
"""

from enum import StrEnum
from heapq import heappop, heappush

import msgspec

from associate.state import Table
from embed.observation import CameraEpoch, Message, OrderKey, Tick, order_key
from ingest.clock import NS


class Verdict(StrEnum):
    """Verdict on a message."""

    TAKEN = "taken"
    LATE = "late"  # taken, but its time had passed already
    DUPLICATE = "duplicate"  # said before, or out of the order of its own camera
    FENCED = "fenced"  # from an owner that has been replaced


class CameraClock(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of a camera in event time."""

    camera: str
    epoch: CameraEpoch
    latest: OrderKey
    ended: bool


class ReorderBuffer:
    """Buffer that holds messages until no earlier one can come.

    `cameras` are expected from the start: the watermark waits for them until they are idle. A camera is idle when
    the newest message of any camera is more than `idle_after_s` of event time ahead of it. More than `limit` held
    messages release the oldest ones regardless, so that a broken clock cannot fill the memory.
    """

    def __init__(self, cameras: tuple[str, ...], *, idle_after_s: float, limit: int = 100_000) -> None:
        self.clocks: Table[CameraClock] = Table("clock", CameraClock)
        self.held: Table[Message] = Table("held", Message)
        self._expected = cameras
        self._idle_after_ns = round(idle_after_s * NS)
        self._limit = limit
        self._heap: list[tuple[OrderKey, str]] = []
        self._released_ns: int | None = None

    def restored(self, released_ns: int | None) -> None:
        """Rebuild the order after the tables were loaded; `released_ns` is the time of the last released message."""
        self._released_ns = released_ns
        self._heap = []
        for message in self.held:
            heappush(self._heap, (order_key(message), message.id))

    def drop(self, message: Message) -> None:
        """Let go of a message that is held; that its camera has come so far stays true."""
        self.held.drop(message.id)
        self.restored(self._released_ns)

    @property
    def ended(self) -> bool:
        """True where every camera has said its last word, and all messages have been released."""
        known = {clock.camera for clock in self.clocks}
        return bool(known) and not self._heap and known.issuperset(self._expected) and all(c.ended for c in self.clocks)

    def push(self, message: Message) -> Verdict:
        """Take a message in; only TAKEN and LATE ones are held."""
        key = order_key(message)
        clock = self.clocks.get(message.camera)
        if clock is not None:
            if message.epoch < clock.epoch:
                return Verdict.FENCED
            # A new epoch may begin at an earlier time: a camera's clock was set, or another clock is used.
            if message.epoch == clock.epoch and key <= clock.latest:
                return Verdict.DUPLICATE
        ended = isinstance(message, Tick) and message.final
        self.clocks.put(
            message.camera,
            CameraClock(camera=message.camera, epoch=message.epoch, latest=key, ended=ended),
        )
        self.held.put(message.id, message)
        heappush(self._heap, (key, message.id))
        late = self._released_ns is not None and key.at_ns < self._released_ns
        return Verdict.LATE if late else Verdict.TAKEN

    def release(self) -> list[Message]:
        """Release the messages that the watermark has passed, in order; beyond the limit, the earliest as well."""
        watermark = self.watermark_ns()
        released: list[Message] = []
        while self._heap and (
            (watermark is not None and self._heap[0][0].at_ns <= watermark) or len(self._heap) > self._limit
        ):
            key, message_id = heappop(self._heap)
            released.append(self.held[message_id])
            self.held.drop(message_id)
            self._released_ns = max(key.at_ns, self._released_ns or key.at_ns)
        return released

    def watermark_ns(self) -> int | None:
        """Watermark: the time that every camera that counts has passed; None while one has yet to speak."""
        clocks = list(self.clocks)
        if not clocks:
            return None
        newest = max(clock.latest.at_ns for clock in clocks)
        waiting = [clock.latest.at_ns for clock in clocks if not clock.ended]
        active = [at_ns for at_ns in waiting if newest - at_ns <= self._idle_after_ns]
        silent = set(self._expected) - {clock.camera for clock in clocks}
        if silent:
            oldest = min([clock.latest.at_ns for clock in clocks] + [key.at_ns for key, _ in self._heap[:1]])
            if newest - oldest <= self._idle_after_ns:
                return None
        # Where all have ended, everything may go.
        return min(active, default=newest)
