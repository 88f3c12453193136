"""Crops of the store beside the log, by tracklet."""

import re
from datetime import datetime
from pathlib import Path

import msgspec

from deploy.crops.store import StoredTracklet
from deploy.web.reading.times import time_of

TRACKLET = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})\|(\d{1,20}\.\d{1,20})\|(\d{1,20})\Z")
PLACE = re.compile(r"^\d{1,20}\.\d{1,20}-\d{1,20}\Z")
FILE = re.compile(r"^\d{1,20}\.\d{1,20}-\d{1,20}-\d{1,3}\.jpg\Z")
CAMERA = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class Crop(msgspec.Struct, frozen=True, kw_only=True):
    """One crop of a vehicle.

    url: a JPEG of this server.
    captured: its capture time.
    quality: in [0, 1].
    """

    url: str
    captured: datetime
    quality: float


class CropFolder:
    """Crops that are found by a tracklet's id. kept: None where the configuration keeps none."""

    def __init__(self, folder: Path | None) -> None:
        self.kept = folder

    @property
    def shown(self) -> bool:
        """True where vehicles have crops."""
        return self.kept is not None

    def best(self, tracklet: str) -> str | None:
        """URL of a tracklet's best crop, None where there is none (yet)."""
        place = self._place(tracklet)
        if place is None or not place.with_name(f"{place.name}-0.jpg").is_file():
            return None
        return f"/crops/{place.parent.name}/{place.name}-0.jpg"

    def of(self, tracklet: str) -> list[Crop]:
        """Every crop of a tracklet, best first; none where its index is not there or is damaged."""
        place = self._place(tracklet)
        return [] if place is None else crops_of(place.parent.name, self.index(place.parent.name, place.name))

    def index(self, camera: str, name: str) -> bytes:
        """The index of a tracklet's crops by its camera and `EPOCH-TRACK`; empty where there is none."""
        if self.kept is None or not CAMERA.match(camera) or not PLACE.match(name):
            return b""
        try:
            return (self.kept / camera / f"{name}.json").read_bytes()
        except OSError:
            return b""

    def file(self, camera: str, name: str) -> Path | None:
        """The file of a crop's URL; None for whatever is not one, a link or a way out of the folder included."""
        if self.kept is None or not CAMERA.match(camera) or not FILE.match(name):
            return None
        path = self.kept / camera / name
        if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
            return None
        return path

    def _place(self, tracklet: str) -> Path | None:
        named = place_of(tracklet)
        return None if named is None or self.kept is None else self.kept / named[0] / named[1]


def place_of(tracklet: str) -> tuple[str, str] | None:
    """Camera and `EPOCH-TRACK` of a tracklet; None for what is no id of one."""
    parts = TRACKLET.match(tracklet)
    return None if parts is None else (parts[1], f"{parts[2]}-{parts[3]}")


def crops_of(camera: str, index: bytes) -> list[Crop]:
    """The crops that an index names; none where it is empty or damaged."""
    try:
        stored = msgspec.json.decode(index, type=StoredTracklet)
    except msgspec.MsgspecError:
        return []
    return [
        Crop(url=f"/crops/{camera}/{crop.file}", captured=time_of(crop.captured_ns), quality=crop.quality)
        for crop in stored.crops
        if FILE.match(crop.file)
    ]
