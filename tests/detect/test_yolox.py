"""Where YOLOX's boxes lie, and which of them stay."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detect.yolox import PADDING, STRIDES, VEHICLES, Letterbox, decode

SIDE = 416
ANCHORS = sum((SIDE // stride) ** 2 for stride in STRIDES)
CAR, MOTORCYCLE, BUS, TRUCK = VEHICLES
PERSON = 0


def planted(*boxes: tuple[int, list[float], float, dict[int, float]]) -> NDArray[np.float32]:
    """(A, 85) of a network that sees just these: stride, box in pixels of the input, objectness, probabilities."""
    rows = np.zeros((ANCHORS, 85), np.float32)
    for stride, (left, top, right, bottom), objectness, probabilities in boxes:
        before = sum((SIDE // each) ** 2 for each in STRIDES if each < stride)
        across, down = (left + right) / 2 / stride, (top + bottom) / 2 / stride
        row = rows[before + int(down) * (SIDE // stride) + int(across)]
        row[:2] = across % 1, down % 1
        row[2:4] = np.log([(right - left) / stride, (bottom - top) / stride])
        row[4] = objectness
        for number, probability in probabilities.items():
            row[5 + number] = probability
    return rows


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("box", [[100, 200, 180, 250], [0, 0, 30, 20], [380, 390, 416, 416]])
def test_a_planted_box_comes_out_where_it_was_put(stride: int, box: list[float]) -> None:
    found = decode(planted((stride, box, 0.9, {BUS: 0.8})), SIDE, 0.15)
    assert np.allclose(found.boxes, [box], atol=1e-3)
    assert np.allclose(found.scores, [0.72])
    assert found.labels == ("bus",)


LETTERBOXES: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "wide": ((1920, 1080), (416, 234)),
    "tall": ((1080, 1920), (234, 416)),
    "square": ((416, 416), (416, 416)),
    "enlarged": ((352, 288), (416, 340)),
    "odd": ((17, 33), (214, 416)),
    "a line": ((4000, 2), (416, 1)),
}


@pytest.mark.parametrize("name", LETTERBOXES)
def test_a_letterbox_is_undone_exactly(name: str) -> None:
    size, scaled = LETTERBOXES[name]
    letterbox = Letterbox.fit(size, SIDE)
    assert letterbox.scaled == scaled
    whole = np.array([[0, 0, *scaled]], np.float32)
    assert np.allclose(letterbox.undo(whole), [[0, 0, *size]])
    centre = np.array([[scaled[0] / 4, scaled[1] / 4, scaled[0] / 2, scaled[1] / 2]], np.float32)
    expected = [[size[0] / 4, size[1] / 4, size[0] / 2, size[1] / 2]]
    assert np.allclose(letterbox.undo(centre), expected, rtol=1e-5)


def test_what_lies_in_the_padding_is_cut_off() -> None:
    letterbox = Letterbox.fit((1920, 1080), SIDE)
    assert letterbox.undo(np.array([[208, 117, 500, 416]], np.float32)).tolist() == [[960, 540, 1920, 1080]]


def test_an_image_lies_in_the_upper_left_with_grey_around() -> None:
    image = np.full((108, 192, 3), 200, np.uint8)
    padded = Letterbox.fit((192, 108), SIDE).apply(image, SIDE)
    assert padded.shape == (SIDE, SIDE, 3)
    assert (padded[:234] == 200).all()
    assert (padded[234:] == PADDING).all()


def test_a_planted_box_is_found_in_pixels_of_the_image() -> None:
    """Decoded and taken out of its letterbox: what the detector does with the network's output."""
    letterbox = Letterbox.fit((1920, 1080), SIDE)
    share = 416 / 1920
    truth = np.array([[300, 240, 700, 520]], np.float32)
    found = decode(planted((16, (truth[0] * share).tolist(), 1.0, {CAR: 0.9})), SIDE, 0.15)
    assert np.allclose(letterbox.undo(found.boxes), truth, atol=0.01)


def test_only_vehicles_count() -> None:
    """A person is none; where a vehicle's class comes second, it is that vehicle with that class's score."""
    box = [100.0, 100.0, 140.0, 140.0]
    assert len(decode(planted((8, box, 1.0, {PERSON: 0.9})), SIDE, 0.15)) == 0
    found = decode(planted((8, box, 1.0, {PERSON: 0.9, MOTORCYCLE: 0.5})), SIDE, 0.15)
    assert (found.labels, found.scores.tolist()) == (("motorcycle",), [0.5])


def test_weak_ones_are_left_out() -> None:
    rows = planted((8, [100, 100, 140, 140], 0.5, {CAR: 0.4}), (32, [200, 200, 300, 300], 0.5, {CAR: 0.2}))
    assert np.allclose(decode(rows, SIDE, 0.15).scores, [0.2])
    assert len(decode(rows, SIDE, 0.3)) == 0


def test_a_van_that_is_a_car_and_a_truck_is_one_vehicle() -> None:
    """The labels of one vehicle differ from anchor to anchor; the surest stays, with its own label."""
    rows = planted((8, [100, 100, 180, 160], 0.9, {CAR: 0.6}), (16, [102, 100, 182, 161], 0.9, {TRUCK: 0.7}))
    found = decode(rows, SIDE, 0.15)
    assert found.labels == ("truck",)
    assert np.allclose(found.boxes, [[102, 100, 182, 161]], atol=1e-3)


def test_neighbours_both_stay() -> None:
    rows = planted((8, [100, 100, 180, 160], 0.9, {CAR: 0.6}), (16, [140, 100, 220, 160], 0.9, {CAR: 0.7}))
    assert len(decode(rows, SIDE, 0.15)) == 2
