"""Crops with a known type: which files and boxes count, and as what."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.vehicle_types.examples import cctv_crops, city_crops, clip_crops, two_camera_crops, view_name


def write(path: Path, width: int = 30, height: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))


def test_every_third_of_the_roadside_crops_without_pickups(tmp_path: Path) -> None:
    for name in ("bike3", "bike4", "juggernaut30", "pickup3", "minibus9", "car12", "truck6"):
        write(tmp_path / f"{name}.jpg")
    found = {each.vehicle: each.vehicle_type for each in cctv_crops(tmp_path)}
    assert found == {
        "bike3": "motorcycle",
        "juggernaut30": "truck",
        "minibus9": "van",
        "car12": "car",
        "truck6": "truck",
    }


def test_both_crops_of_a_vehicle_of_two_cameras(tmp_path: Path) -> None:
    for camera in (1, 2):
        write(tmp_path / f"bus_0003_cam{camera}.jpg", 124, 62)
    one, other = two_camera_crops(tmp_path)
    assert (one.vehicle, one.vehicle_type, one.view) == (other.vehicle, "bus", "rear")
    assert one.crop.box_xyxy.tolist() == pytest.approx([12, 6, 112, 56])


@pytest.mark.parametrize(
    ("degrees", "view"), [(0, "rear"), (44.9, "rear"), (45, "side"), (135, "side"), (180, "front")]
)
def test_views(degrees: float, view: str) -> None:
    assert view_name(degrees) == view


def test_the_city_without_pickups_with_the_detector_s_box(tmp_path: Path) -> None:
    about = {"folder": "image_train", "view_deg": -170.0, "detected_xyxy": [1.0, 2.0, 20.5, 15.0]}
    models = (("saloon-1", "car"), ("pickup-2", "car"), ("bus-12m", "bus"))
    rows = [
        {"image": f"{number:04d}_c001_0_0.jpg", "model": model, "kind": kind, **about}
        for number, (model, kind) in enumerate(models, 1)
    ]
    for row in rows:
        write(tmp_path / str(row["folder"]) / str(row["image"]))
    (tmp_path / "boxes_and_masks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = list(city_crops(tmp_path))
    assert [(each.vehicle, each.vehicle_type, each.view) for each in found] == [
        ("0001", "car", "front"),
        ("0003", "bus", "front"),
    ]
    assert found[0].crop.box_xyxy.tolist() == [1.0, 2.0, 20.5, 15.0]


def test_true_boxes_of_a_clip(shared_data: Path) -> None:
    video = shared_data / "video"
    found = list(clip_crops(video / "jamcam_06514.mp4", video / "gt_mot" / "jamcam_06514.gt.txt"))
    assert {each.vehicle_type for each in found} == {"car", "truck", "bus", "motorcycle"}
    assert min((each.crop.box_xyxy[2:] - each.crop.box_xyxy[:2]).min() for each in found) >= 23.9
