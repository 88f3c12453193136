"""Cameras to observations: decode threads on one side, the log on the other, one inference thread between."""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from deploy.crops.store import CropStore
from deploy.log.base import Writer
from deploy.site.cameras.runtime import CameraRuntime
from deploy.site.isolation import IsolatingDetector
from detect.detector import BatchDetector
from ingest.camera import Camera
from ingest.errors import FencedError
from ingest.mailbox import Delivery, Mailbox

logger = logging.getLogger(__name__)

RuntimeMaker = Callable[[Sequence[Camera]], "list[CameraRuntime]"]


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
        make_runtimes: RuntimeMaker,
        *,
        batching: Batching = Batching(),
        crops: CropStore | None = None,
        close_writers: Callable[[], None] = lambda: None,
    ) -> None:
        self.runtimes: Mapping[str, CameraRuntime] = {runtime.camera.id: runtime for runtime in runtimes}
        self.detector = detector
        self._mailbox = mailbox
        self._detect = IsolatingDetector(detector)
        self._batching = batching
        self._make_runtimes = make_runtimes
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
            self._run_unless_fenced(runtime, partial(runtime.withdraw, dropped=self.dropped(camera_id), final=final))
        self._mailbox.forget(camera_id)
        self.runtimes = {name: each for name, each in self.runtimes.items() if name != camera_id}
        self.withdrawn.update(runtime.lacks)
        done.set_result(runtime.writer)

    def _close(self, running: Sequence[CameraRuntime]) -> None:
        for runtime in running:
            runtime.feed.stop()
        for runtime in running:
            if not runtime.over and runtime.open_epoch is not None:
                dropped = self.dropped(runtime.camera.id)
                self._run_unless_fenced(runtime, partial(runtime.finish, dropped=dropped))
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
                self._run_unless_fenced(runtime, partial(runtime.analyse, delivery, frame, next(found)))

    def _run_unless_fenced(self, runtime: CameraRuntime, work: Callable[[], None]) -> None:
        """Do one camera's work; a camera that another process has taken over is let go, the others go on."""
        try:
            work()
        except FencedError as error:
            logger.warning("%s", error)
            runtime.fenced = True
            runtime.feed.stop()
            self._mailbox.shut(runtime.camera.id)

    def _end(self, runtime: CameraRuntime, delivery: Delivery) -> None:
        # The run of a single camera that gave nothing ends with this error: it would be there twice.
        if delivery.error is not None and (len(self.runtimes) > 1 or runtime.feed.counts.decoded):
            logger.warning("%s", delivery.error)
        runtime.end(delivery)
        self._mailbox.shut(runtime.camera.id)
