"""Knowledge of an index: linked vehicles teach how to find others."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from associate.sightings.sighting import Filter, Sighting
from deploy.search.asking import Query, search
from deploy.search.index.reader import SightingsIndex
from deploy.search.knowledge import Knowledge
from embed.observation import pack_vector
from ingest.clock import NS
from tests.deploy.search.samples import ENCODER, filled, sighting

CAMERAS = ("north", "south")
DIM, LINKED, ASKED = 128, 60, 40


def look(number: int, view: int) -> NDArray[np.float32]:
    """A vehicle's look; light and pose change it a lot, in four directions."""
    changing = np.random.default_rng(5).standard_normal((4, DIM))
    directions = changing / np.linalg.norm(changing, axis=1, keepdims=True)
    of_view = np.random.default_rng((number, view))
    vector = np.random.default_rng(number).standard_normal(DIM) + 12 * of_view.standard_normal(4) @ directions
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def sightings(*, linked: bool, encoder: str = ENCODER) -> list[Sighting]:
    """Vehicles that pass two cameras; association has linked the first of them, or none."""
    return [
        msgspec.structs.replace(
            sighting(number, camera=camera, encoder=encoder),
            identity=f"z-{number}" if linked and number < LINKED else None,
            vector=pack_vector(look(number, view)),
            first_ns=(10 * number + 30 * view) * NS,
            last_ns=(10 * number + 30 * view + 3) * NS,
        )
        for view, camera in enumerate(CAMERAS)
        for number in range(LINKED + ASKED)
    ]


def rank_1(index: SightingsIndex) -> float:
    """Share of vehicles without identity whose other sighting comes first, asked for by an image of the one."""
    right = 0
    for number in range(LINKED, LINKED + ASKED):
        wanted = Filter(cameras=(CAMERAS[1],))
        best = search(index, Query(vectors=look(number, 0)[None], encoder=ENCODER, wanted=wanted)).vehicles[0]
        right += best.sightings[0].sighting.tracklet == f"south|1.0|{number}"
    return right / ASKED


def test_linked_vehicles_teach_what_to_overlook_in_others(tmp_path: Path) -> None:
    filled(tmp_path / "linked", sightings(linked=True)).close()
    filled(tmp_path / "unlinked", sightings(linked=False)).close()
    linked, unlinked = (SightingsIndex(tmp_path / name / "index") for name in ("linked", "unlinked"))
    assert Knowledge.of(unlinked, ENCODER).shrinking is None
    assert rank_1(linked) > rank_1(unlinked) + 0.2


def test_links_of_another_encoder_teach_nothing(tmp_path: Path) -> None:
    """The same vehicles, embedded anew by another encoder: their identities are known by the former one's sightings."""
    former = [
        msgspec.structs.replace(each, tracklet=f"{each.tracklet}0") for each in sightings(linked=True, encoder="f@1")
    ]
    filled(tmp_path, [*former, *sightings(linked=False)]).close()
    index = SightingsIndex(tmp_path / "index")
    assert Knowledge.of(index, ENCODER).shrinking is None
    assert Knowledge.of(index, "f@1").shrinking is not None


@pytest.mark.parametrize("first", [0, 1])
def test_an_index_of_one_sighting_is_asked_too(tmp_path: Path, first: int) -> None:
    filled(tmp_path, sightings(linked=True)[first : first + 1]).close()
    assert search(SightingsIndex(tmp_path / "index"), Query(vectors=look(0, 0)[None], encoder=ENCODER)).vehicles
