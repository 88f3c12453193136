"""One camera of the server: its source, played in real time, and who looks at it."""

import asyncio
import logging
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from deploy.city.rtsp.account import Account
from deploy.city.rtsp.faults import Faults
from deploy.city.rtsp.viewer import Viewer
from ingest.clock import NS, Clock
from ingest.errors import CorridorError
from ingest.network.access_unit import AccessUnit, parameter_sets

logger = logging.getLogger(__name__)

CATCH_UP_NS = NS
"""Age of a key frame up to which a new viewer is sent everything from it on; later ones begin in between."""

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
    _group: list[AccessUnit] = field(default_factory=list)  # since the last key frame, while that is young
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

    def join(self, viewer: Viewer) -> None:
        """Let a viewer see what comes, and before it everything from the last key frame on if that is young."""
        self.viewers.add(viewer)
        for unit in self._group:
            self._show(viewer, unit)

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
            if not self._stopping.is_set():  # otherwise the loop is closed, and that is all
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
            kept = len(unit.data) // 2
            unit = replace(unit, data=unit.data[:kept] + self.rng.randbytes(len(unit.data) - kept))
        if unit.keyframe or (self._group and unit.captured_ns - self._group[0].captured_ns > CATCH_UP_NS):
            self._group.clear()
        if unit.keyframe or self._group:
            self._group.append(unit)
        for viewer in tuple(self.viewers):
            self._show(viewer, unit)

    def _show(self, viewer: Viewer, unit: AccessUnit) -> None:
        camera_ns = self.faults.camera_time_ns(unit.captured_ns, self._began_ns)
        viewer.send(unit, self.faults, now_ns=self.clock.now_ns(), camera_ns=camera_ns)

    def _end(self) -> None:
        self._playing = None
        self._group.clear()
        self._ready.set()
        for viewer in tuple(self.viewers):
            viewer.end()
        self.viewers.clear()
