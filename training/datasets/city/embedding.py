"""Features of city tracklets: their few best crops rendered and encoded, or each vehicle's own vector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from detect.detections import Detections
from embed.crops import Crop, cut_crop
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame
from ingest.synthetic.camera.spec import CameraSpec
from ingest.synthetic.world.presets import Preset, timetable_of
from training.datasets.city.detector import NOBODY
from training.datasets.city.processes import run_batches

Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[Crop]], Vectors]
"""Masking and encoding of crops: (N, dim) rows of norm 1."""

BATCH_S = 1800.0
"""Longest part of the world's time that one process renders: it sets every camera up once."""
TOGETHER = 128
"""Crops that a process draws before it encodes them, forgets them, and says how far it is."""
PERFECT_DIM = 64
PERFECT_NOISE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class CropSource:
    """A crop to be taken: camera, number of the frame, the box (4,) float32 in it, and whose it is, as text."""

    camera: int
    sequence: int
    box: NDArray[np.float32]
    owner: str


def perfect_vectors(sources: Sequence[CropSource], seed: int) -> Vectors:
    """Vectors (N, 64) of an encoder without fault: every vehicle its own direction, all others far away."""
    rng = np.random.default_rng((seed, 1))
    vectors = np.zeros((len(sources), PERFECT_DIM), np.float32)
    for row, source in enumerate(sources):
        of_one = rng if source.owner == NOBODY else np.random.default_rng((seed, 2, int(source.owner)))
        vector = of_one.standard_normal(PERFECT_DIM)
        vector = vector / np.linalg.norm(vector) + PERFECT_NOISE * rng.standard_normal(PERFECT_DIM)
        vectors[row] = vector / np.linalg.norm(vector)
    return vectors


def rendered_vectors(
    preset: Preset,
    sources: Sequence[CropSource],
    make_embed: Callable[[], Embed],
    workers: int,
    on_progress: Callable[[int], None],
) -> tuple[Vectors, NDArray[np.float32]]:
    """Render crops in processes and encode them: (N, dim) vectors and (N,) sharpness factors.

    `on_progress` gets the number done. A source whose crop lies outside the frame has a vector of zeros.
    """
    spec_fps = [spec.fps for spec in preset.cameras]
    times_s = np.array([source.sequence / spec_fps[source.camera] for source in sources])
    order = np.argsort(times_s, kind="stable")
    size = max(1, -(-len(order) // max(workers, int(np.ptp(times_s) // BATCH_S) + 1))) if len(order) else 1
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    with TemporaryDirectory(prefix="corridor-city-") as folder:
        files = [Path(folder) / f"{number:06d}.npz" for number in range(len(parts))]
        batches = [
            partial(_render, preset, [sources[row] for row in part.tolist()], make_embed, file)
            for part, file in zip(parts, files, strict=True)
        ]
        run_batches(batches, workers, lambda: on_progress(sum(map(_done, files))), kept=False)
        vectors: list[Vectors] = []
        sharpnesses: list[NDArray[np.float32]] = []
        for file in files:
            with np.load(file) as stored:
                vectors.append(stored["vectors"])
                sharpnesses.append(stored["worths"])
    if not vectors:
        return np.empty((0, 1), np.float32), np.empty(0, np.float32)
    back = np.argsort(np.concatenate(parts), kind="stable")
    return np.concatenate(vectors)[back], np.concatenate(sharpnesses)[back]


def _render(
    preset: Preset,
    sources: Sequence[CropSource],
    make_embed: Callable[[], Embed],
    file: Path,
    wanted: Callable[[], bool],
) -> None:
    embed, count = make_embed(), _count_of(file)
    studios: dict[int, Studio] = {}
    there, sharpnesses, rows = np.zeros(len(sources), np.bool_), np.zeros(len(sources), np.float32), list[Vectors]()
    for start in range(0, len(sources), TOGETHER):
        crops: list[Crop] = []
        for number, source in enumerate(sources[start : start + TOGETHER], start):
            if not wanted():
                return
            if source.camera not in studios:
                studios[source.camera] = Studio(preset, preset.cameras[source.camera])
            crop = studios[source.camera].take(source)
            if crop is not None:
                there[number], sharpnesses[number] = True, crop.quality
                crops.append(crop)
        if crops:
            rows.append(embed(crops))
        count.write_bytes(min(start + TOGETHER, len(sources)).to_bytes(8))
    vectors = np.zeros((len(sources), rows[0].shape[1] if rows else 1), np.float32)
    vectors[there] = np.concatenate(rows) if rows else 0
    unfinished = file.with_suffix(".part.npz")
    np.savez(unfinished, vectors=vectors, worths=sharpnesses)
    unfinished.replace(file)


def _count_of(file: Path) -> Path:
    """Where the number of crops is that are drawn for a batch's file."""
    return file.with_suffix(".count")


def _done(file: Path) -> int:
    count = _count_of(file)
    return int.from_bytes(count.read_bytes()) if count.exists() else 0


class Studio:
    """One camera, which renders a vehicle with its surroundings."""

    def __init__(self, preset: Preset, spec: CameraSpec) -> None:
        from ingest.synthetic.render.snapshot import Snapshots  # Panda3D is an extra: only who renders needs it

        self._snapshots = Snapshots(preset, spec)
        self._spec = spec
        self._timetable = timetable_of(preset)

    def take(self, source: CropSource) -> Crop | None:
        time_s = source.sequence / self._spec.fps
        trips = self._timetable.near(time_s)
        there = [(trip.vehicle, pose) for trip in trips if (pose := trip.pose(time_s)) is not None]
        only = None if source.owner == NOBODY else int(source.owner)
        image = self._snapshots.image(there, source.sequence, only=only)
        frame = Frame("", source.sequence, round(time_s * NS), ClockQuality.SYNTHETIC, image)
        return cut_crop(frame, Detections.of(source.box[None]), 0, 1.0)
