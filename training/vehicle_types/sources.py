"""The sources of crops with known types, and their vectors."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from detect.masks import Masker, never_empty
from embed.encoder import Encoder
from embed.vehicle_types import VEHICLE_TYPES
from training.vehicle_types.examples import (
    CLIPS,
    TypedCrop,
    cctv_crops,
    city_crops,
    city_set,
    clip_crops,
    two_camera_crops,
)
from training.vehicle_types.fit import TypedVectors

CropSources = dict[str, Callable[[], Iterable[TypedCrop]]]


def crop_sources(data: Path, city: Path) -> CropSources:
    """Sources by name: two sets of real crops, two real clips, and the city, which is rendered where it is missing."""
    reid, video = data / "reid", data / "video"
    clips = {clip: partial(clip_crops, video / f"{clip}.mp4", video / "gt_mot" / f"{clip}.gt.txt") for clip in CLIPS}
    return {
        "cctv": partial(cctv_crops, reid / "unlabelled" / "cctv"),
        "two-camera": partial(two_camera_crops, reid / "hcmc_two_camera"),
        **clips,
        "city": lambda: city_crops(city_set(city)),
    }


def typed_vectors(crops: Iterable[TypedCrop], encoder: Encoder, masker: Masker) -> TypedVectors:
    """Encode crops with the priors of a masker."""
    known = list(crops)
    vectors = encoder([replace(it.crop, mask=never_empty(masker(it.crop.image, it.crop.box_xyxy))) for it in known])
    types = np.array([VEHICLE_TYPES.index(each.vehicle_type) for each in known], np.int64)
    return TypedVectors(
        vectors, types, np.array([each.vehicle for each in known]), np.array([each.view for each in known])
    )
