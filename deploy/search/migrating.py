"""Migration to another encoder: kept crops are embedded anew; sightings without crops stay as they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from associate.sightings.sighting import Sighting
from deploy.crops.store import crops_of
from deploy.search.index.catalogue import Catalogue, ids_of, names_of
from deploy.search.index.writer import IndexWriter
from embed.observation import pack_vector
from ingest.frame import Image

BATCH = 64
"""Tracklets whose crops are embedded together, and replaced in one transaction."""


class Embed(Protocol):
    """An encoder of images with a box each: `embed.vehicle_encoder.VehicleEncoder`."""

    @property
    def id(self) -> str: ...

    def __call__(self, images: Sequence[Image], boxes_xyxy: NDArray[np.floating]) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class MigrationCounts:
    """Sightings that have vectors of the new encoder now, and those that stay in the old space: no crop is left."""

    moved: int
    stayed: int


def migrate(writer: IndexWriter, crops: Path, encoder: Embed) -> MigrationCounts:
    """Embed the crops of all sightings by other encoders; the vector is the mean weighted with the crops' quality."""
    moved = stayed = 0
    for old in _others(writer.catalogue, encoder.id):
        rows = [(each, stored) for each in old if (stored := crops_of(crops, each.tracklet))]
        stayed += len(old) - len(rows)
        if not rows:
            continue
        images = [crop.image for _, stored in rows for crop in stored]
        boxes = np.stack([crop.box_xyxy for _, stored in rows for crop in stored])
        vectors, begin, anew = encoder(images, boxes), 0, []
        for each, stored in rows:
            weights = np.array([crop.quality + 1e-3 for crop in stored], np.float32)
            mean = (vectors[begin : begin + len(stored)] * weights[:, None]).sum(0)
            begin += len(stored)
            anew.append(_by(each, encoder.id, mean / np.linalg.norm(mean)))
        writer.replace(anew)
        moved += len(anew)
    return MigrationCounts(moved, stayed)


def _by(old: Sighting, encoder: str, vector: NDArray[np.float32]) -> Sighting:
    return msgspec.structs.replace(old, encoder=encoder, vector=pack_vector(vector))


def _others(catalogue: Catalogue, encoder: str) -> Iterator[list[Sighting]]:
    """Sightings by other encoders in batches, without their vectors."""
    with catalogue.snapshot() as db:
        names = {kind: names_of(db, kind) for kind in ("encoder", "camera", "label", "colour")}
        segments: list[tuple[Any, ...]] = db.execute("SELECT number, encoder, newest_ns FROM segments").fetchall()
    for number, made_by, newest_ns in segments:
        if names["encoder"][made_by] == encoder:
            continue
        rows = catalogue.select("SELECT * FROM sightings WHERE id BETWEEN ? AND ? ORDER BY id", *ids_of(number))
        for begin in range(0, len(rows), BATCH):
            yield [
                Sighting(
                    tracklet=tracklet,
                    camera=names["camera"][camera],
                    encoder=names["encoder"][made_by],
                    vector=b"",
                    first_ns=first_ns,
                    last_ns=last_ns,
                    appended_ns=newest_ns,
                    label=names["label"][label],
                    quality=quality,
                    colour=names["colour"].get(colour),
                    colour_score=colour_score,
                    identity=identity,
                )
                for _, tracklet, camera, label, colour, first_ns, last_ns, quality, colour_score, identity in rows[
                    begin : begin + BATCH
                ]
            ]
