"""The best crops of every tracklet, kept beside the log for review and training; off by default.

FOLDER/CAMERA/EPOCH-TRACK-0.jpg    the best crop, with some surroundings; -1, -2, ... the next best
FOLDER/CAMERA/EPOCH-TRACK.json     what they are: tracklet, capture times, boxes in the crops, quality, class
"""

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import cv2
import msgspec

from embed.crops import Crop
from embed.observation import CameraEpoch, Observation
from ingest.clock import Clock
from ingest.errors import ConfigError

logger = logging.getLogger(__name__)

PRUNE_EVERY_S = 300.0


class CropSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[crops]` table: whether, where, how long and how much; what is older or too much goes, oldest first.

    folder: `parse_config` fills it in where a file says nothing.
    """

    keep: bool = False
    folder: str
    keep_hours: Annotated[float, msgspec.Meta(gt=0)] = 72.0
    max_mb: Annotated[float, msgspec.Meta(gt=0)] = 2000.0


class StoredCrop(msgspec.Struct, frozen=True, kw_only=True):
    """One crop; `box_xyxy` is the vehicle in it, pixels."""

    file: str
    captured_ns: int
    box_xyxy: tuple[float, float, float, float]
    quality: float


class StoredTracklet(msgspec.Struct, frozen=True, kw_only=True):
    """The crops of one tracklet, best first."""

    tracklet: str
    camera: str
    label: str
    first_ns: int
    last_ns: int
    crops: list[StoredCrop]


class CropStore:
    """Keeps crops in files. A store that cannot be written to says so once and stops nobody."""

    def __init__(self, settings: CropSettings, clock: Clock) -> None:
        self.folder = Path(settings.folder)
        self.failures = 0
        self._keep_s = settings.keep_hours * 3600
        self._max_bytes = settings.max_mb * 1e6
        self._clock = clock
        self._pruned_s: float | None = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"crops.folder '{self.folder}' cannot be made: {error.strerror}") from error

    def keep(self, seen: Observation, crops: Sequence[Crop]) -> None:
        """Store the crops of a tracklet that has closed."""
        try:
            self._write(seen, crops)
            self._prune_sometimes()
        except (OSError, cv2.error) as error:
            self.failures += 1
            if self.failures == 1:
                logger.warning("crops cannot be kept in %s: %s (is the disk full?)", self.folder, error)
            with suppress(OSError):
                self._prune_sometimes()

    def _write(self, seen: Observation, crops: Sequence[Crop]) -> None:
        folder = self.folder / seen.camera
        folder.mkdir(exist_ok=True)
        stem = stem_of(seen.epoch, seen.track)
        index = folder / f"{stem}.json"
        if index.exists():  # of another log in the same folder
            for old in (index, *folder.glob(f"{stem}-*.jpg")):
                old.unlink(missing_ok=True)
        stored = []
        for place, crop in enumerate(crops):
            name = f"{stem}-{place}.jpg"
            _, jpeg = cv2.imencode(".jpg", crop.image, [cv2.IMWRITE_JPEG_QUALITY, 92])
            (folder / name).write_bytes(jpeg.tobytes())
            left, top, right, bottom = (round(float(side), 1) for side in crop.box_xyxy)
            box = (left, top, right, bottom)
            entry = StoredCrop(file=name, captured_ns=crop.captured_ns, box_xyxy=box, quality=round(crop.quality, 4))
            stored.append(entry)
        entry_of_all = StoredTracklet(
            tracklet=seen.tracklet,
            camera=seen.camera,
            label=seen.label,
            first_ns=seen.first_ns,
            last_ns=seen.last_ns,
            crops=stored,
        )
        # Last, so that a reader that finds the index finds the crops as well.
        index.write_bytes(msgspec.json.encode(entry_of_all))

    def _prune_sometimes(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._pruned_s is None or now_s - self._pruned_s > PRUNE_EVERY_S:
            self._pruned_s = now_s
            self.prune()

    def prune(self) -> int:
        """Delete what is too old, then the oldest of what is too much; returns how many tracklets have gone."""
        tracklets = self._by_tracklet()
        total = sum(size for _, size, _ in tracklets)
        oldest_s = self._clock.now_ns() / 1e9 - self._keep_s
        gone = 0
        for written_s, size, files in tracklets:
            if written_s >= oldest_s and total <= self._max_bytes:
                break
            for file in files:
                file.unlink(missing_ok=True)
            total -= size
            gone += 1
        return gone

    def _by_tracklet(self) -> list[tuple[float, int, list[Path]]]:
        """When it was written, bytes and files of every tracklet, crops without an index included; oldest first."""
        found: dict[tuple[str, str], tuple[float, int, list[Path]]] = {}
        for folder in (entry for entry in os.scandir(self.folder) if entry.is_dir()):
            for entry in os.scandir(folder.path):
                name = Path(entry.name)
                stem = name.stem if name.suffix == ".json" else name.stem.rpartition("-")[0]
                written_s, size, files = found.get((folder.name, stem), (0.0, 0, []))
                about = entry.stat()
                found[folder.name, stem] = (
                    max(written_s, about.st_mtime),
                    size + about.st_size,
                    [*files, Path(entry.path)],
                )
        return sorted(found.values(), key=lambda entry: entry[0])


def stem_of(epoch: CameraEpoch, track: int) -> str:
    """The beginning of a tracklet's file names."""
    return f"{epoch}-{track}"


def read_store(folder: Path) -> list[StoredTracklet]:
    """Every tracklet of a store, by camera and name; raises ConfigError where an index cannot be read."""
    tracklets = []
    for index in sorted(folder.glob("*/*.json")):
        try:
            tracklets.append(msgspec.json.decode(index.read_bytes(), type=StoredTracklet))
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"the crop store's {index} cannot be read: {error}") from error
    return tracklets
