"""The roster: what is wanted of every camera, by the configuration and by the records on the log after it.

The configuration is the start: a camera of it without a record is watched as it stands there. A record of a command
outweighs it, also for processes that start later.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from deploy.log.base import Log
from deploy.log.topics import CAMERAS
from deploy.site.cameras.record import CameraRecord, Wanted, decode
from deploy.site.config import Config
from ingest.camera import Camera, check_camera
from ingest.errors import ConfigError

logger = logging.getLogger(__name__)

PAGE = 1000


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """A camera on the roster.

    settings: None where a record refers to a configuration that does not have it. record: None where no command has
    ever been about it.
    """

    camera: str
    wanted: Wanted
    settings: Camera | None
    record: CameraRecord | None = None


class Roster:
    """The roster of a site; `read` takes in what is new on the log. One thread at a time.

    recorded: the last record of each camera that has any. passed_over: records so far that are no wish for a camera.
    """

    def __init__(self, configured: Sequence[Camera]) -> None:
        self._configured = {camera.id: camera for camera in configured}
        self.recorded: dict[str, CameraRecord] = {}
        self.passed_over = 0
        self._offset = 0

    def read(self, log: Log) -> bool:
        """Take in the records since the last call; returns whether there were any. Raises LogError."""
        begun = self._offset
        while stored := log.read(CAMERAS, self._offset, PAGE):
            for record in stored:
                self._offset = record.offset
                try:
                    self._take(decode(record.value))
                except (ValueError, ConfigError) as error:
                    self.passed_over += 1
                    logger.warning("record %d of %s is passed over: %s", record.offset, CAMERAS, error)
        return self._offset > begun

    def _take(self, record: CameraRecord) -> None:
        if record.settings is not None:
            if record.settings.id != record.camera:
                raise ConfigError(f"it is about camera '{record.camera}' and has the settings of another")
            check_camera(record.settings)
        self.recorded[record.camera] = record

    @property
    def entries(self) -> Mapping[str, RosterEntry]:
        """Every camera of the configuration and of the log, those of the configuration first, by id."""
        return {camera: self._entry(camera) for camera in [*self._configured, *sorted(self.recorded)]}

    def _entry(self, camera: str) -> RosterEntry:
        configured, record = self._configured.get(camera), self.recorded.get(camera)
        if record is None:
            return RosterEntry(camera, Wanted.WATCHED, configured)
        return RosterEntry(camera, record.wanted, record.settings or configured, record)

    @property
    def watched(self) -> list[Camera]:
        """The cameras that are to be watched, and can be, with their settings."""
        return [it.settings for it in self.entries.values() if it.wanted is Wanted.WATCHED and it.settings is not None]

    @property
    def used_slots(self) -> frozenset[int]:
        """The slots of cameras that are to be watched."""
        records = self.recorded.values()
        return frozenset(it.slot for it in records if it.slot is not None and it.wanted is Wanted.WATCHED)

    @property
    def nowhere(self) -> list[str]:
        """Cameras that are to be watched and whose settings are in another configuration than this one."""
        return [it.camera for it in self.entries.values() if it.wanted is Wanted.WATCHED and it.settings is None]


def read_roster(config: Config, log: Log) -> Roster:
    """The roster of a configuration and its log, as it is now."""
    roster = Roster(config.cameras)
    roster.read(log)
    return roster


def with_roster(config: Config, log: Log) -> Config:
    """The configuration with those cameras that are to be watched now."""
    return msgspec.structs.replace(config, cameras=read_roster(config, log).watched)
