"""The best crops of every tracklet, kept beside the log for review and training; off by default.

FOLDER/CAMERA/EPOCH-TRACK-0.jpg    the best crop, with some surroundings; -1, -2, ... the next best
FOLDER/CAMERA/EPOCH-TRACK.json     what they are: tracklet, capture times, boxes in the crops, quality, class
"""

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from deploy.crops.pruning import Pruner
from embed.crops import Crop
from embed.observation import CameraEpoch, Observation
from ingest.clock import Clock
from ingest.errors import ConfigError
from ingest.frame import Image

logger = logging.getLogger(__name__)

_TRACKLET = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\|\d+\.\d+\|\d+\Z")

JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92]


class CropSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[crops]` table: the best crops of every tracklet, kept as files; the oldest are deleted first.

    keep: crops are stored.
    folder: folder of the crops, one for every log; by default below the configuration's name (`parse_config`).
    keep_hours: hours after which a crop is deleted.
    max_mb: megabytes in all beyond which the oldest are deleted.
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
    """Store of crops in files. If it cannot be written to, that is warned of once, counted, and stops no camera.

    Old crops are deleted between `start` and `close`, in a thread of its own.
    """

    def __init__(self, settings: CropSettings, clock: Clock) -> None:
        self.folder = Path(settings.folder)
        self.failures = 0
        """Tracklets whose crops could not be kept."""
        self.pruner = Pruner(self.folder, clock, keep_s=settings.keep_hours * 3600, max_bytes=settings.max_mb * 1e6)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"crops.folder '{self.folder}' cannot be made: {error.strerror}") from error

    def start(self) -> None:
        """Begin to delete old crops."""
        self.pruner.start()

    def close(self) -> None:
        """End, and say what could not be kept."""
        self.pruner.close()
        if self.failures > 1:
            logger.warning("the crops of %d tracklets could not be kept in %s", self.failures, self.folder)

    def keep(self, seen: Observation, crops: Sequence[Crop]) -> None:
        """Store the crops of a tracklet that has closed."""
        try:
            self._write(seen, crops)
        except Exception as error:  # crops are an extra: whatever is wrong with them, the camera goes on
            self.failures += 1
            if self.failures == 1:
                logger.warning("crops cannot be kept in %s: %s (is the disk full?)", self.folder, error)

    def prune(self) -> int:
        """Delete what is too old, then the oldest of what is too much; returns how many tracklets have gone."""
        return self.pruner.prune()

    def _write(self, seen: Observation, crops: Sequence[Crop]) -> None:
        folder = self.folder / seen.camera
        folder.mkdir(exist_ok=True)
        stem = stem_of(seen.epoch, seen.track)
        index = folder / f"{stem}.json"
        if index.exists():  # of another log in the same folder; its crops are overwritten, or go with these
            index.unlink()
        entries = [_store_crop(folder / f"{stem}-{place}.jpg", crop) for place, crop in enumerate(crops)]
        tracklet = StoredTracklet(
            tracklet=seen.tracklet,
            camera=seen.camera,
            label=seen.label,
            first_ns=seen.first_ns,
            last_ns=seen.last_ns,
            crops=entries,
        )
        # Last and at once, so that a reader that finds the index finds all of it, and the crops as well.
        partial = folder / f"{stem}.json.part"
        partial.write_bytes(msgspec.json.encode(tracklet))
        partial.replace(index)


def _store_crop(path: Path, crop: Crop) -> StoredCrop:
    """Write one crop; raises OSError, cv2.error, or ValueError for numbers that JSON has no word for."""
    left, top, right, bottom = (round(float(side), 1) for side in crop.box_xyxy)
    if not all(map(math.isfinite, (left, top, right, bottom, crop.quality))):
        raise ValueError(f"a crop with box {left}, {top}, {right}, {bottom} and quality {crop.quality}")
    encoded, jpeg = cv2.imencode(".jpg", crop.image, JPEG)
    if not encoded:
        raise ValueError(f"an image of shape {crop.image.shape} cannot be encoded")
    path.write_bytes(jpeg.tobytes())
    box = (left, top, right, bottom)
    return StoredCrop(file=path.name, captured_ns=crop.captured_ns, box_xyxy=box, quality=round(crop.quality, 4))


def stem_of(epoch: CameraEpoch, track: int) -> str:
    """The beginning of a tracklet's file names."""
    return f"{epoch}-{track}"


@dataclass(frozen=True, slots=True, eq=False)
class KeptCrop:
    """A stored crop, read: its image, the vehicle's box in it (4,) float32 xyxy pixels, its quality and its file."""

    image: Image
    box_xyxy: NDArray[np.float32]
    quality: float
    path: Path


def crops_of(folder: Path, tracklet: str) -> list[KeptCrop]:
    """The crops of one tracklet that can be read, best first; empty where they are gone. Links are not followed."""
    camera, _, rest = tracklet.partition("|")
    index = folder / camera / f"{rest.replace('|', '-')}.json"
    if not _TRACKLET.match(tracklet) or index.is_symlink() or index.parent.is_symlink():
        return []
    try:
        stored = msgspec.json.decode(index.read_bytes(), type=StoredTracklet)
    except (OSError, ValueError):
        return []
    kept = []
    for place, crop in enumerate(stored.crops):
        path = index.with_name(f"{index.stem}-{place}.jpg")  # never a name from the file
        if path.is_symlink() or not path.is_file():
            continue
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        if image is not None:
            box = np.array(crop.box_xyxy, np.float32)
            kept.append(KeptCrop(np.asarray(image, np.uint8), box, crop.quality, path))
    return kept


def read_store(folder: Path) -> list[StoredTracklet]:
    """Every tracklet of a store, by camera and name.

    Raises ConfigError where an index cannot be read, is a link, or is that of another camera.
    """
    tracklets = []
    for index in sorted(folder.glob("*/*.json")):
        if index.is_symlink() or index.parent.is_symlink():
            raise ConfigError(f"the crop store's {index}, or its folder, is a link, which is not followed")
        try:
            tracklets.append(msgspec.json.decode(index.read_bytes(), type=StoredTracklet))
            if tracklets[-1].camera != index.parent.name:
                raise ValueError(f"it is about camera {tracklets[-1].camera!r}")
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the crop store's {index} cannot be read: {error} (delete it, and the rest can be used)"
            ) from error
    return tracklets
