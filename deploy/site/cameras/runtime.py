"""One camera in a worker: its frames become messages, epoch by epoch, and those are committed."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from deploy.log.base import Record, Writer
from deploy.log.topics import OBSERVATIONS
from deploy.site.camera_pipeline import CameraPipeline
from deploy.site.isolation import affects_every_frame
from detect.detections import Detections
from embed.observation import CameraEpoch, Gap, Message, Tick, encode
from ingest.camera import Camera
from ingest.feed import CameraFeed, FeedState
from ingest.frame import Frame
from ingest.mailbox import Delivery

logger = logging.getLogger(__name__)

FrameTap = Callable[[Frame, Detections], None]
"""Called with every frame in which vehicles were tracked, and those, before they are on the log."""

PipelineMaker = Callable[[CameraEpoch], CameraPipeline]


class CameraProgress(msgspec.Struct, frozen=True):
    """Up to where a camera's frames have become observations, and whether its recording is over."""

    captured_ns: int | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class OpenEpoch:
    """The epoch of a camera that is being written; `dropped_before` is the count of the camera when it began."""

    epoch: CameraEpoch
    session: int
    pipeline: CameraPipeline
    dropped_before: int

    def continues(self, writer: Writer, session: int) -> bool:
        """True while neither the owner nor the session of the camera has changed."""
        return self.epoch.generation == writer.generation and self.session == session


@dataclass(slots=True, eq=False)
class CameraRuntime:
    """A camera in the worker: its feed, its right to write, and its open epoch.

    tap: is shown its frames, where somebody watches.
    """

    feed: CameraFeed
    writer: Writer
    starts_ns: int
    make_pipeline: PipelineMaker
    tap: FrameTap | None = None
    open_epoch: OpenEpoch | None = None
    epochs: int = 0  # that have begun
    said: int = 0  # messages of the open epoch
    reported_lost: int = 0  # records that the writer has given up, as far as a gap has been reported
    analysed: int = 0
    failed: int = 0  # frames that could not be analysed
    unwritten: int = 0  # messages that a log must not have: their numbers are none
    fenced: bool = False
    ended: bool = False
    resumed: bool = False  # an earlier run has read a part of it

    @property
    def camera(self) -> Camera:
        return self.feed.camera

    @property
    def over(self) -> bool:
        """True once nothing more is written for it here."""
        return self.ended or self.fenced

    @property
    def next_epoch(self) -> CameraEpoch:
        return CameraEpoch(self.writer.generation, self.epochs)

    @property
    def lacks(self) -> Counter[str]:
        """Counts of the records and frames missing from the log, by the names of `CameraOutcome`."""
        return Counter(
            gaps=self.reported_lost,
            lost=self.writer.dropped - self.reported_lost,
            failed=self.failed,
            unwritten=self.unwritten,
        )

    def analyse(self, delivery: Delivery, frame: Frame, found: Detections | Exception) -> None:
        """Say what is seen in a frame, in which vehicles were found, or nothing could be.

        Raises FencedError where another process has taken the camera over.
        """
        current = self.open_epoch
        lost = self.writer.dropped > self.reported_lost
        if current is None or not current.continues(self.writer, delivery.session) or lost:
            current = self._begin_epoch(delivery)
            self._report_gap(current.epoch, frame.captured_ns)
        if isinstance(found, Exception):
            self._pass_over(frame, found)
            return
        dropped = delivery.dropped - current.dropped_before
        try:
            tracked = current.pipeline.track(frame, found)
        except Exception as error:
            self._break_off(frame, error)
            return
        # Whoever watches waits neither for the encoder nor for the log.
        if self.tap is not None:
            self.tap(frame, current.pipeline.numbered(tracked))
        try:
            messages = current.pipeline.step(frame, tracked, dropped=dropped)
        except Exception as error:
            self._break_off(frame, error)
            return
        self.analysed += 1
        if messages:
            self._commit(messages, CameraProgress(frame.captured_ns))

    def end(self, delivery: Delivery) -> None:
        """Say that its recording is over, whole or broken: a final tick flushes what waits for it."""
        if self.open_epoch is None:
            self._begin_epoch(delivery)
        self.finish(dropped=delivery.dropped, decoded=delivery.decoded, final=True)
        self.ended = True
        # What could not be opened, or hangs, has not been read to its end; it may be mended and tried again.
        if self.feed.state is FeedState.ENDED:
            ended_at = stored_progress(self.writer).captured_ns
            self._commit([], CameraProgress(ended_at, ended=True))

    def withdraw(self, *, dropped: int, final: bool) -> None:
        """Close what is in view, as it is let go; final: it is over for everybody, and nobody shall wait for it."""
        if self.open_epoch is None and final:
            self._begin_epoch(Delivery(self.camera.id, self.feed.session, dropped=dropped))
        if self.open_epoch is not None:
            self.finish(dropped=dropped, final=final)

    def finish(self, *, dropped: int, decoded: int = 0, final: bool = False) -> None:
        """Close the open epoch; `dropped` is the count of the camera, `decoded` that of an ended recording."""
        current = self.open_epoch
        assert current is not None
        before = stored_progress(self.writer)
        otherwise_ns = before.captured_ns if before.captured_ns is not None else self.starts_ns
        counts = {"decoded": decoded, "dropped": dropped - current.dropped_before}
        messages: list[Message]
        try:
            messages = current.pipeline.finish(final=final, otherwise_ns=otherwise_ns, **counts)
        except Exception as error:
            if affects_every_frame(error):
                raise
            camera, kind = self.camera.id, type(error).__name__
            logger.warning("camera '%s': the vehicles in view could not be closed: %s: %s", camera, kind, error)
            messages = [current.pipeline.end(final=final, otherwise_ns=otherwise_ns, **counts)]
        self.open_epoch = None
        last = messages[-1]
        assert isinstance(last, Tick)
        # A source that gave no frame has got nowhere: the next run begins at its beginning.
        self._commit(messages, CameraProgress(last.at_ns if last.analysed else before.captured_ns))

    def _begin_epoch(self, delivery: Delivery) -> OpenEpoch:
        """Finish the epoch before, if one is open, and begin the next with this delivery."""
        if self.open_epoch is not None:
            self.finish(dropped=delivery.dropped)
        epoch = self.next_epoch
        pipeline = self.make_pipeline(epoch)
        self.open_epoch = OpenEpoch(epoch, delivery.session, pipeline, delivery.dropped)
        self.epochs += 1
        self.said = 0
        return self.open_epoch

    def _report_gap(self, epoch: CameraEpoch, at_ns: int) -> None:
        """Write a gap for records that were given up.

        Tracklets of the time before may have lost their ends, so that a new epoch has begun, which closes them.
        """
        lost = self.writer.dropped - self.reported_lost
        if not lost:
            return
        self.reported_lost += lost
        gap = Gap(camera=self.camera.id, epoch=epoch, sequence=0, at_ns=at_ns, records=lost)
        self._commit([gap], CameraProgress(at_ns))

    def _break_off(self, frame: Frame, error: Exception) -> None:
        """Pass over a frame at which the pipeline failed, and end its epoch.

        The messages that it was about to give are lost; a new epoch closes what it leaves open.
        """
        if affects_every_frame(error):
            raise error
        self._pass_over(frame, error)
        self.open_epoch = None

    def _pass_over(self, frame: Frame, error: Exception) -> None:
        """Count a frame that could not be analysed, and warn of the first one of each camera."""
        self.failed += 1
        level = logging.WARNING if self.failed == 1 else logging.DEBUG
        logger.log(
            level,
            "camera '%s': frame %d (%dx%d) could not be analysed and is passed over: %s: %s",
            self.camera.id,
            frame.sequence,
            *frame.size,
            type(error).__name__,
            error,
        )

    def _commit(self, messages: list[Message], progress: CameraProgress) -> None:
        """Number messages in the order in which they are said, whatever their times, and write them."""
        records = []
        for message in messages:
            try:
                encoded = encode(msgspec.structs.replace(message, count=self.said + 1))
            except ValueError as error:
                self._leave_out(message, error)
                continue
            self.said += 1
            records.append(Record(OBSERVATIONS, message.camera, encoded))
        self.writer.commit(records, state={"progress": msgspec.msgpack.encode(progress)})

    def _leave_out(self, message: Message, error: ValueError) -> None:
        """Count a message that cannot be written, and warn of the first one of each camera."""
        self.unwritten += 1
        level = logging.WARNING if self.unwritten == 1 else logging.DEBUG
        logger.log(level, "camera '%s': %s is left out: %s", self.camera.id, message.id, error)


def stored_progress(writer: Writer) -> CameraProgress:
    """Progress that the last owner of a camera committed."""
    stored = writer.state.get("progress")
    return msgspec.msgpack.decode(stored, type=CameraProgress) if stored else CameraProgress()
