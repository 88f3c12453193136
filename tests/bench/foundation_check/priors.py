"""Maskers against true masks, and what their masks are worth as priors of the shipped encoder."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from detect.masks import Masker, never_empty
from embed.crops import Crop
from embed.encoder import Encoder
from tests.bench.encoder.unseen_city import CityShots
from training.evaluation.other_cameras import Taken, rank_elsewhere
from training.evaluation.paired import PairedTest, right_at_one
from training.evaluation.retrieval import Ranking

NO_PRIOR = "none"


def mask_rows(maskers: Mapping[str, Masker], crops: Sequence[Crop]) -> list[list[str]]:
    """By masker: mean IoU with the true masks, share of crops below .5, and the milliseconds of a crop."""
    rows = []
    for name, masker in maskers.items():
        began_s = time.perf_counter()
        found = [masker(crop.image, crop.box_xyxy) for crop in crops]
        crop_ms = 1000 * (time.perf_counter() - began_s) / len(crops)
        shares = np.array([_mask_iou(mask, crop) for mask, crop in zip(found, crops, strict=True)])
        rows.append([name, f"{shares.mean():.3f}", f"{(shares < 0.5).mean():.2f}", f"{crop_ms:.1f}"])
    return rows


def _mask_iou(mask: np.ndarray, crop: Crop) -> float:
    assert crop.mask is not None
    return float((mask & crop.mask).sum() / max(1, (mask | crop.mask).sum()))


def rankings(maskers: Mapping[str, Masker], city: CityShots, encoder: Encoder) -> dict[str, Ranking]:
    """Crops searched among other cameras' crops, by the masks of each masker, and with no prior at all."""
    identities = np.array([shot.identity for shot in city.shots])
    cameras = np.array([shot.camera for shot in city.shots])
    found = {}
    for name in (*maskers, NO_PRIOR):
        crops = [Crop(shot.image, shot.box, 1.0, 0) for shot in city.shots]
        shown = [_with_prior(crop, maskers.get(name)) for crop in crops]
        taken = Taken(encoder(shown), identities, cameras, city.view_deg)
        found[name] = rank_elsewhere(taken, taken)
    return found


def _with_prior(crop: Crop, masker: Masker | None) -> Crop:
    if masker is not None:
        return replace(crop, mask=never_empty(masker(crop.image, crop.box_xyxy)))
    height, width = crop.image.shape[:2]
    return replace(crop, box_xyxy=np.array([0, 0, width, height], np.float32), mask=np.ones((height, width), np.bool_))


def prior_rows(found: Mapping[str, Ranking]) -> list[list[str]]:
    """By prior: queries, rank 1 and mAP."""
    return [
        [name, str(int((it.first > 0).sum())), f"{right_at_one(it).mean():.3f}", f"{it.precision.mean():.3f}"]
        for name, it in found.items()
    ]


def verdict(found: Mapping[str, Ranking], name: str, than: str) -> str:
    """One sentence on whether one masker's masks pay against another's, by McNemar's test at .05."""
    it = PairedTest.of(right_at_one(found[name]), right_at_one(found[than]))
    pays = "pay" if it.p < 0.05 and it.only_first > it.only_second else "do not pay"
    return f"{name}'s masks {pays} against {than}'s: {it.only_first} queries won, {it.only_second} lost, p = {it.p:.2g}"
