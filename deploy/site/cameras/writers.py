"""Writers of the cameras of a process, by what they are and where the log is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.log.address import on_this_machine
from deploy.log.base import Log, Writer
from deploy.log.settings import LogSettings
from deploy.log.spool.shared import SharedSpool
from ingest.camera import Camera
from ingest.clock import Clock


class CameraWriters:
    """A live camera does not wait for a log beyond this machine; recordings do, so that they stay in step."""

    def __init__(self, settings: LogSettings, log: Log, clock: Clock) -> None:
        self._settings = settings
        self._log = log
        self._clock = clock
        self._spool: SharedSpool | None = None  # made with the first camera that needs it

    def claim(self, cameras: Sequence[Camera]) -> Mapping[str, Writer]:
        """Become the owner of some cameras; raises ConfigError, LogError."""
        spooled = [] if on_this_machine(self._settings.url) else [camera.id for camera in cameras if camera.live]
        writers: dict[str, Writer] = {}
        if spooled:
            writers.update(zip(spooled, self._shared().writers([_owner(each) for each in spooled]), strict=True))
        return writers | {it.id: self._log.claim(_owner(it.id)) for it in cameras if it.id not in writers}

    def close(self) -> None:
        """Have what live cameras have said written, as far as that can be done soon."""
        if self._spool is not None:
            self._spool.close()

    def _shared(self) -> SharedSpool:
        if self._spool is None:
            from deploy.log.kafka_log import KafkaLog

            assert isinstance(self._log, KafkaLog)
            folder, camera_bytes = Path(self._settings.spool), self._settings.spool_mb * 1e6
            self._spool = SharedSpool(self._log, folder, camera_bytes=camera_bytes, clock=self._clock)
        return self._spool


def _owner(camera: str) -> str:
    return f"camera/{camera}"
