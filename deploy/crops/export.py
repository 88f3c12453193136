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
from typing import BinaryIO

from deploy.crops.store import StoredCrop, StoredTracklet
from deploy.results.journeys import Journeys
from ingest.errors import ConfigError
from training.datasets.folder import CSV_NAME

_CAMERA = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_CROP = re.compile(r"^\d+\.\d+-\d+-\d+\.jpg\Z")


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """Counts of an export.

    `left_out` are stored tracklets that belong to no chosen vehicle; `gone` crops of chosen ones that have been
    deleted since they were stored.
    """

    images: int
    identities: int
    cameras: int
    left_out: int
    gone: int = 0


def export_crops(
    journeys: Journeys, tracklets: list[StoredTracklet], store: Path, out: Path, *, singles: bool = False
) -> ExportCounts:
    """Copy the crops of vehicles that more than one camera saw, or with `singles` of all, to a new folder.

    Raises ConfigError where the folder is not empty or cannot be written, nothing is left to export, or a stored
    tracklet names what is no crop of this store: another folder, a link.
    """
    chosen = {event.identity for event in journeys.linked}
    rows: list[tuple[str, str, str]] = []
    left_out = gone = 0
    for tracklet in tracklets:
        identity = journeys.identity_of.get(tracklet.tracklet)
        if identity is None or not (singles or identity in chosen):
            left_out += 1
            continue
        there = [crop.file for crop in tracklet.crops if _is_there(store, tracklet, crop)]
        gone += len(tracklet.crops) - len(there)
        rows += [(tracklet.camera, file, identity) for file in there]
    if not rows:
        raise ConfigError(
            f"no crop in {store} belongs to a vehicle that was linked ({len(chosen)} linked vehicles, "
            f"{len(tracklets)} stored tracklets, {gone} crops deleted meanwhile; were crops kept during this run?)"
        )
    written = _write(rows, store, out)
    return ExportCounts(
        images=len(written),
        identities=len({identity for _, _, identity in written}),
        cameras=len(Counter(camera for camera, _, _ in written)),
        left_out=left_out,
        gone=gone + len(rows) - len(written),
    )


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


def _write(rows: list[tuple[str, str, str]], store: Path, out: Path) -> list[tuple[str, str, str]]:
    """Copy camera, file, identity; returns the rows that were still there."""
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty; name another folder")
    written = []
    try:
        for camera, file, identity in rows:
            (out / "images" / camera).mkdir(parents=True, exist_ok=True)
            with _opened(store, camera, file) as source:
                if source is None:
                    continue
                with (out / "images" / camera / file).open("xb") as target:
                    shutil.copyfileobj(source, target)
            written.append((camera, file, identity))
        with (out / CSV_NAME).open("w", newline="") as table:
            writer = csv.writer(table)
            writer.writerow(("path", "identity", "camera"))
            writer.writerows((f"images/{camera}/{file}", identity, camera) for camera, file, identity in written)
    except OSError as error:
        raise ConfigError(f"crops cannot be written to {out}: {error.strerror}") from error
    return written
