"""Crops of a snapshot as perception would have cut them, with the truth about each."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.detections import Detections
from detect.masks import Mask
from embed.crops import cut_crop
from ingest.frame import ClockQuality, Frame, Image
from ingest.truth import TrueSighting, encode_mask
from training.datasets.city.detector import BOX_BIAS, BOX_SIGMA, VISIBLE

LEAST_SIDE_PX = 48
MOST_SIDE_PX = 300
LEAST_VISIBLE = 0.4
JPEG_QUALITY = (55, 95)
"""Least and most of JPEG's own scale."""


@dataclass(frozen=True, slots=True, eq=False)
class CityCrop:
    """One crop: the file's bytes, and its row of `boxes_and_masks.jsonl` except for what names it."""

    jpeg: bytes
    facts: dict[str, Any]


def city_crop(image: Image, sighting: TrueSighting, rng: np.random.Generator) -> CityCrop | None:
    """Cut a vehicle out as the pipeline does; None for one that is too small or hardly visible.

    The same random numbers are drawn whatever becomes of it.
    """
    off = rng.normal(BOX_BIAS, BOX_SIGMA[int(np.searchsorted(VISIBLE, sighting.visible))], 4)
    quality = int(rng.integers(JPEG_QUALITY[0], JPEG_QUALITY[1] + 1))
    if sighting.visible < LEAST_VISIBLE:
        return None
    height, width = image.shape[:2]
    true = np.array(sighting.box_xyxy, np.float64)
    sides = np.tile(true[2:] - true[:2], 2)
    detected = np.clip(true + off * sides, 0, (width, height, width, height)).astype(np.float32)
    frame = Frame("", 0, 0, ClockQuality.SYNTHETIC, image)
    crop = cut_crop(frame, Detections.of(detected[None]), 0, 1.0)
    if crop is None or max(crop.image.shape[:2]) < LEAST_SIDE_PX:
        return None
    corner = detected - crop.box_xyxy
    mask = _mask_within(sighting, corner[:2].astype(int), crop.image.shape[:2])
    scale = min(1.0, MOST_SIDE_PX / max(crop.image.shape[:2]))
    small, mask = _shrink(crop.image, mask, scale)
    if mask.sum() < 100:
        return None
    jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    facts = {
        "size": [small.shape[1], small.shape[0]],
        "box_xyxy": bounds(mask),
        "detected_xyxy": [round(float(side), 1) for side in crop.box_xyxy * scale],
        "visible": round(sighting.visible, 3),
        "occluded": round(sighting.occluded, 3),
        "mask": encode_mask(mask),
    }
    return CityCrop(jpeg, facts)


def _mask_within(sighting: TrueSighting, corner: NDArray[np.integer], shape: tuple[int, ...]) -> Mask:
    """The visible pixels of a vehicle in a crop of (height, width) whose upper left pixel is `corner`."""
    left, top, right, bottom = sighting.box_xyxy
    mask = np.zeros(shape[:2], np.bool_)
    x, y = int(corner[0]), int(corner[1])
    x0, y0, x1, y1 = max(left, x), max(top, y), min(right, x + shape[1]), min(bottom, y + shape[0])
    if x1 > x0 and y1 > y0:
        mask[y0 - y : y1 - y, x0 - x : x1 - x] = sighting.mask[y0 - top : y1 - top, x0 - left : x1 - left]
    return mask


def _shrink(image: Image, mask: Mask, scale: float) -> tuple[Image, Mask]:
    if scale == 1.0:
        return image, mask
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    covered = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    return small, np.asarray(covered >= 128, np.bool_)


def bounds(mask: Mask) -> list[int]:
    """Left, top, right, bottom of what is set, right and bottom just beyond it."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
