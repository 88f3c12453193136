"""The vector of a tracklet: a mean over its best crops by their quality, renewed only when a better crop has come."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from detect.detections import Detections
from detect.masks import BoxMasker
from embed.crops import Crop
from embed.observation import CameraEpoch, Observation, TrackletState, unpack_vector
from embed.settings import EmbedSettings
from embed.tracklets import TrackletBuilder
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame

IMAGE = np.random.default_rng(1).integers(0, 255, (200, 400, 3), dtype=np.uint8)
OPENED, UPDATED, CLOSED = TrackletState.OPENED, TrackletState.UPDATED, TrackletState.CLOSED


class ByTime:
    """An encoder whose vectors are of their frame: crops of different frames are orthogonal."""

    id = "by-time@1"
    dim = 64

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, crops: Sequence[Crop]) -> NDArray[np.float32]:
        self.batches.append(len(crops))
        return np.stack([self.of(crop) for crop in crops]) if crops else np.empty((0, self.dim), np.float32)

    def of(self, crop: Crop) -> NDArray[np.float32]:
        return np.asarray(np.eye(self.dim)[crop.captured_ns * 8 // NS], np.float32)


def follow(sides: Sequence[int], encoder: ByTime) -> tuple[list[Observation], list[Crop]]:
    """One vehicle at 8 frames a second whose box has these sides, then an empty road; its reports and its crops."""
    kept: list[Crop] = []
    builder = TrackletBuilder(
        "a",
        CameraEpoch(1, 0),
        encoder,
        BoxMasker(),
        settings=EmbedSettings(crops=3),
        keep=lambda observation, crops: kept.extend(crops),
    )
    reported = []
    for index, side in enumerate([*sides, *[0] * 12]):
        boxes = np.array([[100, 50, 100 + side, 50 + side]] if side else np.empty((0, 4)), np.float32)
        found = replace(Detections.of(boxes), track_ids=np.ones(len(boxes), np.int64))
        reported += builder.step(
            Frame("a", index, index * NS // 8, ClockQuality.FILE, IMAGE), found, [1] if index == len(sides) + 9 else ()
        )
    return reported, kept


def test_better_crops_weigh_more() -> None:
    encoder = ByTime()
    reported, crops = follow([20, 20, 20, 20, 90, 90, 90, 90, 50, 50, 50, 50], encoder)
    assert reported[-1].state is CLOSED
    assert len(crops) == 3
    assert max(crop.quality for crop in crops) > 1.5 * min(crop.quality for crop in crops)
    weighted = np.sum([(crop.quality + 1e-3) * encoder.of(crop) for crop in crops], axis=0)
    expected = weighted / np.linalg.norm(weighted)
    assert unpack_vector(reported[-1].vector) == pytest.approx(expected, abs=2e-3)
    flat = np.sum([encoder.of(crop) for crop in crops], axis=0) / np.sqrt(3)
    assert unpack_vector(reported[-1].vector) != pytest.approx(flat, abs=2e-2)
    assert reported[-1].quality == pytest.approx(max(crop.quality for crop in crops), abs=1e-4)


def test_a_vehicle_that_only_recedes_is_not_reported_again() -> None:
    """No crop beats the first three, so nothing is encoded and nothing said until it has gone."""
    encoder = ByTime()
    reported, _ = follow([90] * 8 + [30] * 40, encoder)
    assert [each.state for each in reported] == [OPENED, UPDATED, CLOSED]
    assert len({each.vector for each in reported[1:]}) == 1


def test_a_vehicle_that_comes_nearer_is_reported_again_with_a_new_vector() -> None:
    encoder = ByTime()
    reported, _ = follow(list(range(20, 80, 2)), encoder)
    assert [each.state for each in reported] == [OPENED, UPDATED, UPDATED, CLOSED]
    assert len({each.vector for each in reported}) == 3, "the last update has seen the last crop"
    assert sum(encoder.batches) < 30, "not every frame"
