"""Following the roster: a process that runs gets the cameras that come, and lets go of those that were taken off it."""

import logging
from contextlib import suppress

from deploy.log.base import Log
from deploy.site.cameras.record import Wanted
from deploy.site.cameras.roster import Roster
from deploy.site.cameras.sharing import Share
from deploy.site.perception_worker import PerceptionWorker
from ingest.camera import Camera
from ingest.errors import LogError
from ingest.redact import redact

logger = logging.getLogger(__name__)


class RosterFollower:
    """Brings the cameras of a worker and its share of the roster together; `look` takes one look. By one thread."""

    def __init__(self, log: Log, roster: Roster, worker: PerceptionWorker, share: Share) -> None:
        self._log = log
        self._roster = roster
        self._worker = worker
        self._share = share
        self._has = {runtime.camera.id: runtime.camera for runtime in worker.runtimes.values()}
        self._failed: dict[str, Camera] = {}  # cameras that could not be had, with the settings that were tried
        self._away = False

    def look(self) -> None:
        """Read on in the roster, and change what has to be changed; a log that is away is waited for."""
        try:
            self._roster.read(self._log)
            self._change()
        except LogError as error:
            if not self._away:
                logger.warning("changes of cameras cannot be made: %s", error)
            self._away = True
            return
        self._away = False

    @property
    def all_read(self) -> bool:
        """True where all cameras of the site are recordings, and this process has read each to its end."""
        runtimes = self._worker.runtimes
        watched = self._roster.watched
        return bool(watched) and all(it.finite and it.id in runtimes and runtimes[it.id].over for it in watched)

    def _change(self) -> None:
        entries = [entry for entry in self._roster.entries.values() if entry.wanted is Wanted.WATCHED]
        chosen = self._share.choose([entry for entry in entries if entry.settings is not None], self._has)
        mine = {entry.camera: entry.settings for entry in chosen if entry.settings is not None}
        # Step 1: let go of what is not to be watched, or not here
        for camera_id in [each for each in self._has if each not in mine]:
            moved = any(entry.camera == camera_id for entry in entries)
            self._let_go(camera_id, final=not moved)
            said = "it is another process's now" if moved else self._said(camera_id)
            logger.info("camera '%s' is watched no more: %s", camera_id, said)
        # Step 2: take up what is new, or to be opened anew
        for camera in mine.values():
            before = self._has.get(camera.id)
            if self._failed.get(camera.id) == camera or (before == camera and not self._was_taken(camera.id)):
                continue
            with self._worker.changing():
                if before is not None:
                    self._let_go(camera.id, final=False)
                self._take_up(camera)

    def _was_taken(self, camera_id: str) -> bool:
        """True for a camera that another process has claimed, and that is to be had back."""
        runtime = self._worker.runtimes.get(camera_id)
        return self._share.retakes and runtime is not None and runtime.fenced

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
