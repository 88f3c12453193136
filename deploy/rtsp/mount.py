"""One camera of the server: its source, played in real time, and who looks at it."""

import asyncio
import logging
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from deploy.rtsp.account import Account
from deploy.rtsp.faults import Faults
from deploy.rtsp.viewer import Viewer
from ingest.access_unit import AccessUnit, parameter_sets
from ingest.clock import NS, Clock
from ingest.errors import CorridorError

logger = logging.getLogger(__name__)

SourceFactory = Callable[[], Iterator[AccessUnit]]


@dataclass(slots=True, eq=False)
class Mount:
    """A path of the server. Its methods run in the server's loop, except `_play`, which is a thread.

    The source is asked for at the first DESCRIBE and then plays on, watched or not, as a camera does. An access unit
    goes out when its capture time has come. A source that ends ends its viewers' connections, and begins anew with
    the next DESCRIBE.
    """

    path: str
    factory: SourceFactory
    account: Account | None
    clock: Clock
    rng: random.Random
    faults: Faults = field(default_factory=Faults)
    viewers: set[Viewer] = field(default_factory=set)
    sets: tuple[bytes, bytes] | None = None
    sent: int = 0
    _began_ns: int = 0
    _playing: threading.Thread | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def prepare(self, timeout_s: float) -> bool:
        """Have the source play and its parameter sets known; False where they do not come in time."""
        if self._playing is None:
            self._ready.clear()
            self._began_ns = self.clock.now_ns()
            loop = asyncio.get_running_loop()
            self._playing = threading.Thread(target=self._play, args=(loop,), name=f"mount {self.path}", daemon=True)
            self._playing.start()
        try:
            await asyncio.wait_for(self._ready.wait(), timeout_s)
        except TimeoutError:
            return False
        return self.sets is not None

    def stop(self) -> None:
        """End the source and its viewers."""
        self._stopping.set()
        self.drop_viewers()

    def drop_viewers(self) -> None:
        """Cut the connections of all viewers, without a word."""
        for viewer in tuple(self.viewers):
            viewer.abort()
        self.viewers.clear()

    def _play(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            for unit in self.factory():
                if self._stopping.wait(max(0.0, (unit.captured_ns - self.clock.now_ns()) / NS)):
                    return
                loop.call_soon_threadsafe(self._send, unit)
        except CorridorError as error:
            logger.warning("%s: %s", self.path, error)
        except Exception:  # a source's bug ends its mount and not the server
            logger.exception("%s: the source failed", self.path)
        finally:
            if not self._stopping.is_set():
                loop.call_soon_threadsafe(self._end)

    def _send(self, unit: AccessUnit) -> None:
        if unit.keyframe:
            self.sets = parameter_sets(unit.data) or self.sets
        self._ready.set()
        if self.faults.stalled:
            return
        self.sent += 1
        if self.faults.garbage_every and self.sent % self.faults.garbage_every == 0:
            noise = self.rng.randbytes(max(0, len(unit.data) - 5))
            unit = AccessUnit(unit.data[:5] + noise, unit.pts_90k, unit.captured_ns, unit.keyframe)
        now_ns = self.clock.now_ns()
        camera_ns = self.faults.camera_time_ns(unit.captured_ns, self._began_ns)
        for viewer in tuple(self.viewers):
            viewer.send(unit, self.faults, now_ns=now_ns, camera_ns=camera_ns)

    def _end(self) -> None:
        self._playing = None
        self._ready.set()
        for viewer in tuple(self.viewers):
            viewer.end()
        self.viewers.clear()
