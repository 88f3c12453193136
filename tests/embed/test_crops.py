"""Crops of a vehicle: quality and choice."""

import numpy as np
import pytest

from detect.detections import Detections
from embed.crops import BestCrops, crop_qualities, cut_crop, sharpness
from ingest.frame import ClockQuality, Frame

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 255, (200, 300, 3), dtype=np.uint8)


def frame(at_s: float = 0.0, image: np.ndarray = NOISE) -> Frame:
    return Frame("a", 0, round(at_s * 1e9), ClockQuality.FILE, image)


def one(box: list[float], score: float = 1.0) -> Detections:
    return Detections.of([box], [score])


BETTER = {
    "larger": (one([100, 50, 200, 140]), one([100, 50, 130, 80])),
    "surer": (one([100, 50, 200, 140], 0.9), one([100, 50, 200, 140], 0.4)),
    "not cut off": (one([100, 50, 180, 130]), one([0, 50, 80, 130])),
}


@pytest.mark.parametrize("name", BETTER)
def test_quality_prefers(name: str) -> None:
    better, worse = BETTER[name]
    assert crop_qualities(frame(), better)[0] > crop_qualities(frame(), worse)[0]


def test_quality_of_a_large_whole_and_certain_vehicle_is_one() -> None:
    boxes = {
        "96 px": [60, 50, 156, 146],
        "larger": [60, 20, 240, 180],
        "half as large": [60, 50, 108, 98],
        "cut off": [0, 50, 96, 146],
    }
    quality = {name: float(crop_qualities(frame(), one(list(box)))[0]) for name, box in boxes.items()}
    assert quality == pytest.approx({"96 px": 1.0, "larger": 1.0, "half as large": 0.5, "cut off": 0.25})


def test_a_covered_vehicle_is_worth_less() -> None:
    pair = Detections.of([[100, 50, 180, 130], [120, 60, 200, 160]])
    far, near = crop_qualities(frame(), pair)
    assert far < 0.6 * near


def test_sharpness_sees_blur() -> None:
    blurred = np.full_like(NOISE, 120)
    assert sharpness(NOISE) > 0.9
    assert sharpness(blurred) == 0


def test_a_crop_holds_its_box_and_its_mask() -> None:
    masks = np.zeros((1, 200, 300), np.bool_)
    masks[0, 60:100, 110:160] = True
    crop = cut_crop(frame(), Detections.of([[100, 50, 170, 120]], masks=masks), 0, 1.0)
    assert crop is not None
    left, top, right, bottom = crop.box_xyxy.astype(int)
    assert (crop.image[top:bottom, left:right] == NOISE[50:120, 100:170]).all()
    assert crop.mask is not None
    assert crop.mask.shape == crop.image.shape[:2]
    assert crop.mask.sum() == 40 * 50


def test_the_margin_is_a_share_of_each_side() -> None:
    crop = cut_crop(frame(), one([100, 50, 200, 70]), 0, 1.0)
    assert crop is not None
    assert crop.image.shape[:2] == (20 + 2 * 3, 100 + 2 * 12)


@pytest.mark.parametrize(
    "box", [[100, 50, 101, 51], [298, 50, 300, 120], [50, 198, 120, 200]], ids=["tiny", "thin", "flat"]
)
def test_nothing_to_cut(box: list[float]) -> None:
    assert cut_crop(frame(), one(box), 0, 1.0) is None


def test_the_best_are_kept_apart_in_time() -> None:
    best = BestCrops(keep=3)
    found = one([100, 50, 180, 130])
    for index in range(40):
        best.offer(frame(at_s=index / 10), found, 0, quality=0.1 + 0.01 * index)
    crops = best.crops
    assert len(crops) == 3
    assert len({crop.captured_ns // 300_000_000 for crop in crops}) == 3
    assert min(crop.captured_ns for crop in crops) >= 3.0e9
    assert not best.offer(frame(at_s=9), found, 0, quality=0.05)


def offered(at_s: float, quality: float, best: BestCrops) -> bool:
    return best.offer(frame(at_s), one([100, 50, 180, 130]), 0, quality)


def times_s(best: BestCrops) -> list[float]:
    return [crop.captured_ns / 1e9 for crop in best.crops]


def test_the_better_of_one_stretch_of_time_stays() -> None:
    best = BestCrops(keep=3, apart_ns=300_000_000)
    assert offered(0.00, 0.5, best)
    assert not offered(0.10, 0.5, best), "as good is not better"
    assert offered(0.20, 0.6, best)
    assert times_s(best) == [0.2]
    assert offered(0.30, 0.1, best), "another stretch, and there is room"
    assert times_s(best) == [0.2, 0.3], "best first"


def test_when_all_places_are_taken_the_worst_goes() -> None:
    best = BestCrops(keep=2, apart_ns=100_000_000)
    assert offered(0.0, 0.5, best)
    assert offered(1.0, 0.3, best)
    assert not offered(2.0, 0.3, best)
    assert offered(3.0, 0.4, best)
    assert times_s(best) == [0.0, 3.0]


def test_of_equally_bad_ones_the_latest_goes() -> None:
    best = BestCrops(keep=2, apart_ns=100_000_000)
    for at_s in (0.0, 1.0):
        assert offered(at_s, 0.3, best)
    assert offered(2.0, 0.5, best)
    assert times_s(best) == [2.0, 0.0]
