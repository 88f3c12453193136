"""A training set from one's own trajectories: the stored crops of every vehicle that was linked, and a table.

The indexes of a store are files like any other: nothing that stands in them is taken for a path. A crop is a plain file
in its camera's folder, with a name that a store gives, and it is opened without following links.
"""

import csv
import errno
import os
import re
import shutil
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from deploy.crops.store import StoredCrop, StoredTracklet
from deploy.results.journeys import Journeys
from ingest.errors import ConfigError
from training.datasets.folder import CSV_NAME, SPLITS

TRAIN, QUERY, GALLERY = SPLITS

_PART = "~"
"""Between an identity and the number of its part."""
_CAMERA = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_CROP = re.compile(r"^\d+\.\d+-\d+-\d+\.jpg\Z")


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """Counts of an export.

    `held_out` are those of the images that a camera's vehicles are tested by. Stored tracklets are left out that belong
    to no chosen vehicle: `unlinked` to none that several cameras saw, `cut` to one that a link which is not probable
    enough had made of several, `alone` to one that only the camera that is held out has seen. `cuts`: such links of the
    vehicles that there are crops of. `gone`: crops of chosen vehicles that have been deleted since they were stored.
    """

    images: int
    identities: int
    cameras: int
    unlinked: int = 0
    cut: int = 0
    alone: int = 0
    cuts: int = 0
    gone: int = 0
    held_out: int = 0

    @property
    def left_out(self) -> int:
        """Stored tracklets that are left out, for whatever reason."""
        return self.unlinked + self.cut + self.alone


class ExportedImage(NamedTuple):
    """A line of the table: a crop by its camera and file, whose it is, its part of the set, empty for none."""

    camera: str
    file: str
    identity: str
    split: str = ""


def export_crops(
    journeys: Journeys,
    tracklets: list[StoredTracklet],
    store: Path,
    out: Path,
    *,
    singles: bool = False,
    min_probability: float = 0.0,
    hold_out: str | None = None,
) -> ExportCounts:
    """Copy the crops of vehicles that more than one camera saw, or with `singles` of all, to a new folder.

    A link that is less probable than `min_probability` makes two vehicles of one. The vehicles that the camera
    `hold_out` has seen are not for training: its images ask for those by other cameras.

    Raises ConfigError where the folder is not empty or cannot be written, nothing is left to export, nothing to train
    on or to ask for, or a stored tracklet names what is no crop of this store: another folder, a link.
    """
    # Step 1: whose every stored tracklet is, and which vehicles are wanted
    owner, cuts = _owners(journeys, min_probability)
    cameras: dict[str, set[str]] = {}
    for tracklet in tracklets:
        cameras.setdefault(owner.get(tracklet.tracklet, ""), set()).add(tracklet.camera)
    linked = {event.identity for event in journeys.linked if event.identity not in cuts}
    linked |= {identity for identity, seen_by in cameras.items() if len(seen_by) > 1}
    # Step 2: their crops, each in its part
    rows: list[ExportedImage] = []
    gone = 0
    left_out = Counter[str]()
    for tracklet in tracklets:
        identity = owner.get(tracklet.tracklet, "")
        split = _split(tracklet.camera, cameras[identity], hold_out)
        if not identity or not (singles or identity in linked):
            left_out["cut" if _whole(identity) in cuts else "unlinked"] += 1
            continue
        if split is None:
            left_out["alone"] += 1
            continue
        there = [crop.file for crop in tracklet.crops if _is_there(store, tracklet, crop)]
        gone += len(tracklet.crops) - len(there)
        rows += [ExportedImage(tracklet.camera, file, identity, split) for file in there]
    if not rows:
        unsure = f"{sum(cuts.values())} links less probable than {min_probability:g}, " if min_probability else ""
        raise ConfigError(
            f"no crop in {store} belongs to a vehicle that was linked ({len(journeys.linked)} linked vehicles, {unsure}"
            f"{len(tracklets)} stored tracklets, {gone} crops deleted meanwhile; were crops kept during this run?)"
        )
    _check_parts(rows, hold_out)
    # Step 3: copies and the table
    written = _write(rows, store, out)
    return ExportCounts(
        images=len(written),
        identities=len({row.identity for row in written}),
        cameras=len({row.camera for row in written}),
        **left_out,
        cuts=sum(cuts[each] for each in {_whole(name) for name in owner.values() if name in cameras}),
        gone=gone + len(rows) - len(written),
        held_out=sum(row.split in (QUERY, GALLERY) for row in written),
    )


def _owners(journeys: Journeys, min_probability: float) -> tuple[dict[str, str], Counter[str]]:
    """Vehicles by tracklet id, and by identity the links that are not probable enough: behind each is another vehicle.

    Links are followed over all sightings, also those of which no crop is stored.
    """
    owner: dict[str, str] = {}
    cuts: Counter[str] = Counter()
    for identity, event in journeys.latest.items():
        for tracklet in (visit.tracklet for visit in event.visits):
            if journeys.identity_of.get(tracklet) == identity:
                if journeys.link_of.get(tracklet, 1.0) < min_probability:
                    cuts[identity] += 1
                owner[tracklet] = f"{identity}{_PART}{cuts[identity] + 1}" if identity in cuts else identity
    return owner, cuts


def _whole(name: str) -> str:
    """The identity that a vehicle is a part of."""
    return name.partition(_PART)[0]


def _split(camera: str, seen_by: set[str], hold_out: str | None) -> str | None:
    """Part of the set that a vehicle's images by a camera belong to; None for a vehicle that cannot be asked for."""
    if hold_out is None:
        return ""
    if hold_out not in seen_by:
        return TRAIN
    if len(seen_by) == 1:
        return None
    return QUERY if camera == hold_out else GALLERY


def _check_parts(rows: list[ExportedImage], hold_out: str | None) -> None:
    """Raise ConfigError where a camera is held out and nothing is left for training or for asking."""
    if hold_out is None:
        return
    parts = {row.split for row in rows}
    if QUERY not in parts:
        seen_by = ", ".join(sorted({row.camera for row in rows}))
        raise ConfigError(f"--hold-out {hold_out}: it has seen no linked vehicle (cameras that have: {seen_by})")
    if TRAIN not in parts:
        raise ConfigError(f"--hold-out {hold_out}: it has seen every linked vehicle, so that none is left to train on")


def _is_there(store: Path, tracklet: StoredTracklet, crop: StoredCrop) -> bool:
    """True where a crop can be copied; False if it has been deleted. Raises ConfigError for what is no crop."""
    if not (_CAMERA.match(tracklet.camera) and _CROP.match(crop.file)):
        raise ConfigError(
            f"an index in {store} names the camera {tracklet.camera!r} and the file {crop.file!r}, which is no crop of "
            "a store (something else has written there; delete that index)"
        )
    with _opened(store, tracklet.camera, crop.file) as file:
        return file is not None


@contextmanager
def _opened(store: Path, camera: str, file: str) -> Iterator[BinaryIO | None]:
    """Open a crop, None if it is not there; raises ConfigError where a link or no plain file stands in its place."""
    try:
        folder = os.open(store / camera, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            # Without O_NONBLOCK a pipe of that name would be waited for.
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        finally:
            os.close(folder)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        linked = error.errno in (errno.ELOOP, errno.ENOTDIR)
        reason = "is a link, which is not followed" if linked else f"cannot be read: {error.strerror}"
        raise ConfigError(f"the crop {store / camera / file}, or its folder, {reason}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ConfigError(f"the crop {store / camera / file} is no plain file")
    with os.fdopen(descriptor, "rb") as opened:
        yield opened


def check_new_folder(folder: Path) -> None:
    """Raise ConfigError unless nothing, or an empty folder, is at a path."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; name a folder")
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty; name another folder")


def _write(rows: list[ExportedImage], store: Path, out: Path) -> list[ExportedImage]:
    """Copy the crops and write the table; returns the rows that were still there."""
    check_new_folder(out)
    written = []
    try:
        for row in rows:
            camera, file = row.camera, row.file
            (out / "images" / camera).mkdir(parents=True, exist_ok=True)
            with _opened(store, camera, file) as source:
                if source is None:
                    continue
                with (out / "images" / camera / file).open("xb") as target:
                    shutil.copyfileobj(source, target)
            written.append(row)
        with (out / CSV_NAME).open("w", newline="") as table:
            writer = csv.writer(table)
            writer.writerow(("path", "identity", "camera", "split"))
            writer.writerows((f"images/{it.camera}/{it.file}", it.identity, it.camera, it.split) for it in written)
    except OSError as error:
        raise ConfigError(f"crops cannot be written to {out}: {error.strerror}") from error
    return written
