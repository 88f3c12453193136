"""Following the roster: a process that runs gets the cameras that come, and lets go of those that were taken off it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from deploy.log.base import Log
from deploy.site.cameras.roster import Roster
from deploy.site.perception_worker import PerceptionWorker
from deploy.site.repeating import repeating
from ingest.camera import Camera
from ingest.errors import LogError
from ingest.redact import redact

logger = logging.getLogger(__name__)

LOOK_S = 0.5


class RosterFollower:
    """Brings the cameras of a worker and the roster together; `look` takes one look. By one thread.

    only: the cameras that the process is for, all of them where it is None.
    """

    def __init__(self, log: Log, roster: Roster, worker: PerceptionWorker, only: frozenset[str] | None = None) -> None:
        self._log = log
        self._roster = roster
        self._worker = worker
        self._only = only
        self._has = {runtime.camera.id: runtime.camera for runtime in worker.runtimes.values()}
        self._failed: dict[str, Camera] = {}  # cameras that could not be had, with the settings that were tried
        self._away = False

    def look(self) -> None:
        """Read on in the roster, and change what has to be changed; a log that is away is waited for."""
        try:
            self._roster.read(self._log)
            self._change({camera.id: camera for camera in self._roster.watched if self._is_mine(camera.id)})
        except LogError as error:
            if not self._away:
                logger.warning("changes of cameras cannot be read: %s", error)
            self._away = True
            return
        self._away = False

    def _is_mine(self, camera: str) -> bool:
        return self._only is None or camera in self._only

    def _change(self, wanted: dict[str, Camera]) -> None:
        for camera_id in [each for each in self._has if each not in wanted]:
            self._let_go(camera_id, final=True)
            logger.info("camera '%s' is watched no more: %s", camera_id, self._said(camera_id))
        for camera in wanted.values():
            before = self._has.get(camera.id)
            if before == camera or self._failed.get(camera.id) == camera:
                continue
            with self._worker.changing():
                if before is not None:
                    self._let_go(camera.id, final=False)
                self._take_up(camera)

    def _let_go(self, camera_id: str, *, final: bool) -> None:
        del self._has[camera_id]
        gone = self._worker.withdraw(camera_id, final=final)
        while not self._worker.closed.is_set():
            with suppress(TimeoutError):
                gone.result(timeout=0.1).close()
                return

    def _take_up(self, camera: Camera) -> None:
        try:
            self._worker.add(camera)
        except LogError:
            raise
        except Exception as error:  # whatever it is, the other cameras are followed
            self._failed[camera.id] = camera
            logger.warning("camera '%s' cannot be watched: %s: %s", camera.id, type(error).__name__, redact(str(error)))
            return
        self._has[camera.id] = camera
        self._failed.pop(camera.id, None)
        logger.info("camera '%s' is watched from now on: %s", camera.id, self._said(camera.id))

    def _said(self, camera_id: str) -> str:
        """The command that is obeyed, with who said it."""
        record = self._roster.entries[camera_id].record
        if record is None:
            return "the configuration"
        return f"{record.wanted} by {record.by or 'nobody who gave a name'}"


@contextmanager
def following(log: Log, roster: Roster, worker: PerceptionWorker, only: frozenset[str] | None) -> Iterator[None]:
    """Follow the roster while the block runs, twice a second."""
    follower = RosterFollower(log, roster, worker, only)
    with repeating(follower.look, every_s=LOOK_S):
        yield
