"""Crops of vehicles whose type is known, by the source that is left out together, with the view that each shows."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detect.detections import Detections
from embed.crops import Crop, cut_crop
from embed.vehicle_types import VEHICLE_TYPES
from ingest.synthetic.world.presets import UNSEEN
from ingest.video import RecordedVideo
from training.datasets.city.dataset import CitySettings, make_plan, write_city_set
from training.datasets.images import list_images, read_image
from training.evaluation.exported_vectors import whole_crop
from training.scoring.truth import read_mot

CCTV = {"bike": "motorcycle", "car": "car", "juggernaut": "truck", "minibus": "van", "truck": "truck"}
"""Its pickups are left out: counts have them as cars in one country and as vans in another."""
EVERY_CCTV = 3
"""Neighbouring numbers are sometimes the same vehicle."""
CLIPS = ("jamcam_06514", "jamcam_03604")
CLIP_TYPES = {1: "car", 2: "truck", 3: "bus", 4: "motorcycle", 5: "van"}
"""Classes of the clips' truth."""
EVERY_FRAME = 8
LEAST_PX = 24
"""Shorter side of a true box from which a crop of it is taken."""
CITY = CitySettings(identities=24, cameras=8, views=1, seed=16, test_share=0.0)
"""The kinds in equal parts, before the cameras that encoders were trained on."""
UNSEEN_CITY = CitySettings(identities=144, cameras=8, views=1, seed=4117, presets=UNSEEN, test_share=1.0)
"""The mix of real traffic, before cameras that nothing was trained on."""


@dataclass(frozen=True, slots=True, eq=False)
class TypedCrop:
    """One crop: the vehicle's type, whose it is within its source, and the view."""

    crop: Crop
    vehicle_type: str
    vehicle: str
    view: str


def cctv_crops(folder: Path) -> Iterator[TypedCrop]:
    """Crops of one roadside camera, named `<class><number>.jpg`."""
    for name in list_images(folder):
        kind, number = name[:-4].rstrip("0123456789"), name[:-4].lstrip("abcdefghijklmnopqrstuvwxyz")
        if kind in CCTV and int(number) % EVERY_CCTV == 0:
            yield TypedCrop(whole_crop(read_image(folder / name)), CCTV[kind], f"{kind}{number}", "from the roadside")


def two_camera_crops(folder: Path) -> Iterator[TypedCrop]:
    """Crops of the two-camera set, named `<type>_<id>_cam<k>.jpg`."""
    for name in list_images(folder):
        kind, number, _ = name.split("_")
        yield TypedCrop(whole_crop(read_image(folder / name)), kind, f"{kind}_{number}", "rear")


def clip_crops(video: Path, truth_file: Path) -> Iterator[TypedCrop]:
    """Crops of a clip's true boxes, a few a second."""
    truth = read_mot(truth_file)
    known = truth.considered & np.isin(truth.classes, list(CLIP_TYPES))
    known &= (truth.boxes[:, 2:] - truth.boxes[:, :2]).min(axis=1) >= LEAST_PX
    for frame in RecordedVideo(video, video.stem).frames():
        for row in (
            np.flatnonzero(known & (truth.frames == frame.sequence + 1)) if not frame.sequence % EVERY_FRAME else ()
        ):
            crop = cut_crop(frame, Detections.of(truth.boxes[row][None]), 0, 1.0)
            if crop is not None:
                kind = CLIP_TYPES[int(truth.classes[row])]
                yield TypedCrop(crop, kind, str(truth.ids[row]), "over the road")


def city_crops(folder: Path) -> Iterator[TypedCrop]:
    """Crops of a city set; its pickups are left out as well."""
    rows = [json.loads(line) for line in (folder / "boxes_and_masks.jsonl").read_text().splitlines()]
    for row in sorted(rows, key=lambda row: str(row["image"])):
        if row["kind"] in VEHICLE_TYPES and not row["model"].startswith("pickup"):
            crop = whole_crop(read_image(folder / row["folder"] / row["image"]))
            crop = replace(crop, box_xyxy=np.array(row["detected_xyxy"], np.float32))
            yield TypedCrop(crop, row["kind"], row["image"].split("_")[0], view_name(abs(row["view_deg"])))


def view_name(degrees: float) -> str:
    """Name a view by its angle off the rear, 0 to 180."""
    return "rear" if degrees < 45 else "side" if degrees <= 135 else "front"


def city_set(folder: Path, settings: CitySettings = CITY) -> Path:
    """The folder of a city set, which is rendered where it is not there (some minutes)."""
    if not (folder / "cameras.json").exists():
        plan = make_plan(settings)
        if settings is CITY:
            plan = replace(plan, kinds=VEHICLE_TYPES)
        write_city_set(folder, plan, workers=1, on_progress=lambda shards: None)
    return folder
