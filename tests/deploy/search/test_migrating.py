"""Migration: kept crops are embedded anew, what has no crop stays and is counted."""

import random
import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from associate.sightings.sighting import Filter
from deploy.crops.store import CropSettings, CropStore
from deploy.search.index.reader import SightingsIndex
from deploy.search.index.writer import IndexWriter
from deploy.search.migrating import migrate
from embed.crops import Crop
from embed.observation import TrackletState
from ingest.clock import ManualClock
from ingest.frame import Image
from tests.deploy.search.samples import ENCODER, filled, look, settings, sighting, started
from tests.embed.samples import observation


class Brightness:
    """An encoder of one number: how bright an image is, as an angle."""

    id = "brightness@1"

    def __call__(self, images: Sequence[Image], boxes_xyxy: NDArray[np.floating]) -> NDArray[np.float32]:
        assert boxes_xyxy.shape == (len(images), 4)
        angles = np.array([image.mean() / 255 for image in images])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_what_has_crops_moves_and_the_rest_stays(tmp_path: Path) -> None:
    store = CropStore(CropSettings(keep=True, folder=str(tmp_path / "crops")), ManualClock())
    crop = Crop(np.full((20, 30, 3), 0, np.uint8), np.array([1, 1, 29, 19], np.float32), 0.5, 1)
    for number in (1, 2):
        seen = observation(track=number, state=TrackletState.CLOSED)
        store.keep(seen, [replace(crop, image=np.full((20, 30, 3), 100 * number, np.uint8))])
    with closing(filled(tmp_path, [sighting(number, identity="z-1") for number in (1, 2, 3)])) as writer:
        counts = migrate(writer, tmp_path / "crops", Brightness())
        assert (counts.moved, counts.stayed) == (2, 1)
        with closing(SightingsIndex(tmp_path / "index")) as index:
            assert {name: size.sightings for name, size in index.encoders.items()} == {ENCODER: 1, "brightness@1": 2}
            bright = np.array([np.cos(200 / 255), np.sin(200 / 255)], np.float32)
            found = index.nearest("brightness@1", bright, Filter(), 9)
            moved = index.sightings(found.ids.tolist())
            assert [moved[each].tracklet for each in found.ids.tolist()] == ["north|1.0|2", "north|1.0|1"]
            assert {each.identity for each in moved.values()} == {"z-1"}
            assert len(index.nearest(ENCODER, look(3), Filter(), 9).ids) == 1
        assert migrate(writer, tmp_path / "crops", Brightness()).moved == 0
        assert not any(sighting(1).vector in path.read_bytes() for path in writer.folder.glob("sightings.db"))


COUNT = 400


def move(folder: Path) -> None:
    """Migrate, in a process of its own."""
    with closing(IndexWriter(settings(folder), coded=True)) as writer:
        migrate(writer, folder / "crops", Brightness())


def test_killed_again_and_again_it_moves_every_sighting_once(tmp_path: Path) -> None:
    rng, partly, longest_s = random.Random(20), set[int](), 0.05
    store = CropStore(CropSettings(keep=True, folder=str(tmp_path / "crops")), ManualClock())
    box = np.array([1, 1, 29, 19], np.float32)
    for number in range(COUNT):
        grey = np.full((20, 30, 3), number % 256, np.uint8)
        store.keep(observation(track=number, state=TrackletState.CLOSED), [Crop(grey, box, 0.5, 1)])
    filled(tmp_path, [sighting(number) for number in range(COUNT)]).close()
    for _ in range(20):
        process = started(move, tmp_path)
        time.sleep(rng.uniform(0, longest_s))
        process.kill()
        process.join()
        with closing(SightingsIndex(tmp_path / "index")) as index:
            sizes = {name: size.sightings for name, size in index.encoders.items()}
        assert sum(sizes.values()) == COUNT
        moved = sizes.get(Brightness.id, 0)
        longest_s *= 1.5 if moved in partly | {0} else 1  # on a slow machine it gets further all the same
        partly |= {moved} - {0, COUNT}
        if moved == COUNT and not partly:  # it was done before it was killed: once more, and sooner
            shutil.rmtree(tmp_path / "index")
            filled(tmp_path, [sighting(number) for number in range(COUNT)]).close()
            longest_s /= 3
    process = started(move, tmp_path)
    process.join()
    assert process.exitcode == 0
    assert partly, "no kill came in between"
    with closing(SightingsIndex(tmp_path / "index")) as index:
        assert {name: size.sightings for name, size in index.encoders.items()} == {Brightness.id: COUNT}
        dark = np.array([1.0, 0.0], np.float32)
        found = index.sightings(index.nearest(Brightness.id, dark, Filter(), COUNT).ids.tolist())
    assert sorted(each.tracklet for each in found.values()) == sorted(f"north|1.0|{each}" for each in range(COUNT))
