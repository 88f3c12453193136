"""Sums of the vectors that each camera gave: similarities are read relative to what a camera sees."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from associate.sightings.similarity import CameraMeans
from deploy.search.index.statements import Statements


def add_to_means(db: Statements, vectors: Iterable[tuple[int, int, NDArray[np.floating]]], *, sign: int = 1) -> None:
    """Count (encoder, camera, vector) in, or out again with a sign of -1, within a transaction."""
    by_camera: dict[tuple[int, int], list[NDArray[np.floating]]] = {}
    for encoder, camera, vector in vectors:
        by_camera.setdefault((encoder, camera), []).append(vector)
    for (encoder, camera), rows in by_camera.items():
        total = np.asarray(sign * np.sum(rows, axis=0, dtype=np.float64), np.float64)
        row = db.execute(
            "SELECT total, count FROM means WHERE encoder = ? AND camera = ?", (encoder, camera)
        ).fetchone()
        known, count = (np.frombuffer(row[0], "<f8"), row[1]) if row else (np.zeros_like(total), 0)
        count += sign * len(rows)
        if count <= 0:  # what is left of a single vector would be that vector
            db.execute("DELETE FROM means WHERE encoder = ? AND camera = ?", (encoder, camera))
            continue
        packed = np.asarray(known + total, "<f8").tobytes()
        db.execute(
            "INSERT INTO means VALUES (?, ?, ?, ?) ON CONFLICT (encoder, camera) "
            "DO UPDATE SET total = excluded.total, count = excluded.count",
            (encoder, camera, packed, count),
        )


def read_means(db: Statements, encoder: int) -> CameraMeans:
    """The means of one encoder's vectors, by the number of the camera."""
    rows = db.execute("SELECT camera, total, count FROM means WHERE encoder = ?", (encoder,)).fetchall()
    return CameraMeans({camera: (np.frombuffer(total, "<f8"), count) for camera, total, count in rows})
