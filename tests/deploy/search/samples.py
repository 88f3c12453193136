"""Sightings and indexes to test with."""

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from associate.sightings.sighting import Sighting
from deploy.search.index.writer import IndexWriter
from deploy.search.settings import SearchSettings
from embed.observation import pack_vector
from ingest.clock import NS

ENCODER = "tiny@1"
DIM = 8


def look(number: int, dim: int = DIM) -> NDArray[np.float32]:
    """A vector of norm 1, as it is after its trip through halves."""
    vector = np.random.default_rng(number).standard_normal(dim).astype(np.float32)
    halves = (vector / np.linalg.norm(vector)).astype(np.float16).astype(np.float32)
    return np.asarray(halves / np.linalg.norm(halves), np.float32)


def sighting(
    number: int, *, camera: str = "north", encoder: str = ENCODER, label: str = "car", identity: str | None = None,
    colour: str | None = None,
) -> Sighting:  # fmt: skip
    """The sighting of a vehicle that comes in a second of its own, by the camera's track of that number."""
    return Sighting(
        tracklet=f"{camera}|1.0|{number}",
        camera=camera,
        encoder=encoder,
        vector=pack_vector(look(number)),
        first_ns=number * NS,
        last_ns=number * NS + NS // 2,
        appended_ns=number * NS + NS,
        label=label,
        quality=0.5,
        colour=colour,
        identity=identity,
    )


def started(target: Callable[..., None], *arguments: object) -> ForkServerProcess:
    """Call a test module's function in a process of its own, forked from one that has imported it, without threads."""
    context = get_context("forkserver")
    context.set_forkserver_preload([target.__module__])
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def settings(folder: Path, **changes: float) -> SearchSettings:
    return SearchSettings(folder=str(folder / "index"), **changes)  # type: ignore[arg-type]


def filled(folder: Path, sightings: list[Sighting], *, coded: bool = True) -> IndexWriter:
    """A writer that has taken in some sightings, a thousand at a time."""
    writer = IndexWriter(settings(folder), coded=coded)
    for begin in range(0, len(sightings), 1000):
        writer.take(sightings[begin : begin + 1000], [], {"observations": begin + 1000})
    return writer
