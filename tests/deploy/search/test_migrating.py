"""Migration: kept crops are embedded anew, what has no crop stays and is counted."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from associate.sightings.sighting import Filter
from deploy.crops.store import CropSettings, CropStore
from deploy.search.index.reader import SightingsIndex
from deploy.search.migrating import migrate
from embed.crops import Crop
from embed.observation import TrackletState
from ingest.clock import ManualClock
from ingest.frame import Image
from tests.deploy.search.samples import ENCODER, filled, look, sighting
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
