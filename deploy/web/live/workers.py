"""Workers that offer live video, as their heartbeats on the log tell."""

from deploy.log.base import Log
from deploy.log.decoding import Undecoded
from deploy.log.topics import LIVE
from deploy.web.live.beats import LiveBeat, decode
from ingest.clock import NS, Clock

PAGE = 500
FORGOTTEN_S = 86_400.0
"""Time after which a worker is not shown as away any more, as on Kafka, where the topic keeps a day."""


class Workers:
    """The last heartbeat of the worker of every camera. `look` is for one thread, all else for any."""

    def __init__(self, log: Log, undecoded: Undecoded, clock: Clock) -> None:
        self._log, self._undecoded, self._clock = log, undecoded, clock
        self._offset = 0
        self._of: dict[str, LiveBeat] = {}

    def look(self) -> None:
        """Take in the heartbeats that have come; raises LogError."""
        while stored := self._log.read(LIVE, self._offset, PAGE):
            self._offset = stored[-1].offset
            for record in stored:
                beat = self._undecoded.decode(LIVE, record, decode)
                if beat is not None:
                    self._take(beat)

    def _take(self, beat: LiveBeat) -> None:
        if self._clock.now_ns() - beat.expires_ns > FORGOTTEN_S * NS:
            return
        for camera in beat.cameras:
            known = self._of.get(camera)
            # A camera may have moved to another worker, whose first word may come before the other one's last.
            if known is None or known.worker == beat.worker or known.expires_ns <= beat.expires_ns:
                self._of = {**self._of, camera: beat}

    @property
    def cameras(self) -> list[str]:
        """Ids of the cameras that have been offered, by workers that are there or not."""
        return sorted(self._of)

    @property
    def offer_crops(self) -> bool:
        """True where a worker offers crops, there or not."""
        return any(beat.crops for beat in self._of.values())

    def last(self, camera: str) -> LiveBeat | None:
        """The last heartbeat of a camera's worker, expired or not."""
        return self._of.get(camera)

    def now(self, camera: str) -> LiveBeat | None:
        """The heartbeat of a camera's worker, where it is there."""
        beat = self._of.get(camera)
        return beat if beat is not None and self._clock.now_ns() < beat.expires_ns else None
