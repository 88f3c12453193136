"""Cameras and vehicles of the city that no training has seen, and the ones of a training set beside them."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.synthetic.world.presets import PRESETS, UNSEEN
from tests.bench.city.crops_set import WORKERS, Shot
from tests.bench.tracking import CACHE
from training.datasets.city.dataset import CitySettings, choose_cameras, make_plan, write_city_set
from training.datasets.city.shards import SetCamera
from training.datasets.city.unseen import APART_M, check_unseen, nearest_m
from training.datasets.images import read_image

SETTINGS = CitySettings(identities=144, cameras=8, views=1, seed=4117, presets=UNSEEN, test_share=1.0)
TRAINED = {
    "grl-64": CitySettings(identities=900, cameras=8, views=2),
    "second.toml": CitySettings(identities=576, cameras=8, views=2),
    "third.toml, city-320": CitySettings(identities=320, cameras=16, views=1, seed=3, test_share=0.0),
    "third.toml, city-640": CitySettings(identities=640, cameras=12, views=1, seed=4, test_share=0.0),
    "fourth.toml, city-480": CitySettings(identities=480, cameras=16, views=1, seed=5, test_share=0.0),
    "seventh.toml, city-300": CitySettings(identities=300, cameras=51, views=1, seed=6, test_share=0.0),
}
"""What the city crops of trained encoders were made by; a new training's set belongs here before it is measured."""
TRAINED_IN_TOWNS = {"eighth.toml, city-towns": 9}
"""Seeds of sets before cameras of generated towns, whose files are drawn where they are needed (training/LOG.md): they
stand on no street of a preset."""
FOLDER = CACHE / "unseen-city"


@dataclass(frozen=True, slots=True, eq=False)
class CityShots:
    """Crops of a city set, and of each: the view of the vehicle, the light of the camera, the longer side."""

    shots: list[Shot]
    view_deg: NDArray[np.float64]
    light: NDArray[np.str_]
    side_px: NDArray[np.int64]


class Drawn(NamedTuple):
    """The cameras and the seed of a set, without its drives, which take half a minute to find."""

    seed: int
    cameras: tuple[SetCamera, ...]

    @classmethod
    def of(cls, settings: CitySettings) -> "Drawn":
        return cls(settings.seed, choose_cameras(settings.presets or tuple(PRESETS), settings.cameras))


@cache
def unseen_shots() -> CityShots:
    """Crops before cameras that no training has seen; rendered once, into the cache.

    Cameras that stand where one of a training set does are left out. Raises ConfigError where any training set shares
    a preset or the vehicles.
    """
    everything = Drawn.of(SETTINGS)
    trained = [Drawn.of(each) for each in TRAINED.values()]
    trained += [Drawn(seed, ()) for seed in TRAINED_IN_TOWNS.values()]
    apart = [
        each for each in everything.cameras if nearest_m(each, [at for it in trained for at in it.cameras]) > APART_M
    ]
    check_unseen(Drawn(everything.seed, tuple(apart)), trained)
    if not (FOLDER / "cameras.json").exists():
        write_city_set(FOLDER, make_plan(SETTINGS), workers=WORKERS, on_progress=lambda shards: None)
    return read_shots(FOLDER, cameras=frozenset(everything.cameras.index(each) + 1 for each in apart))


def read_shots(
    folder: Path, identities: frozenset[int] | None = None, cameras: frozenset[int] | None = None
) -> CityShots:
    """Crops of a city set, of all its vehicles and cameras, which count from 1, or of some."""
    rows = [json.loads(line) for line in (folder / "boxes_and_masks.jsonl").read_text().splitlines()]
    wanted = [
        row
        for row in rows
        if (identities is None or int(row["image"].split("_")[0]) in identities)
        and (cameras is None or int(row["image"].split("_")[1][1:]) in cameras)
    ]
    wanted.sort(key=lambda row: str(row["image"]))
    described = json.loads((folder / "cameras.json").read_text())
    lights = [described[row["image"].split("_")[1]]["weather"]["light"] for row in wanted]
    shots = [_shot(folder, row) for row in wanted]
    views = np.array([row["view_deg"] for row in wanted], np.float64)
    sides = np.array([max(row["size"]) for row in wanted], np.int64)
    return CityShots(shots, views, np.array(lights), sides)


def _shot(folder: Path, row: dict[str, object]) -> Shot:
    """One crop without its true mask: the running system has to guess it as well."""
    name = str(row["image"])
    image = read_image(folder / str(row["folder"]) / name)
    identity, camera, *_ = name.split("_")
    box = np.array(row["detected_xyxy"], np.float32)
    return Shot(image, identity, camera, str(row["kind"]), box, np.zeros(image.shape[:2], np.bool_))


def neither_trained(folder_settings: CitySettings) -> tuple[frozenset[int], frozenset[int]]:
    """Identities of a known set that no training of its seed, which draws the vehicles, had, and those all had."""
    plans = [make_plan(each) for each in TRAINED.values() if each.seed == folder_settings.seed]
    everyone = range(1, folder_settings.identities + 1)
    unseen = frozenset(number for number in everyone if all(number in plan.test for plan in plans))
    seen = frozenset(number for number in everyone if not any(number in plan.test for plan in plans))
    return unseen, seen
