"""One camera's frames and their detections to its messages: observations and ticks."""

from dataclasses import replace

from detect.detections import Detections
from detect.tracking import Tracker
from embed.observation import CameraEpoch, Message, Tick
from embed.tracklets import TrackletBuilder
from ingest.clock import NS
from ingest.frame import Frame


class CameraPipeline:
    """One camera in one epoch: detections to observations and ticks."""

    def __init__(self, camera_id: str, epoch: CameraEpoch, tracker: Tracker, tracklets: TrackletBuilder) -> None:
        self._camera_id = camera_id
        self._epoch = epoch
        self._tracker = tracker
        self._tracklets = tracklets
        self._ticks = 0
        self._ticked_s: int | None = None
        self._at_ns: int | None = None
        self._decoded = 0
        self._analysed = 0

    def track(self, frame: Frame, found: Detections) -> Detections:
        """The tracked vehicles in this frame; its messages are for `step`."""
        self._at_ns = frame.captured_ns
        self._decoded = frame.sequence + 1
        self._analysed += 1
        return self._tracker(frame, found)

    def numbered(self, tracked: Detections) -> Detections:
        """Tracked vehicles with the numbers of their tracklets, which observations have, in place of the tracker's."""
        return replace(tracked, track_ids=self._tracklets.numbers(tracked.track_ids))

    def step(self, frame: Frame, tracked: Detections, *, dropped: int) -> list[Message]:
        """The messages after this frame; its vehicles are embedded for them where that is due."""
        messages: list[Message] = list(self._tracklets.step(frame, tracked, self._tracker.ended))
        second = frame.captured_ns // NS
        if second != self._ticked_s:
            self._ticked_s = second
            messages.append(self._tick(dropped=dropped))
        return messages

    def finish(self, *, final: bool, otherwise_ns: int, decoded: int, dropped: int) -> list[Message]:
        """Close the tracklets; `final` where the stream has ended and not only this session."""
        messages = self._tracklets.finish()
        return [*messages, self.end(final=final, otherwise_ns=otherwise_ns, decoded=decoded, dropped=dropped)]

    def end(self, *, final: bool, otherwise_ns: int, decoded: int, dropped: int) -> Tick:
        """The last tick alone, where the tracklets cannot be closed; a new epoch closes them."""
        self._decoded = max(decoded, self._decoded)  # frames after the last analysed one count as well
        if self._at_ns is None:
            self._at_ns = otherwise_ns
        return self._tick(final=final, dropped=dropped)

    def _tick(self, *, final: bool = False, dropped: int) -> Tick:
        assert self._at_ns is not None
        sequence, self._ticks = self._ticks, self._ticks + 1
        return Tick(
            camera=self._camera_id,
            epoch=self._epoch,
            sequence=sequence,
            at_ns=self._at_ns,
            final=final,
            decoded=self._decoded,
            analysed=self._analysed,
            dropped=dropped,
        )
