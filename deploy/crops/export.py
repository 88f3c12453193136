"""A training set from one's own trajectories: the stored crops of every vehicle that was linked, and a table."""

import csv
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from deploy.crops.store import StoredTracklet
from deploy.results.journeys import Journeys
from ingest.errors import ConfigError
from training.datasets.folder import CSV_NAME


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """Counts of an export: `left_out` are stored tracklets that belong to no chosen vehicle."""

    images: int
    identities: int
    cameras: int
    left_out: int


def export_crops(
    journeys: Journeys, tracklets: list[StoredTracklet], store: Path, out: Path, *, singles: bool = False
) -> ExportCounts:
    """Copy the crops of vehicles that more than one camera saw, or with `singles` of all, to a new folder.

    Raises ConfigError where the folder is not empty or cannot be written, or nothing is left to export.
    """
    chosen = {event.identity for event in journeys.linked}
    rows, left_out = [], 0
    for tracklet in tracklets:
        identity = journeys.identity_of.get(tracklet.tracklet)
        if identity is None or not (singles or identity in chosen):
            left_out += 1
            continue
        rows += [(f"{tracklet.camera}/{crop.file}", identity, tracklet.camera) for crop in tracklet.crops]
    rows = [row for row in rows if (store / row[0]).exists()]
    if not rows:
        raise ConfigError(
            f"no crop in {store} belongs to a vehicle that was linked ({len(chosen)} linked vehicles, "
            f"{len(tracklets)} stored tracklets; were crops kept during this run?)"
        )
    _write(rows, store, out)
    cameras = Counter(camera for _, _, camera in rows)
    return ExportCounts(len(rows), len({identity for _, identity, _ in rows}), len(cameras), left_out)


def _write(rows: list[tuple[str, str, str]], store: Path, out: Path) -> None:
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty; name another folder")
    try:
        for name, _, camera in rows:
            (out / "images" / camera).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(store / name, out / "images" / name)
        with (out / CSV_NAME).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("path", "identity", "camera"))
            writer.writerows((f"images/{name}", identity, camera) for name, identity, camera in rows)
    except OSError as error:
        raise ConfigError(f"crops cannot be written to {out}: {error.strerror}") from error
