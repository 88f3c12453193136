"""Where a site's detector puts its boxes, which of them stay, and which files are none."""

from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest

from detect.site_detector import FORMAT, MAX_IOU, SiteDetector, decode, read_metadata, shrink
from ingest.errors import WeightsError
from ingest.frame import ClockQuality, Frame
from tests.detect.planted_site import METADATA, SIZE, Planted, outputs, write

CAR: Planted = ("car", (3, 2), 0.9, (8.0, 4.0, 20.0, 14.0))
TRUCK: Planted = ("truck", (12, 5), 0.6, (40.0, 16.0, 60.0, 30.0))


def frame(size: tuple[int, int]) -> Frame:
    return Frame("north", 0, 0, ClockQuality.FILE, np.full((size[1], size[0], 3), 90, np.uint8))


@pytest.mark.parametrize("size", [SIZE, (640, 320), (352, 288), (31, 77)])
def test_planted_boxes_come_out_where_they_were_put(tmp_path: Path, size: tuple[int, int]) -> None:
    found = SiteDetector(write(tmp_path / "site.onnx", TRUCK, CAR))(frame(size))
    scale = np.array([size[0] / SIZE[0], size[1] / SIZE[1]] * 2)
    assert np.allclose(found.boxes, np.array([CAR[3], TRUCK[3]]) * scale, rtol=1e-5)
    assert found.labels == ("car", "truck"), "surest first"
    assert np.allclose(found.scores, [0.9, 0.6])


def test_boxes_end_at_the_frame_s_border_and_none_is_empty(tmp_path: Path) -> None:
    over: Planted = ("car", (0, 0), 0.9, (-8.0, -4.0, 10.0, 8.0))
    outside: Planted = ("car", (15, 7), 0.9, (70.0, 40.0, 80.0, 50.0))
    found = SiteDetector(write(tmp_path / "site.onnx", over, outside))(frame((128, 64)))
    assert np.allclose(found.boxes, [[0, 0, 20, 16]])


SCORES: dict[str, tuple[float, float | None, int]] = {
    "a car above its label's score": (0.21, None, 1),
    "and below": (0.19, None, 0),
    "a lower one for all": (0.19, 0.1, 1),
    "a higher one for all": (0.6, 0.7, 0),
}


@pytest.mark.parametrize("name", SCORES)
def test_scores_by_label(tmp_path: Path, name: str) -> None:
    score, min_score, expected = SCORES[name]
    path = write(tmp_path / "site.onnx", ("car", (3, 2), score, CAR[3]))
    assert len(SiteDetector(path, min_score=min_score)(frame(SIZE))) == expected


def test_a_truck_needs_more_than_a_car(tmp_path: Path) -> None:
    path = write(tmp_path / "site.onnx", ("truck", (3, 2), 0.3, CAR[3]))
    assert not len(SiteDetector(path)(frame(SIZE)))


@pytest.mark.parametrize(
    ("neighbour", "expected"),
    [((4, 2), 1), ((4, 3), 1), ((5, 2), 2)],
    ids=["beside", "across the corner", "one further"],
)
def test_only_peaks_count(neighbour: tuple[int, int], expected: int) -> None:
    heat, boxes = outputs(CAR, ("car", neighbour, 0.8, TRUCK[3]))
    assert len(decode(heat, boxes, METADATA.labels, np.array([0.2, 0.2], np.float32))) == expected


@pytest.mark.parametrize(("shift", "labels"), [(2.0, ("car",)), (8.0, ("car", "truck"))])
def test_one_box_a_vehicle_whatever_its_label(shift: float, labels: tuple[str, ...]) -> None:
    left, top, right, bottom = CAR[3]
    shared = (right - left - shift) / (right - left + shift)
    assert (shared > MAX_IOU) == (len(labels) == 1)
    again: Planted = ("truck", (6, 2), 0.8, (left + shift, top, right + shift, bottom))
    assert decode(*outputs(CAR, again), METADATA.labels, np.array([0.2, 0.2], np.float32)).labels == labels


def test_every_pixel_counts_when_an_image_is_shrunk() -> None:
    image = np.zeros((320, 640, 3), np.uint8)
    image[:, ::8] = 255
    assert np.allclose(shrink(image, (80, 40)), 255 / 8, atol=1)


def test_what_it_says_of_itself(tmp_path: Path) -> None:
    assert read_metadata(write(tmp_path / "site.onnx", CAR)) == METADATA


FEW = msgspec.structs.replace(METADATA, min_scores=(0.5,))
OTHER_SIZE = msgspec.structs.replace(METADATA, size=(32, 32))
WRONG: dict[str, tuple[str, str]] = {
    "without metadata": ("", "no detector of corridor distill"),
    "not JSON": ("{", "no detector of corridor distill"),
    "an exported encoder": ('{"format": "corridor exported encoder 1"}', "is of format 'corridor exported encoder 1'"),
    "another version's": (f'{{"format": "{FORMAT}"}}', "another version of this program"),
    "a score without a label": (msgspec.json.encode(FEW).decode(), "2 labels and 1 scores"),
    "another size": (msgspec.json.encode(OTHER_SIZE).decode(), "unlike it says"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_no_detector(tmp_path: Path, name: str) -> None:
    told, message = WRONG[name]
    path = write(tmp_path / "site.onnx", CAR, raw_metadata=told)
    with pytest.raises(WeightsError, match=message) as refused:
        SiteDetector(path)
    assert str(path) in str(refused.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.onnx: No such file"):
        SiteDetector(tmp_path / "none.onnx")
    path = write(tmp_path / "cut.onnx", CAR)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(WeightsError, match="or is damaged"):
        SiteDetector(path)
    bare = onnx.load(write(tmp_path / "bare.onnx", CAR))
    del bare.metadata_props[:]
    onnx.save(bare, tmp_path / "bare.onnx")
    with pytest.raises(WeightsError, match="no detector of corridor distill"):
        SiteDetector(tmp_path / "bare.onnx")
