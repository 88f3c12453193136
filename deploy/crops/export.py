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

_CAMERA = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_CROP = re.compile(r"^\d+\.\d+-\d+-\d+\.jpg\Z")


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """Counts of an export.

    `held_out` are those of the images that a camera's vehicles are tested by; `left_out` stored tracklets that belong
    to no chosen vehicle; `gone` crops of chosen ones that have been deleted since they were stored.
    """

    images: int
    identities: int
    cameras: int
    left_out: int
    gone: int = 0
    held_out: int = 0


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
    owner, cut = _owners(journeys, tracklets, min_probability)
    cameras: dict[str, set[str]] = {}
    for tracklet in tracklets:
        cameras.setdefault(owner.get(tracklet.tracklet, ""), set()).add(tracklet.camera)
    linked = {event.identity for event in journeys.linked} - cut
    linked |= {identity for identity, seen_by in cameras.items() if len(seen_by) > 1}
    # Step 2: their crops, each in its part
    rows: list[ExportedImage] = []
    left_out = gone = 0
    for tracklet in tracklets:
        identity = owner.get(tracklet.tracklet, "")
        split = _split(tracklet.camera, cameras[identity], hold_out)
        if not identity or not (singles or identity in linked) or split is None:
            left_out += 1
            continue
        there = [crop.file for crop in tracklet.crops if _is_there(store, tracklet, crop)]
        gone += len(tracklet.crops) - len(there)
        rows += [ExportedImage(tracklet.camera, file, identity, split) for file in there]
    if not rows:
        raise ConfigError(
            f"no crop in {store} belongs to a vehicle that was linked ({len(journeys.linked)} linked vehicles, "
            f"{len(tracklets)} stored tracklets, {gone} crops deleted meanwhile; were crops kept during this run?)"
        )
    _check_parts(rows, hold_out)
    # Step 3: copies and the table
    written = _write(rows, store, out)
    return ExportCounts(
        images=len(written),
        identities=len({row.identity for row in written}),
        cameras=len({row.camera for row in written}),
        left_out=left_out,
        gone=gone + len(rows) - len(written),
        held_out=sum(row.split in (QUERY, GALLERY) for row in written),
    )


def _owners(
    journeys: Journeys, tracklets: list[StoredTracklet], min_probability: float
) -> tuple[dict[str, str], set[str]]:
    """Identities by tracklet id, and those that were cut: behind a link that is not probable enough is another one."""
    owner: dict[str, str] = {}
    part: Counter[str] = Counter()
    for tracklet in sorted(tracklets, key=lambda it: (it.first_ns, it.tracklet)):
        identity = journeys.identity_of.get(tracklet.tracklet)
        if identity is not None:
            part[identity] += journeys.link_of.get(tracklet.tracklet, 1.0) < min_probability
            owner[tracklet.tracklet] = identity if not part[identity] else f"{identity}~{part[identity] + 1}"
    return owner, {identity for identity, parts in part.items() if parts}


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


def _write(rows: list[ExportedImage], store: Path, out: Path) -> list[ExportedImage]:
    """Copy the crops and write the table; returns the rows that were still there."""
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty; name another folder")
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
