"""`make foundation-check`: its figures on hand-made frames."""

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("segment_anything")

from detect.detections import Detections
from detect.masks import BoxMasker, Mask
from ingest.frame import ClockQuality, Frame, Image
from ingest.truth import TrueSighting
from tests.bench.foundation_check.boxes import agreement, compare
from tests.bench.foundation_check.drawn import DrawnFrame, of_sightings
from tests.bench.foundation_check.priors import mask_rows, verdict
from training.evaluation.retrieval import Ranking

pytestmark = pytest.mark.torch

TRUE = np.array([[10, 10, 30, 30], [50, 10, 80, 40], [100, 50, 110, 58]], np.float32)
COUNTS = np.array([True, True, False])


def drawn() -> DrawnFrame:
    """Two vehicles that count and one that is too small; the mask of each is the left half of its box."""
    masks = np.zeros((3, 80, 120), np.bool_)
    for mask, (left, top, right, bottom) in zip(masks, TRUE.astype(int).tolist(), strict=True):
        mask[top:bottom, left : (left + right) // 2] = True
    frame = Frame("a", 0, 0, ClockQuality.SYNTHETIC, np.zeros((80, 120, 3), np.uint8))
    return DrawnFrame(frame, Detections.of(TRUE, masks=masks), COUNTS)


class LeftHalf:
    """The true mask of `drawn`."""

    def __call__(self, image: Image, box_xyxy: NDArray[np.float32]) -> Mask:
        left, top, right, bottom = box_xyxy.tolist()
        return BoxMasker()(image, np.array([left, top, (left + right) // 2, bottom], np.float32))


def test_the_truth_of_a_frame() -> None:
    """Masks lie where they were seen; what is hardly visible, or small, does not count; what is hidden is left out."""

    def seen(box: tuple[int, int, int, int], visible: float, mask: Mask) -> TrueSighting:
        bits = np.packbits(mask.reshape(-1)).tobytes()
        return TrueSighting(1, "car", box, box, visible, 0.0, (0.0, 0.0), 0.0, bits)

    half = np.zeros((20, 20), np.bool_)
    half[:, :10] = True
    sightings = [
        seen((10, 10, 30, 30), 1.0, half),
        seen((50, 10, 70, 30), 0.2, half),
        seen((50, 40, 60, 43), 1.0, np.ones((3, 10), np.bool_)),
        seen((80, 10, 100, 30), 1.0, np.zeros((20, 20), np.bool_)),
    ]
    it = of_sightings(drawn().frame, sightings)
    assert it.counts.tolist() == [True, False, False]
    (crop,) = it.crops()
    assert crop.mask is not None
    assert crop.mask.sum() == 200
    assert (crop.mask == LeftHalf()(crop.image, crop.box_xyxy)).all()


FOUND = {
    "all": (TRUE[:2], 1.0, 1.0),
    "one twice": (TRUE[[0, 0]], 0.5, 0.5),
    "the small one is no mistake": (TRUE, 1.0, 1.0),
    "beside everything": (np.vstack([TRUE[:1], [[0, 60, 20, 78]]]), 0.5, 0.5),
    "nothing": (TRUE[:0], 0.0, 0.0),
}


@pytest.mark.parametrize("name", FOUND)
def test_recall_and_precision(name: str) -> None:
    boxes, recall, precision = FOUND[name]
    it = compare([drawn()], [np.asarray(boxes, np.float32)], 1.0)
    assert (it.recall, it.precision) == (recall, precision)


def test_agreement_is_a_share_of_each_ones_own_boxes() -> None:
    rows = agreement({"large": [TRUE, TRUE[:0]], "small": [TRUE[:1], TRUE[:0]], "none": [TRUE[:0]] * 2})
    assert rows == [
        ["large", "1.5", "1.00", "0.33", "0.00"],
        ["small", "0.5", "1.00", "1.00", "0.00"],
        ["none", "0.0", "-", "-", "-"],
    ]


def test_masks_are_compared_within_the_crop() -> None:
    crops = list(drawn().crops())
    assert len(crops) == 2
    rows = mask_rows({"box": BoxMasker(), "left half": LeftHalf()}, crops)
    assert [row[:3] for row in rows] == [["box", "0.500", "0.00"], ["left half", "1.000", "0.00"]]


@pytest.mark.parametrize(("won", "lost", "pays"), [(9, 0, True), (5, 4, False), (0, 9, False)])
def test_the_verdict(won: int, lost: int, pays: bool) -> None:
    first = np.array([1] * won + [2] * lost + [1] * 20)
    other = np.array([2] * won + [1] * lost + [1] * 20)
    found = {name: Ranking(ranks, 1 / ranks, 1 / ranks) for name, ranks in (("sam", first), ("box", other))}
    said = verdict(found, "sam", "box")
    assert said.startswith("sam's masks pay" if pays else "sam's masks do not pay")
    assert f"{won} queries won, {lost} lost" in said
