"""Crops of a site, of this machine's folder and of workers on others that offer theirs."""

import http.client
from pathlib import Path

from deploy.web.live.relay import AwayError, answer
from deploy.web.live.workers import Workers
from deploy.web.reading.crops import CAMERA, FILE, Crop, CropFolder, crops_of, place_of
from ingest.clock import Clock

REMEMBERED = 20_000
"""Tracklets whose crops are known; then all are asked for again."""
ASK_AGAIN_S = 3.0
"""Time after which a worker is asked again for crops that were not there."""
REST_S = 10.0
"""Time after which a worker is asked again that did not answer within WITHIN_S: pages do not wait for it long."""
WITHIN_S = 2.0
LARGEST = 4_000_000
"""Bytes of a crop or an index; more is not one."""


class OfferedCrops(CropFolder):
    """Crops by tracklet: those of the folder, else those that the camera's worker offers."""

    def __init__(self, folder: Path | None, workers: Workers, clock: Clock) -> None:
        super().__init__(folder)
        self._workers, self._clock = workers, clock
        self._known: dict[str, list[Crop]] = {}
        self._missing: dict[str, float] = {}  # by tracklet, and by the name of a worker that does not answer

    @property
    def shown(self) -> bool:
        return super().shown or self._workers.offer_crops

    def best(self, tracklet: str) -> str | None:
        found = super().best(tracklet)
        if found is not None:
            return found
        return next((crop.url for crop in self._offered(tracklet)), None)

    def of(self, tracklet: str) -> list[Crop]:
        return super().of(tracklet) or self._offered(tracklet)

    def image(self, camera: str, name: str) -> bytes:
        """The JPEG of a crop that a worker offers; empty where it has none, or is away."""
        return self._ask(camera, name) if CAMERA.match(camera) and FILE.match(name) else b""

    def _offered(self, tracklet: str) -> list[Crop]:
        named = place_of(tracklet)
        if named is None or (self.kept is not None and (self.kept / named[0]).is_dir()):
            return []
        if tracklet in self._known:
            return self._known[tracklet]
        if self._lacks(tracklet):
            return []
        crops = crops_of(named[0], self._ask(*named))
        if crops:
            if len(self._known) >= REMEMBERED:
                self._known = {}
            self._known[tracklet] = crops
        else:
            self._note_missing(tracklet, ASK_AGAIN_S)
        return crops

    def _ask(self, camera: str, name: str) -> bytes:
        """What the worker of a camera has by a name; empty where that is nothing. One that does not answer rests."""
        beat = self._workers.now(camera)
        if beat is None or not beat.crops or self._lacks(beat.worker):
            return b""
        try:
            with answer(self._workers, camera, f"/crops/{camera}/{name}", within_s=WITHIN_S) as response:
                return response.read(LARGEST)
        except AwayError:
            return b""
        except (OSError, http.client.HTTPException):
            self._note_missing(beat.worker, REST_S)
            return b""

    def _lacks(self, name: str) -> bool:
        return self._clock.monotonic_s() < self._missing.get(name, 0.0)

    def _note_missing(self, name: str, for_s: float) -> None:
        if len(self._missing) >= REMEMBERED:
            self._missing = {}
        self._missing[name] = self._clock.monotonic_s() + for_s
