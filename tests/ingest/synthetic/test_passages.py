"""Passages: what a look at every single frame would find, found faster."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from ingest.synthetic.camera.passages import Passage, box_corners, in_view, passages, to_world
from ingest.synthetic.camera.spec import Projection
from ingest.synthetic.world.presets import PRESETS, Preset, trips_of

SMOOTH = PRESETS["smooth"]


def frames_in_view(preset: Preset, camera: int) -> dict[int, list[float]]:
    """The times at which each vehicle is in view, frame by frame, and pose by pose."""
    spec = preset.cameras[camera]
    projection = Projection(spec.pose, spec.width, spec.height)
    found: dict[int, list[float]] = defaultdict(list)
    for trip in trips_of(preset):
        corners = box_corners(trip.vehicle.model)
        for time_s in np.arange(preset.frame_count(spec)) / spec.fps:
            pose = trip.pose(float(time_s))
            if pose is not None and in_view(to_world(corners, pose), projection):
                found[trip.vehicle.vehicle_id].append(float(time_s))
    return found


@pytest.fixture(scope="module")
def found() -> list[Passage]:
    return passages(SMOOTH)


@pytest.mark.parametrize("camera", [0, 2])
def test_are_what_every_frame_shows(camera: int, found: list[Passage]) -> None:
    by_vehicle = defaultdict(list)
    for passage in found:
        if passage.camera == camera:
            by_vehicle[passage.vehicle_id].append(passage)
    shown = frames_in_view(SMOOTH, camera)
    assert set(by_vehicle) == set(shown)
    for vehicle_id, times_s in shown.items():
        first, last = by_vehicle[vehicle_id][0], by_vehicle[vehicle_id][-1]
        assert (first.enter_s, last.leave_s) == pytest.approx((times_s[0], times_s[-1]))
        inside = sum(any(p.enter_s - 1e-6 <= t <= p.leave_s + 1e-6 for p in by_vehicle[vehicle_id]) for t in times_s)
        assert inside == len(times_s)


def test_are_in_order_and_apart(found: list[Passage]) -> None:
    assert found == sorted(found, key=lambda passage: (passage.vehicle_id, passage.enter_s, passage.camera))
    last: dict[tuple[int, int], float] = {}
    for passage in found:
        key = passage.vehicle_id, passage.camera
        assert 0 <= passage.enter_s <= passage.leave_s < SMOOTH.duration_s
        assert passage.enter_s - last.get(key, -99.0) >= 5
        last[key] = passage.leave_s


def test_whole_ones_begin_after_the_beginning_and_end_before_the_end(found: list[Passage]) -> None:
    ends = {False: 0, True: 0}
    for passage in found:
        inside = passage.enter_s > 0 and passage.leave_s < SMOOTH.duration_s - 0.1 - 1e-6
        assert passage.whole == inside
        ends[passage.whole] += 1
    assert min(ends.values()) > 5


def test_a_shorter_world_has_the_passages_that_begin_in_it(found: list[Passage]) -> None:
    short = replace(SMOOTH, duration_s=30.0)
    expected = {(p.vehicle_id, p.camera, p.enter_s) for p in found if p.enter_s < 30 - 1e-6}
    assert {(p.vehicle_id, p.camera, p.enter_s) for p in passages(short)} == expected


def test_a_camera_that_looks_at_the_sky_sees_nobody() -> None:
    spec = SMOOTH.cameras[0]
    up = replace(spec, pose=replace(spec.pose, pitch_deg=-60.0))
    assert passages(replace(SMOOTH, cameras=(up,))) == []
