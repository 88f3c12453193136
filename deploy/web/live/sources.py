"""All live cameras that a server can show: those of its own process, and those that workers offer on the log."""

import logging
import threading
from collections.abc import Callable, Mapping
from http.client import HTTPException

import msgspec

from deploy.log.base import Log
from deploy.log.decoding import Undecoded
from deploy.web.live.health import CameraHealth
from deploy.web.live.hub import LiveCamera, LiveHub
from deploy.web.live.relay import AwayError, RelayedCamera, answer, away_words
from deploy.web.live.workers import Workers
from ingest.clock import Clock
from ingest.errors import LogError

logger = logging.getLogger(__name__)

LOOK_S = 1.0
LEAVE_S = 5.0
HEALTH_S = 2.0
LARGEST = 100_000
"""Bytes of a camera's health."""


class LiveSources:
    """Live cameras by id; `start` begins to look for workers, `close` ends that."""

    def __init__(self, log: Log, undecoded: Undecoded, clock: Clock, hub: LiveHub | None = None) -> None:
        self.workers = Workers(log, undecoded, clock)
        self._clock = clock
        self._hub = hub
        self._relayed: dict[str, RelayedCamera] = {}
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(work,), name="live workers", daemon=True)
            for work in (self._look, self._keep_stills)
        ]

    @property
    def cameras(self) -> Mapping[str, LiveCamera]:
        """Every live camera by its id."""
        return {**self._relayed, **(self._hub.cameras if self._hub is not None else {})}

    def health(self, camera: str) -> tuple[CameraHealth | None, str]:
        """How a camera is, by the process that watches it; None, and why, where that is not known."""
        if self._hub is not None and camera in self._hub.cameras:
            return self._hub.health_of(camera), ""
        try:
            with answer(self.workers, camera, f"/health/{camera}", within_s=HEALTH_S) as response:
                return msgspec.json.decode(response.read(LARGEST), type=CameraHealth), ""
        except (OSError, HTTPException, AwayError, msgspec.MsgspecError) as error:
            return None, away_words(self.workers.last(camera), error)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._stop.set()
        for camera in self._relayed.values():
            camera.end()
        for thread in self._threads:
            thread.join(LEAVE_S)

    def _look(self) -> None:
        """Take in the heartbeats that have come."""
        try:
            self.workers.look()
        except LogError as error:
            logger.debug("workers cannot be looked for: %s", error)  # the index, which reads the same log, says so
        new = {camera for camera in self.workers.cameras if camera not in self._relayed}
        if new:
            relayed = {camera: RelayedCamera(camera, self.workers, self._clock) for camera in new}
            self._relayed = {**self._relayed, **relayed}

    def _keep_stills(self) -> None:
        for camera in self._relayed.values():
            if not self._stop.is_set():
                camera.keep_still()

    def _repeat(self, work: Callable[[], None]) -> None:
        while True:
            work()
            if self._stop.wait(LOOK_S):
                return
