"""Cameras to observations: decode threads on one side, the log on the other, one inference thread between."""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import msgspec

from deploy.crops.store import CropStore
from deploy.log.base import Record, Writer
from deploy.log.topics import OBSERVATIONS
from deploy.site.camera_pipeline import CameraPipeline
from deploy.site.isolation import IsolatingDetector, affects_every_frame
from detect.detections import Detections
from detect.detector import BatchDetector
from embed.observation import CameraEpoch, Gap, Message, Tick, encode
from ingest.camera import Camera
from ingest.errors import FencedError
from ingest.feed import CameraFeed, FeedState
from ingest.frame import Frame
from ingest.mailbox import Delivery, Mailbox

logger = logging.getLogger(__name__)

FrameTap = Callable[[Frame, Detections], None]
"""Called with every frame in which vehicles were tracked, and those, before they are on the log."""


class CameraProgress(msgspec.Struct, frozen=True):
    """Up to where a camera's frames have become observations, and whether its recording is over."""

    captured_ns: int | None = None
    ended: bool = False


PipelineMaker = Callable[[str, CameraEpoch], CameraPipeline]
RuntimeMaker = Callable[[Sequence[Camera]], "list[CameraRuntime]"]


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
    """A camera in the worker: its feed, its right to write, and its open epoch."""

    feed: CameraFeed
    writer: Writer
    starts_ns: int
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


@dataclass(frozen=True, slots=True)
class Batching:
    """Limit of frames in one detector call, one a camera, and seconds to wait for more live ones."""

    limit: int = 1
    within_s: float = 0.0


class PerceptionWorker:
    """Runs cameras until they end or `stop` is called; a camera's error never stops another.

    Cameras may come and go while it runs (`add`, `withdraw`, from any thread); without any it waits for one.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        runtimes: Sequence[CameraRuntime],
        detector: BatchDetector,
        make_pipeline: PipelineMaker,
        make_runtimes: RuntimeMaker,
        *,
        batching: Batching = Batching(),
        tap: FrameTap | None = None,
        crops: CropStore | None = None,
        close_writers: Callable[[], None] = lambda: None,
    ) -> None:
        self.runtimes: Mapping[str, CameraRuntime] = {runtime.camera.id: runtime for runtime in runtimes}
        self.detector = detector
        self._mailbox = mailbox
        self._detect = IsolatingDetector(detector)
        self._batching = batching
        self._make_pipeline = make_pipeline
        self._make_runtimes = make_runtimes
        self._tap = tap
        self.crops = crops
        self.withdrawn = Counter[str]()
        """What the cameras that were withdrawn are lacking, by the names of `CameraOutcome`."""
        self._changes: deque[Callable[[], None]] = deque()
        self._expected = 0  # changes under way that will bring a camera
        self._sessions: dict[str, int] = {}  # the last one of cameras that were withdrawn
        self.closed = threading.Event()
        self._close_writers = close_writers
        self._stop = threading.Event()

    def stop(self) -> None:
        """Finish what is in the mailbox, close what is in view, commit, return from `run`."""
        self._stop.set()

    def run(self) -> None:
        """Work until every camera has ended, or until `stop`."""
        if self.crops is not None:
            self.crops.start()
        try:
            for runtime in self._running:
                runtime.feed.start()
            while not self._stop.is_set() and not self._done:
                together = self._batching
                self._handle(self._mailbox.take(timeout_s=0.2, limit=together.limit, within_s=together.within_s))
                for runtime in self._running:
                    if runtime.feed.watch():
                        logger.warning("%s", runtime.feed.error)
                while self._changes:
                    self._changes.popleft()()
        finally:  # whatever it is that ends the run, what has been seen is written
            self._close(self._running)
            self.closed.set()

    @property
    def _running(self) -> list[CameraRuntime]:
        return [runtime for runtime in self.runtimes.values() if not runtime.ended]

    @property
    def _done(self) -> bool:
        """True once all cameras are over, and none is to come."""
        waited_for = self._changes or self._expected or not self.runtimes
        return not waited_for and all(runtime.over for runtime in self.runtimes.values())

    # Cameras that come and go

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep the worker from ending in the block, in which a camera goes to come again, or comes."""
        self._expected += 1
        try:
            yield
        finally:
            self._expected -= 1

    def add(self, camera: Camera) -> None:
        """Have one camera more run, soon; raises ConfigError, LogError where nobody could write for it."""
        (runtime,) = self._make_runtimes([camera])
        self._changes.append(partial(self._bring_up, runtime))

    def withdraw(self, camera_id: str, *, final: bool) -> Future[Writer]:
        """Let a camera go soon, with its last tracklets closed; its writer comes once that is done, to be closed.

        final: it is over for everybody, and not only here.
        """
        done = Future[Writer]()
        self._changes.append(partial(self._take_down, camera_id, final, done))
        return done

    def _bring_up(self, runtime: CameraRuntime) -> None:
        camera_id = runtime.camera.id
        runtime.feed.session = self._sessions.pop(camera_id, runtime.feed.session)
        self.runtimes = {**self.runtimes, camera_id: runtime}  # others iterate over the one before
        if not runtime.ended:
            runtime.feed.start()

    def _take_down(self, camera_id: str, final: bool, done: Future[Writer]) -> None:
        runtime = self.runtimes[camera_id]
        runtime.feed.leave()
        self._sessions[camera_id] = runtime.feed.session
        if not runtime.over:
            self._run_unless_fenced(runtime, partial(self._say_last_words, runtime, final))
        self._mailbox.forget(camera_id)
        self.runtimes = {name: each for name, each in self.runtimes.items() if name != camera_id}
        self.withdrawn.update(
            gaps=runtime.reported_lost,
            lost=runtime.writer.dropped - runtime.reported_lost,
            failed=runtime.failed,
            unwritten=runtime.unwritten,
        )
        done.set_result(runtime.writer)

    def _say_last_words(self, runtime: CameraRuntime, final: bool) -> None:
        camera_id, dropped = runtime.camera.id, self.dropped(runtime.camera.id)
        if runtime.open_epoch is None and final:  # nobody shall wait for it
            self._begin_epoch(runtime, Delivery(camera_id, runtime.feed.session, dropped=dropped))
        if runtime.open_epoch is not None:
            self._finish(runtime, dropped=dropped, final=final)

    def _close(self, running: Sequence[CameraRuntime]) -> None:
        for runtime in running:
            runtime.feed.stop()
        for runtime in running:
            if not runtime.over and runtime.open_epoch is not None:
                dropped = self.dropped(runtime.camera.id)
                self._run_unless_fenced(runtime, partial(self._finish, runtime, dropped=dropped))
        writers = [runtime.writer for runtime in self.runtimes.values()]
        with ThreadPoolExecutor(max(1, len(writers))) as pool:  # all at once: each may wait for a log that is away
            list(pool.map(lambda writer: writer.close(), writers))
        self._close_writers()
        if self.crops is not None:
            self.crops.close()

    def dropped(self, camera_id: str) -> int:
        """Frames of a camera that a newer one has replaced."""
        return self._mailbox.dropped(camera_id)

    def waited_s(self, camera_id: str) -> list[float]:
        """Seconds that the last frames of a camera waited for this thread."""
        return self._mailbox.ages_s(camera_id)

    def _handle(self, deliveries: Sequence[Delivery]) -> None:
        """Detect in the frames that were fetched together, at most one delivery a camera, and pass each on."""
        running = [each for each in deliveries if not self.runtimes[each.camera_id].over]
        found = iter(self._detect([delivery.frame for delivery in running if delivery.frame is not None]))
        for delivery in running:
            runtime, frame = self.runtimes[delivery.camera_id], delivery.frame
            if frame is None:
                self._run_unless_fenced(runtime, partial(self._end, runtime, delivery))
            else:
                self._run_unless_fenced(runtime, partial(self._analyse, runtime, delivery, frame, next(found)))

    def _run_unless_fenced(self, runtime: CameraRuntime, work: Callable[[], None]) -> None:
        """Do one camera's work; a camera that another process has taken over is let go, the others go on."""
        try:
            work()
        except FencedError as error:
            logger.warning("%s", error)
            runtime.fenced = True
            runtime.feed.stop()
            self._mailbox.shut(runtime.camera.id)

    def _analyse(self, runtime: CameraRuntime, delivery: Delivery, frame: Frame, found: Detections | Exception) -> None:
        current = runtime.open_epoch
        lost = runtime.writer.dropped > runtime.reported_lost
        if current is None or not current.continues(runtime.writer, delivery.session) or lost:
            current = self._begin_epoch(runtime, delivery)
            self._report_gap(runtime, current.epoch, frame.captured_ns)
        if isinstance(found, Exception):
            self._pass_over(runtime, frame, found)
            return
        dropped = delivery.dropped - current.dropped_before
        try:
            tracked = current.pipeline.track(frame, found)
        except Exception as error:
            self._break_off(runtime, frame, error)
            return
        # Whoever watches waits neither for the encoder nor for the log.
        if self._tap is not None:
            self._tap(frame, current.pipeline.numbered(tracked))
        try:
            messages = current.pipeline.step(frame, tracked, dropped=dropped)
        except Exception as error:
            self._break_off(runtime, frame, error)
            return
        runtime.analysed += 1
        if messages:
            self._commit(runtime, messages, CameraProgress(frame.captured_ns))

    def _break_off(self, runtime: CameraRuntime, frame: Frame, error: Exception) -> None:
        """Pass over a frame at which the pipeline failed, and end its epoch.

        The messages that it was about to give are lost; a new epoch closes what it leaves open.
        """
        if affects_every_frame(error):
            raise error
        self._pass_over(runtime, frame, error)
        runtime.open_epoch = None

    def _pass_over(self, runtime: CameraRuntime, frame: Frame, error: Exception) -> None:
        """Count a frame that could not be analysed, and warn of the first one of each camera."""
        runtime.failed += 1
        level = logging.WARNING if runtime.failed == 1 else logging.DEBUG
        logger.log(
            level,
            "camera '%s': frame %d (%dx%d) could not be analysed and is passed over: %s: %s",
            runtime.camera.id,
            frame.sequence,
            *frame.size,
            type(error).__name__,
            error,
        )

    def _begin_epoch(self, runtime: CameraRuntime, delivery: Delivery) -> OpenEpoch:
        """Finish the epoch before, if one is open, and begin the next with this delivery."""
        if runtime.open_epoch is not None:
            self._finish(runtime, dropped=delivery.dropped)
        epoch = runtime.next_epoch
        pipeline = self._make_pipeline(runtime.camera.id, epoch)
        runtime.open_epoch = OpenEpoch(epoch, delivery.session, pipeline, delivery.dropped)
        runtime.epochs += 1
        runtime.said = 0
        return runtime.open_epoch

    def _report_gap(self, runtime: CameraRuntime, epoch: CameraEpoch, at_ns: int) -> None:
        """Write a gap for records that were given up.

        Tracklets of the time before may have lost their ends, so that a new epoch has begun, which closes them.
        """
        lost = runtime.writer.dropped - runtime.reported_lost
        if not lost:
            return
        runtime.reported_lost += lost
        gap = Gap(camera=runtime.camera.id, epoch=epoch, sequence=0, at_ns=at_ns, records=lost)
        self._commit(runtime, [gap], CameraProgress(at_ns))

    def _end(self, runtime: CameraRuntime, delivery: Delivery) -> None:
        """The recording is over, whole or broken; its final tick flushes what waits for it."""
        # The run of a single camera that gave nothing ends with this error: it would be there twice.
        if delivery.error is not None and (len(self.runtimes) > 1 or runtime.feed.counts.decoded):
            logger.warning("%s", delivery.error)
        if runtime.open_epoch is None:
            self._begin_epoch(runtime, delivery)
        self._finish(runtime, dropped=delivery.dropped, decoded=delivery.decoded, final=True)
        runtime.ended = True
        # What could not be opened, or hangs, has not been read to its end; it may be mended and tried again.
        if runtime.feed.state is FeedState.ENDED:
            ended_at = stored_progress(runtime.writer).captured_ns
            self._commit(runtime, [], CameraProgress(ended_at, ended=True))
        self._mailbox.shut(runtime.camera.id)

    def _finish(self, runtime: CameraRuntime, *, dropped: int, decoded: int = 0, final: bool = False) -> None:
        """Close the open epoch; `dropped` is the count of the camera, `decoded` that of an ended recording."""
        current = runtime.open_epoch
        assert current is not None
        before = stored_progress(runtime.writer)
        otherwise_ns = before.captured_ns if before.captured_ns is not None else runtime.starts_ns
        counts = {"decoded": decoded, "dropped": dropped - current.dropped_before}
        messages: list[Message]
        try:
            messages = current.pipeline.finish(final=final, otherwise_ns=otherwise_ns, **counts)
        except Exception as error:
            if affects_every_frame(error):
                raise
            camera, kind = runtime.camera.id, type(error).__name__
            logger.warning("camera '%s': the vehicles in view could not be closed: %s: %s", camera, kind, error)
            messages = [current.pipeline.end(final=final, otherwise_ns=otherwise_ns, **counts)]
        runtime.open_epoch = None
        last = messages[-1]
        assert isinstance(last, Tick)
        # A source that gave no frame has got nowhere: the next run begins at its beginning.
        self._commit(runtime, messages, CameraProgress(last.at_ns if last.analysed else before.captured_ns))

    def _commit(self, runtime: CameraRuntime, messages: list[Message], progress: CameraProgress) -> None:
        """Number messages in the order in which they are said, whatever their times, and write them."""
        records = []
        for message in messages:
            try:
                encoded = encode(msgspec.structs.replace(message, count=runtime.said + 1))
            except ValueError as error:
                self._leave_out(runtime, message, error)
                continue
            runtime.said += 1
            records.append(Record(OBSERVATIONS, message.camera, encoded))
        runtime.writer.commit(records, state={"progress": msgspec.msgpack.encode(progress)})

    def _leave_out(self, runtime: CameraRuntime, message: Message, error: ValueError) -> None:
        """Count a message that cannot be written, and warn of the first one of each camera."""
        runtime.unwritten += 1
        level = logging.WARNING if runtime.unwritten == 1 else logging.DEBUG
        logger.log(level, "camera '%s': %s is left out: %s", runtime.camera.id, message.id, error)


def stored_progress(writer: Writer) -> CameraProgress:
    """Progress that the last owner of a camera committed."""
    stored = writer.state.get("progress")
    return msgspec.msgpack.decode(stored, type=CameraProgress) if stored else CameraProgress()
