"""What is wanted of each camera, as the log says it now, without any password."""

import logging
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from deploy.log.base import Log
from deploy.site.cameras.record import CameraRecord, Wanted
from deploy.site.cameras.roster import Roster, RosterEntry
from deploy.site.config import Config
from deploy.web.reading.times import time_of
from ingest.camera import Camera
from ingest.errors import LogError
from ingest.redact import redact_source

logger = logging.getLogger(__name__)


class ShownSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a camera, as in `[[cameras]]`.

    source: its address or file, `***` for every password in it.
    credentials: place of the password.
    realtime: a file or city camera is paced at its own frame rate.
    starts_at: time of a recording's first frame.
    transport: transport of RTP for `rtsp://`.
    """

    source: str
    credentials: str | None
    realtime: bool
    starts_at: datetime | None
    transport: Literal["tcp", "udp"]


class CameraWish(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a camera.

    camera: its id.
    wanted: `watched`, `paused` or `removed`.
    said: when it was said; null where it is as the configuration has it.
    by: who said it.
    settings: its settings; null where they stand in another configuration than this server's.
    """

    camera: str
    wanted: Wanted
    said: datetime | None = None
    by: str = ""
    settings: ShownSettings | None = None


class Wishes:
    """The roster of a site, read on with every question; where the log is away, as it was last. For any thread.

    configured: the cameras of the configuration by their ids.
    """

    def __init__(self, config: Config, log: Log) -> None:
        self.configured = {camera.id: camera for camera in config.cameras}
        self._roster, self._log, self._lock = Roster(config.cameras), log, threading.Lock()

    @property
    def entries(self) -> Mapping[str, RosterEntry]:
        """Every camera of the configuration and of the log by its id."""
        with self._lock:
            try:
                self._roster.read(self._log)
            except LogError as error:
                logger.debug("the roster cannot be read: %s", error)  # the index, which reads the same log, says so
            return self._roster.entries

    @property
    def places(self) -> list[str]:
        """The places of passwords that a camera has, or has had by the configuration."""
        settings = [*self.configured.values(), *(entry.settings for entry in self.entries.values())]
        return sorted({it.credentials for it in settings if it is not None and it.credentials is not None})

    def find(self, camera: str) -> CameraWish | None:
        """The wish for a camera; None where neither the configuration nor a command has ever named it."""
        entry = self.entries.get(camera)
        if entry is None:
            return None
        if entry.record is not None:
            return self.of(entry.record)
        return CameraWish(camera=camera, wanted=entry.wanted, settings=_shown(entry.settings))

    def of(self, record: CameraRecord) -> CameraWish:
        """The wish of a record."""
        return CameraWish(
            camera=record.camera,
            wanted=record.wanted,
            said=time_of(record.at_ns),
            by=record.by,
            settings=_shown(record.settings or self.configured.get(record.camera)),
        )


def _shown(settings: Camera | None) -> ShownSettings | None:
    if settings is None:
        return None
    return ShownSettings(
        source=redact_source(settings.source),
        credentials=settings.credentials,
        realtime=settings.realtime,
        starts_at=None if settings.starts_at is None else settings.starts_at.astimezone(),
        transport=settings.transport,
    )
