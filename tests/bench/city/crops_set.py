"""Crops of the city and real ones as arrays, for the benches that compare them."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.masks import GrabCutMasker, Mask
from detect.openvino_network import OpenVinoNetwork
from ingest.frame import Image
from ingest.synthetic.camera.spec import Projection
from ingest.synthetic.world.presets import find_camera
from ingest.truth import decode_mask
from tests.bench.tracking import DATA
from training.datasets.city.dataset import CitySettings, make_plan, write_city_set
from training.datasets.city.drives import FEWEST_PLACES, Drive, car_px, view_deg
from training.datasets.city.shards import Plan
from training.datasets.images import read_image

WORKERS = 2
REAL_KINDS = {"motorcycle": 229, "car": 86, "truck": 39, "bus": 3}
"""Of the real two-camera set's vehicles."""
REAR_DEG = 35.0
"""Both cameras of the real set look at the rear; seen from farther aside is another view."""
REAR_PX = 55.0
"""How wide a car is there, at least: the real set was taken from near."""
OUTSIDE_SHARE = 0.06
"""Of a real crop's sides that its vehicle's box leaves free."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One crop: picture, whose and which camera's it is, (4,) the vehicle's box in it, its mask, and what it shows."""

    image: Image
    identity: str
    camera: str
    kind: str
    box: NDArray[np.float32]
    mask: Mask


def reid_0277() -> OpenVinoNetwork:
    """The peer; pytest.skip is the caller's business where it is not there."""
    return OpenVinoNetwork(DATA / "weights" / "person-reidentification-retail-0277.xml", threads=2)


def features(network: OpenVinoNetwork, images: Sequence[Image]) -> Vectors:
    """(N, 256) rows of norm 1."""
    rows = np.stack([next(iter(network(network.stretch(image)).values())).reshape(-1) for image in images])
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def two_cameras(presets: tuple[str, ...], identities: int, seed: int) -> Plan:
    """A plan like the real two-camera set: its kinds, one rear view in each of the two cameras that see most rears."""
    count = sum(len(find_camera(name, 0)[0].cameras) for name in presets)
    plan = make_plan(CitySettings(identities, count, views=1, seed=seed, presets=presets, test_share=1.0))
    rears = [_rears(drives, plan, camera) for camera, drives in enumerate(plan.drives)]
    best = sorted(range(count), key=lambda camera: -sum(len(drive) for drive in rears[camera]))[:2]
    kinds = [kind for kind, number in REAL_KINDS.items() for _ in range(number)]
    order = np.random.default_rng((seed, 3)).permutation(len(kinds)).tolist()
    return replace(
        plan,
        cameras=tuple(plan.cameras[at] for at in best),
        drives=tuple(tuple(rears[at]) for at in best),
        kinds=tuple(kinds[row] for row in order),
    )


def _rears(drives: Sequence[Drive], plan: Plan, camera: int) -> list[Drive]:
    """Of each drive the places that show the rear, as large as in the real set."""
    _, spec = find_camera(plan.cameras[camera].preset, plan.cameras[camera].index)
    projection = Projection(spec.pose, spec.width, spec.height)
    kept = []
    for drive in drives:
        rear = np.array([abs(view_deg((x_m, y_m, turn), spec)) < REAR_DEG for x_m, y_m, turn, _ in drive.tolist()])
        rear &= car_px(drive, projection) >= REAR_PX
        if rear.sum() >= FEWEST_PLACES:
            kept.append(drive[rear])
    return kept


def city_shots(plan: Plan, *, tell: Callable[[int], None] = lambda done: None) -> list[Shot]:
    """Render a plan into a folder that is gone afterwards, and read its crops, by name."""
    with tempfile.TemporaryDirectory(prefix="corridor-city-set-") as folder:
        out = Path(folder) / "set"
        write_city_set(out, plan, workers=WORKERS, on_progress=tell)
        rows = [json.loads(line) for line in (out / "boxes_and_masks.jsonl").read_text().splitlines()]
        return [
            Shot(
                read_image(out / row["folder"] / row["image"]),
                row["image"].split("_")[0],
                row["image"].split("_")[1],
                row["kind"],
                np.array(row["detected_xyxy"], np.float32),
                decode_mask(row["mask"], tuple(row["size"])),
            )
            for row in sorted(rows, key=lambda row: str(row["image"]))
        ]


def real_pairs() -> list[Shot]:
    """The two-camera set, by name; boxes and masks are guesses."""
    shots = []
    for path in sorted((DATA / "reid" / "hcmc_two_camera").glob("*.jpg")):
        kind, number, camera = path.stem.split("_")
        shots.append(_real(path, f"{kind}_{number}", camera, kind))
    return shots


def real_others(count: int, rng: np.random.Generator) -> list[Shot]:
    """Some of the real crops without identities; the video or the class stands for the identity."""
    shots = []
    for folder in ("road", "cctv"):
        paths = sorted((DATA / "reid" / "unlabelled" / folder).rglob("*.jpg"))
        for row in rng.choice(len(paths), count // 2, replace=False).tolist():
            group = paths[row].stem.rpartition("_mp4")[0] if folder == "road" else f"cctv-{row // 10}"
            shots.append(_real(paths[row], group, folder, folder))
    return shots


def _real(path: Path, identity: str, camera: str, kind: str) -> Shot:
    image = read_image(path)
    height, width = image.shape[:2]
    inset = OUTSIDE_SHARE * np.array([width, height])
    box = np.concatenate([inset, (width, height) - inset]).astype(np.float32)
    return Shot(image, identity, camera, kind, box, np.zeros((height, width), np.bool_))


def with_masks(shots: Sequence[Shot]) -> list[Shot]:
    """The same with guessed masks where there is none."""
    masker = GrabCutMasker()
    return [shot if shot.mask.any() else replace(shot, mask=masker(shot.image, shot.box)) for shot in shots]


def hsv_histogram(image: Image, mask: Mask | None = None) -> Vectors:
    """(512,) of norm 1: counts of hue, saturation and value in 8 x 8 x 8 bins, compared by their cosine."""
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    chosen = None if mask is None else mask.astype(np.uint8)
    counts = cv2.calcHist([hsv], [0, 1, 2], chosen, [8, 8, 8], [0, 180, 0, 256, 0, 256]).reshape(-1)
    return np.asarray(counts / max(float(np.linalg.norm(counts)), 1e-6), np.float32)


def hits(query: Vectors, gallery: Vectors) -> NDArray[np.bool_]:
    """(N,) whether the most similar of N gallery images is of the query's vehicle, which has the same row."""
    return np.asarray((query @ gallery.T).argmax(1) == np.arange(len(query)), np.bool_)
