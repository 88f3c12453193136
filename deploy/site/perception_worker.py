"""Cameras to observations: decode threads on one side, the log on the other, one inference thread between."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import msgspec

from deploy.log.base import Record, Writer
from deploy.log.topics import OBSERVATIONS
from deploy.site.camera_pipeline import CameraPipeline
from deploy.site.isolation import Isolated, concerns_all
from detect.detections import Detections
from detect.detector import BatchDetector
from embed.observation import Epoch, Gap, Message, Tick, encode
from ingest.camera import Camera
from ingest.errors import CorridorError, FencedError
from ingest.feed import CameraFeed
from ingest.frame import Frame
from ingest.mailbox import Delivery, Mailbox

logger = logging.getLogger(__name__)

FrameTap = Callable[[Frame, Detections], None]
"""Looks at an analysed frame with its tracked vehicles; for pictures."""


class CameraProgress(msgspec.Struct, frozen=True):
    """Up to where a camera's frames have become observations, and whether its recording is over."""

    captured_ns: int | None = None
    ended: bool = False


PipelineMaker = Callable[[str, Epoch], CameraPipeline]


@dataclass(slots=True, eq=False)
class Station:
    """A camera in the worker: its feed, its right to write, and its present pipeline."""

    feed: CameraFeed
    writer: Writer
    starts_ns: int
    pipeline: CameraPipeline | None = None
    session: int = -1
    generation: int = 0  # of the present pipeline
    dropped_before: int = 0
    decoded_before: int = 0
    epochs: int = 0  # pipelines that have begun
    dropped_records: int = 0  # of the writer, as far as they have been reported
    analysed: int = 0
    failed: int = 0  # frames that could not be analysed
    fenced: bool = False
    ended: bool = False

    @property
    def camera(self) -> Camera:
        return self.feed.camera

    @property
    def over(self) -> bool:
        """Whether nothing of it is of any use here any more."""
        return self.ended or self.fenced

    @property
    def epoch(self) -> Epoch:
        """That of the pipeline that begins next."""
        return Epoch(self.writer.generation, self.epochs)


@dataclass(frozen=True, slots=True)
class Batching:
    """How many cameras' frames the detector is given at once, and how long live ones are waited for."""

    limit: int = 1
    within_s: float = 0.0


class PerceptionWorker:
    """Runs cameras until they end or `stop` is called; a camera's error never stops another."""

    def __init__(
        self,
        mailbox: Mailbox,
        stations: Sequence[Station],
        detector: BatchDetector,
        make_pipeline: PipelineMaker,
        *,
        batching: Batching = Batching(),
        tap: FrameTap | None = None,
    ) -> None:
        self.stations: Mapping[str, Station] = {station.camera.id: station for station in stations}
        self.detector = detector
        self._mailbox = mailbox
        self._detect = Isolated(detector)
        self._batching = batching
        self._make_pipeline = make_pipeline
        self._tap = tap
        self._stop = threading.Event()

    def stop(self) -> None:
        """Finish what is in the mailbox, close what is in view, commit, return from `run`."""
        self._stop.set()

    def run(self) -> None:
        """Work until every camera has ended, or until `stop`."""
        running = [station for station in self.stations.values() if not station.ended]
        try:
            for station in running:
                station.feed.start()
            while not self._stop.is_set() and not all(station.over for station in running):
                together = self._batching
                self._handle(self._mailbox.take(timeout_s=0.2, limit=together.limit, within_s=together.within_s))
                for station in running:
                    if station.feed.watch():
                        logger.warning("%s", station.feed.error)
        finally:  # whatever it is that ends the run, what has been seen is said and written
            self._close(running)

    def _close(self, running: Sequence[Station]) -> None:
        for station in running:
            station.feed.stop()
        for station in running:
            if not station.over and station.pipeline is not None:
                self._guarded(station, partial(self._finish, station, final=False))
        with ThreadPoolExecutor(max(1, len(running))) as pool:  # all at once: each may wait for a log that is away
            list(pool.map(lambda station: station.writer.close(), running))

    def dropped(self, camera_id: str) -> int:
        """Frames of a camera that a newer one has replaced."""
        return self._mailbox.dropped(camera_id)

    def waited_s(self, camera_id: str) -> list[float]:
        """How long the last frames of a camera waited for this thread, in seconds."""
        return self._mailbox.ages_s(camera_id)

    def _handle(self, deliveries: Sequence[Delivery]) -> None:
        """What was fetched together, at most one delivery a camera."""
        running = [each for each in deliveries if not self.stations[each.camera_id].over]
        found = iter(self._detect([delivery.frame for delivery in running if delivery.frame is not None]))
        for delivery in running:
            station, frame = self.stations[delivery.camera_id], delivery.frame
            if frame is None:
                self._guarded(station, partial(self._end, station, delivery.error))
            else:
                self._guarded(station, partial(self._analyse, station, delivery.session, frame, next(found)))

    def _guarded(self, station: Station, work: Callable[[], None]) -> None:
        """A camera that another process has taken over is let go; the others go on."""
        try:
            work()
        except FencedError as error:
            logger.warning("%s", error)
            station.fenced = True
            station.feed.stop()
            self._mailbox.shut(station.camera.id)

    def _analyse(self, station: Station, session: int, frame: Frame, found: Detections | Exception) -> None:
        stale = station.pipeline is None or station.generation != station.writer.generation
        if stale or station.session != session or station.writer.dropped > station.dropped_records:
            self._begin_session(station, session)
            self._report_gap(station, frame.captured_ns)
        assert station.pipeline is not None
        if isinstance(found, Exception):
            self._pass_over(station, frame, found)
            return
        try:
            messages, tracked = station.pipeline.step(frame, found, dropped=self._dropped(station))
        except Exception as error:
            if concerns_all(error):
                raise
            self._pass_over(station, frame, error)
            # What the pipeline was about to say is lost; a new epoch closes what it leaves open.
            station.pipeline = None
            return
        station.analysed += 1
        if messages:
            self._commit(station, messages, CameraProgress(frame.captured_ns))
        if self._tap is not None:
            self._tap(frame, tracked)

    def _pass_over(self, station: Station, frame: Frame, error: Exception) -> None:
        """Count a frame that could not be analysed, and say so once a camera."""
        station.failed += 1
        level = logging.WARNING if station.failed == 1 else logging.DEBUG
        logger.log(
            level,
            "camera '%s': frame %d (%dx%d) could not be analysed and is passed over: %s: %s",
            station.camera.id,
            frame.sequence,
            *frame.size,
            type(error).__name__,
            error,
        )

    def _begin_session(self, station: Station, session: int) -> None:
        if station.pipeline is not None:
            self._finish(station, final=False)
        station.session, station.generation = session, station.writer.generation
        station.dropped_before = self._mailbox.dropped(station.camera.id)
        station.pipeline = self._make_pipeline(station.camera.id, station.epoch)
        station.epochs += 1

    def _report_gap(self, station: Station, at_ns: int) -> None:
        """Say that records were given up. Tracklets of the time before may have lost their ends, so that a new epoch
        has begun, which closes them."""
        lost = station.writer.dropped - station.dropped_records
        if not lost:
            return
        station.dropped_records += lost
        epoch = Epoch(station.writer.generation, station.epochs - 1)
        gap = Gap(camera=station.camera.id, epoch=epoch, sequence=0, at_ns=at_ns, records=lost)
        self._commit(station, [gap], CameraProgress(at_ns))

    def _end(self, station: Station, error: CorridorError | None) -> None:
        """The recording is over, whole or broken; its last word flushes what waits for it."""
        if error is not None:
            logger.warning("%s", error)
        if station.pipeline is None:
            self._begin_session(station, max(station.feed.session, 0))
        self._finish(station, final=True)
        station.ended = True
        # What never gave a picture has not been read; it may be mended and tried again.
        if station.camera.finite and station.feed.counts.opened:
            self._commit(station, [], CameraProgress(station_progress(station.writer).captured_ns, ended=True))
        self._mailbox.shut(station.camera.id)

    def _finish(self, station: Station, *, final: bool) -> None:
        assert station.pipeline is not None
        before = station_progress(station.writer)
        otherwise_ns = before.captured_ns if before.captured_ns is not None else station.starts_ns
        messages = station.pipeline.finish(
            final=final,
            otherwise_ns=otherwise_ns,
            decoded=station.feed.counts.decoded - station.decoded_before if final else 0,
            dropped=self._dropped(station),
        )
        last = messages[-1]
        assert isinstance(last, Tick)
        station.decoded_before += last.decoded
        station.pipeline = None
        self._commit(station, messages, CameraProgress(messages[-1].at_ns))

    def _commit(self, station: Station, messages: list[Message], progress: CameraProgress) -> None:
        records = [Record(OBSERVATIONS, message.camera, encode(message)) for message in messages]
        station.writer.commit(records, state={"progress": msgspec.msgpack.encode(progress)})

    def _dropped(self, station: Station) -> int:
        """Frames of this session that a newer one has replaced."""
        return self._mailbox.dropped(station.camera.id) - station.dropped_before


def station_progress(writer: Writer) -> CameraProgress:
    """What the last owner of a camera committed."""
    stored = writer.state.get("progress")
    return msgspec.msgpack.decode(stored, type=CameraProgress) if stored else CameraProgress()
