"""Toy folders in the exact layouts of the published sets, each image a few pixels of its own colour."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np


def write_images(root: Path, names: Iterable[str]) -> None:
    """Small valid JPEGs, each of another colour."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.full((12, 16, 3), (40 + 37 * number % 200, 90, 200 - 29 * number % 150), np.uint8)
        path.write_bytes(cv2.imencode(".jpg", image)[1].tobytes())


def veri(root: Path) -> Path:
    """Two vehicles to train on, two to search; camera 3 has seen one of those twice."""
    test = ["0005_c003_00000010_0.jpg", "0005_c003_00000012_0.jpg", "0005_c007_00000300_0.jpg"]
    test += ["0006_c003_00000020_0.jpg", "0006_c019_00000330_0.jpg"]
    train = ["0001_c001_00016450_0.jpg", "0001_c004_00016480_0.jpg", "0002_c002_00030600_0.jpg"]
    train += ["0002_c005_00030640_0.jpg"]
    write_images(root, [f"image_train/{name}" for name in train])
    write_images(root, [f"image_test/{name}" for name in test])
    write_images(root, [f"image_query/{name}" for name in (test[0], test[3])])
    return root


def vehicleid(root: Path, *, extension: str = "") -> Path:
    """Three vehicles to train on; two in the small test list, these and two more in the large one."""
    lists = {
        "train_list": [("0000001", "11"), ("0000002", "11"), ("0000003", "12"), ("0000004", "12"), ("0000005", "12")],
        "test_list_800": [("0000010", "21"), ("0000011", "21"), ("0000012", "22"), ("0000013", "22")],
    }
    more = [("0000014", "23"), ("0000015", "23"), ("0000016", "24"), ("0000017", "24"), ("0000018", "24")]
    lists["test_list_2400"] = lists["test_list_800"] + more
    write_images(root, {f"image/{name}.jpg" for rows in lists.values() for name, _ in rows})
    (root / "train_test_split").mkdir()
    for name, rows in lists.items():
        text = "".join(f"{image}{extension} {identity}\n" for image, identity in rows)
        (root / "train_test_split" / f"{name}.txt").write_text(text)
    return root


def market1501(root: Path) -> Path:
    """With a junk box (-1), a distractor (0000), and the files that Windows leaves."""
    write_images(root / "bounding_box_train", ["0002_c1s1_000451_03.jpg", "0002_c2s1_000301_01.jpg"])
    write_images(root / "query", ["0003_c1s1_001000_00.jpg"])
    names = ["0003_c1s1_001001_00.jpg", "0003_c4s2_002001_00.jpg", "-1_c3s1_000401_03.jpg", "0000_c5s1_000151_01.jpg"]
    write_images(root / "bounding_box_test", names)
    (root / "bounding_box_test" / "Thumbs.db").write_bytes(b"not an image")
    return root


def msmt17(root: Path, *, folders: tuple[str, str] = ("train", "test")) -> Path:
    """Lists with numbers of their own for training and testing; identity 0 is somebody else in each."""
    trained, tested = folders
    lists = {
        "list_train": (trained, ["0000/0000_000_01_0303morning_0008_0.jpg", "0001/0001_000_05_0303noon_0010_0.jpg"]),
        "list_val": (trained, ["0000/0000_001_14_0303morning_0009_1.jpg"]),
        "list_query": (tested, ["0000/0000_000_02_0113morning_0033_0.jpg"]),
        "list_gallery": (tested, ["0000/0000_003_12_0113noon_0500_1.jpg", "0001/0001_000_02_0114noon_0001_0.jpg"]),
    }
    for name, (below, images) in lists.items():
        write_images(root / below, images)
        (root / f"{name}.txt").write_text("".join(f"{image} {int(image[:4])}\n" for image in images))
    return root


def two_camera(root: Path, *, cars: int = 12, motorcycles: int = 13) -> Path:
    """A car and a motorcycle may have the same number."""
    names = [f"car_{number:04d}" for number in range(cars)] + [f"motorcycle_{n:04d}" for n in range(motorcycles)]
    write_images(root, [f"{name}_cam{camera}.jpg" for name in names for camera in (1, 2)])
    return root


def by_identity(root: Path, *, identities: int = 10, images: int = 3) -> Path:
    """A folder an identity."""
    write_images(root, [f"van {name}/{number}.jpg" for name in range(identities) for number in range(images)])
    return root
