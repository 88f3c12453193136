"""Who finds priors: a detector with a masker, on images that share its batches, and the city."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from detect.detections import Detections
from detect.detector import OneByOne
from detect.masks import BoxMasker, EllipseMasker, Mask
from embed.priors import Prior
from ingest.errors import ConfigError
from ingest.frame import Frame
from ingest.truth import encode_mask
from tests.training.datasets import layouts
from tests.training.priors.planted import files, quiet
from training.datasets.city.layout import BOXES_AND_MASKS
from training.datasets.registry import list_dataset
from training.priors.filling import fill
from training.priors.makers import CityPriors, DetectedPriors, choose


def only(found: Detections, shape: tuple[int, int]) -> Prior | None:
    """What is made of one picture in which that is found."""
    maker = DetectedPriors("toy", OneByOne(lambda frame: found), BoxMasker())
    ((name, prior),) = maker({"a.jpg": np.zeros((*shape, 3), np.uint8)})
    assert name == "a.jpg"
    return prior


def test_the_detection_a_crop_is_about_is_large_sure_and_in_the_middle() -> None:
    size = (100, 80)
    cases: list[tuple[list[list[float]], list[float], int | None]] = [
        ([], [], None),
        ([[0, 0, 30, 30]], [0.9], None),  # beside the middle
        ([[20, 10, 90, 70]], [0.1], 0),
        ([[40, 30, 60, 50], [10, 10, 90, 75]], [0.9, 0.8], 1),  # larger
        ([[10, 10, 90, 70], [10, 10, 90, 70]], [0.3, 0.6], 1),  # surer
        ([[0, 0, 60, 80], [20, 0, 80, 80]], [0.5, 0.5], 1),  # more in the middle
        ([[0, 0, 45, 80], [45, 35, 55, 45]], [0.9, 0.2], 1),
    ]
    for boxes, scores, expected in cases:
        assert choose(Detections.of(boxes, scores), size) == expected


def test_a_detector_and_a_masker_make_a_prior() -> None:
    prior = only(Detections.of([[0, 0, 10, 10], [20, 8, 60, 32]], [0.9, 0.5]), (40, 80))
    assert prior is not None
    assert prior.box.tolist() == pytest.approx([0.25, 0.2, 0.75, 0.8])
    assert prior.mask is not None
    assert (prior.mask.shape, prior.mask.sum()) == ((40, 80), 40 * 24)
    assert only(Detections.none(), (9, 9)) is None


class Counting:
    """Finds a vehicle in every picture, in a box by its brightness; keeps what sizes came together."""

    def __init__(self) -> None:
        self.calls: list[list[tuple[int, int]]] = []

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        self.calls.append([frame.size for frame in frames])
        assert len({frame.camera_id for frame in frames}) == len(frames), "at most one of each camera"
        return [Detections.of([[1, 1, frame.size[0] * (0.6 + frame.image.max() / 1000), 9]]) for frame in frames]


def test_images_that_are_shown_in_one_size_share_calls_and_get_what_each_gets_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    (tmp_path / "set").mkdir()
    for number in range(60):
        width, height = rng.integers(16, 20, 2).tolist()
        picture = np.full((height, width, 3), number * 4, np.uint8)
        cv2.imwrite(str(tmp_path / "set" / f"{number:02d}.png"), picture)
    data, alone, together = list_dataset(f"images:{tmp_path / 'set'}"), Counting(), Counting()
    fill(data, DetectedPriors("toy", alone, BoxMasker()), tmp_path / "alone", quiet)

    def shown(size: tuple[int, int]) -> tuple[int, int]:
        return size[0] // 2, size[1] // 2

    fill(data, DetectedPriors("toy", together, BoxMasker(), 8, shown), tmp_path / "together", quiet)
    assert files(tmp_path / "together") == files(tmp_path / "alone")
    assert [len(call) for call in alone.calls] == [1] * 60
    assert max(len(call) for call in together.calls) == 8
    assert all(len(set(map(shown, call))) == 1 for call in together.calls)
    assert len(together.calls) <= 60 / 8 + 4, "one call that is not full for each of four sizes"


def test_the_city_tells_the_truth_about_its_crops(tmp_path: Path) -> None:
    data = list_dataset(str(layouts.veri(tmp_path)))
    mask: Mask = np.zeros((12, 16), np.bool_)
    mask[4:9, 3:12] = True
    with (tmp_path / BOXES_AND_MASKS).open("w") as file:
        for images in (data.parts["train"], data.parts["gallery"]):
            for name in images.names.tolist()[1:]:
                folder, _, image = name.rpartition("/")
                row = {"image": image, "folder": folder, "detected_xyxy": [4, 3, 12, 9], "mask": encode_mask(mask)}
                file.write(json.dumps(row) + "\n")
    cache = fill(data, CityPriors(tmp_path), tmp_path / "priors", quiet)
    assert set(cache.missed) == {
        "image_test/0005_c003_00000010_0.jpg",
        "image_query/0005_c003_00000010_0.jpg",
        "image_train/0001_c001_00016450_0.jpg",
    }
    prior = cache["image_query/0006_c003_00000020_0.jpg"]
    assert prior is not None
    assert prior.box.tolist() == pytest.approx([0.25, 0.25, 0.75, 0.75])
    np.testing.assert_array_equal(prior.mask, mask)
    oval = fill(data, CityPriors(tmp_path, (EllipseMasker(), "ellipse")), tmp_path / "oval", quiet)
    found = oval["image_query/0006_c003_00000020_0.jpg"]
    assert found is not None
    np.testing.assert_array_equal(found.box, prior.box)
    np.testing.assert_array_equal(
        found.mask, EllipseMasker()(np.zeros((12, 16, 3), np.uint8), np.array([4, 3, 12, 9], np.float32))
    )
    row = {"image": "0001_c001_00016450_0.jpg", "detected_xyxy": [4, 3, 12, 9], "mask": encode_mask(mask)}
    for key, wrong, message in (
        ("detected_xyxy", [4, 3, math.inf, 9], "the city's box of 'image_train/0001_.*' is none"),
        ("detected_xyxy", [4, 3, 12, math.nan], "the city's box of 'image_train/0001_.*' is none"),
        ("detected_xyxy", [4, 3, 12], "is none"),
        ("detected_xyxy", "left", "cannot be read: ValueError"),
        ("mask", None, "cannot be read: TypeError"),
        ("mask", [1, 2], "cannot be read: ValueError"),
    ):
        (tmp_path / BOXES_AND_MASKS).write_text(json.dumps(row | {key: wrong}))
        with pytest.raises(ConfigError, match=message):
            fill(data, CityPriors(tmp_path), tmp_path / "wrong", quiet)
    (tmp_path / BOXES_AND_MASKS).write_text("{")
    with pytest.raises(ConfigError, match=r"boxes and masks of .* cannot be read"):
        CityPriors(tmp_path)
