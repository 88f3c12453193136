"""`python -m tests.bench city_identity`: what gives a vehicle away in the city and on real crops, under one protocol.

Query camera 1, gallery camera 2, one rear view of each vehicle in each, 357 vehicles.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from detect.masks import Mask
from embed.colour import embed_crop
from embed.crops import Crop
from ingest.frame import Image
from tests.bench.city.crops_set import (
    Shot,
    Vectors,
    city_shots,
    features,
    hits,
    hsv_histogram,
    real_pairs,
    reid_0277,
    two_cameras,
    with_masks,
)
from tests.bench.measure import table
from tests.bench.tracking import DATA

IDENTITIES = 357
SPARE = 60
"""Vehicles more than are needed: some are not seen well by both cameras."""
SEEDS = (101, 102)
PRESETS = ("rush-hour", "smooth")
KINDS = ("motorcycle", "car", "truck")
REACH_PX = 5
"""What is so near to a vehicle's outline is not background: blur and compression carry its colour there."""

Describe = Callable[[Sequence[Shot]], Vectors]


def outside(shot: Shot) -> Mask:
    """The background of a crop, away from the vehicle."""
    kernel = np.ones((2 * REACH_PX + 1, 2 * REACH_PX + 1), np.uint8)
    return np.asarray(cv2.dilate(shot.mask.astype(np.uint8), kernel) == 0, np.bool_)


def without_vehicle(shot: Shot) -> Image:
    """The crop with the vehicle's whole box painted over, so that its outline does not show either."""
    image = shot.image.copy()
    left, top = np.maximum(np.floor(shot.box[:2]).astype(int) - 2, 0)
    right, bottom = np.ceil(shot.box[2:]).astype(int) + 2
    image[top:bottom, left:right] = 127
    return image


def colours(shots: Sequence[Shot]) -> Vectors:
    """The project's colour encoder, inside the masks."""
    return np.stack([embed_crop(Crop(shot.image, shot.box, 1.0, 0, shot.mask)) for shot in shots])


def describers() -> dict[str, Describe]:
    """By name: what is looked at, and how."""
    network = reid_0277()
    return {
        "background, HSV histogram": lambda shots: np.stack(
            [hsv_histogram(s.image, outside(s)) for s in with_masks(shots)]
        ),
        "background, 0277": lambda shots: features(network, [without_vehicle(shot) for shot in shots]),
        "HSV histogram": lambda shots: np.stack([hsv_histogram(shot.image) for shot in shots]),
        "colour encoder": lambda shots: colours(with_masks(shots)),
        "0277": lambda shots: features(network, [shot.image for shot in shots]),
    }


def pairs(shots: Sequence[Shot]) -> tuple[list[Shot], list[Shot]]:
    """The first 357 vehicles that both cameras have, in the first and in the second camera."""
    first, second = sorted({shot.camera for shot in shots})
    sides = [{shot.identity: shot for shot in shots if shot.camera == camera} for camera in (first, second)]
    both = sorted(sides[0].keys() & sides[1].keys())[:IDENTITIES]
    return [sides[0][each] for each in both], [sides[1][each] for each in both]


def scores(shots: Sequence[Shot], ways: dict[str, Describe]) -> dict[str, float]:
    """Rank-1 of each way, and of the last one by kind among all others."""
    query, gallery = pairs(shots)
    shares = {}
    right = np.zeros(len(query), np.bool_)
    for name, way in ways.items():
        right = hits(way(query), way(gallery))
        shares[name] = float(right.mean())
    for kind in KINDS:
        shares[f"0277, {kind}"] = float(right[[shot.kind == kind for shot in query]].mean())
    return shares


def main() -> None:
    """One table: rank-1 on the city, one column a seed, and on the real set."""
    if not (DATA / "reid" / "hcmc_two_camera").is_dir():
        print(f"skipped: there is no {DATA}/reid/hcmc_two_camera (set CORRIDOR_DATA; tests/data/SOURCES.md)")
        return
    ways = describers()
    columns = {}
    for seed in SEEDS:
        shots = city_shots(two_cameras(PRESETS, IDENTITIES + SPARE, seed))
        columns[f"city, seed {seed}"] = scores(shots, ways) | {"vehicles": float(len(pairs(shots)[0]))}
    real = real_pairs()
    columns["real"] = scores(real, ways) | {"vehicles": float(len(pairs(real)[0]))}
    names = [name for name in columns["real"] if name != "vehicles"]
    rows = [[name, *(f"{column[name]:.3f}" for column in columns.values())] for name in names]
    rows.append(["vehicles", *(f"{column['vehicles']:.0f}" for column in columns.values())])
    rows.append(["3 x chance", *(f"{3 / column['vehicles']:.3f}" for column in columns.values())])
    table(["rank-1 from", *columns], rows)


if __name__ == "__main__":
    main()
