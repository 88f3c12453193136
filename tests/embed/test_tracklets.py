"""From tracked boxes to observations."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from detect.detections import Detections
from detect.masks import BoxMasker, Mask
from embed.crops import Crop
from embed.observation import CameraEpoch, Observation, TrackletState
from embed.settings import EmbedSettings
from embed.tracklets import TrackletBuilder
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame, Image

IMAGE = np.random.default_rng(1).integers(0, 255, (200, 400, 3), dtype=np.uint8)


class Counting:
    """An encoder that counts what it is given."""

    id = "counting@1"
    dim = 4

    def __init__(self) -> None:
        self.crops = 0

    def __call__(self, crops: Sequence[Crop]) -> NDArray[np.float32]:
        self.crops += len(crops)
        return np.tile(np.array([[0.5, 0.5, 0.5, 0.5]], np.float32), (len(crops), 1))


def builder(encoder: Counting | None = None) -> TrackletBuilder:
    return TrackletBuilder("a", CameraEpoch(3, 1), encoder or Counting(), BoxMasker(), settings=EmbedSettings())


def run(paths: dict[int, range], frames: int, machine: TrackletBuilder) -> list[Observation]:
    """Vehicles by tracker id, each visible in a range of frames at 8 a second and given up a second after it."""
    reported = []
    for index in range(frames):
        visible = [key for key, span in paths.items() if index in span]
        boxes = np.array([[10 + 5 * index, 20 * key, 70 + 5 * index, 20 * key + 60] for key in visible], np.float32)
        found = Detections.of(boxes.reshape(-1, 4), labels="car")
        found = replace(found, track_ids=np.array(visible, np.int64))
        ended = [key for key, span in paths.items() if index == span.stop + 8]
        reported += machine.step(Frame("a", index, index * NS // 8, ClockQuality.FILE, IMAGE), found, ended)
    return reported


def test_a_tracklet_is_opened_updated_and_closed() -> None:
    reported = run({1: range(2, 42)}, 60, builder())
    states = [each.state for each in reported]
    assert states[0] is TrackletState.OPENED
    assert states[-1] is TrackletState.CLOSED
    assert set(states[1:-1]) == {TrackletState.UPDATED}
    assert [each.sequence for each in reported] == list(range(len(reported)))
    assert reported[0].id == "a|3.1|1|0"
    last = reported[-1]
    assert (last.first_ns, last.last_ns) == (2 * NS // 8, 41 * NS // 8)
    assert last.at_ns > last.last_ns + NS
    assert last.label == "car"
    assert last.score == 1.0


def test_every_box_is_told_once() -> None:
    reported = run({1: range(2, 42)}, 60, builder())
    offsets = [at.offset_us for each in reported for at in each.path]
    assert offsets == [(index * NS // 8 - 2 * NS // 8) // 1000 for index in range(2, 42)]
    first = reported[0].path[0]
    assert (first.left, first.right) == (200, 800)


def standing(frames: range, machine: TrackletBuilder, left: int = 100) -> list[Observation]:
    """One vehicle that stands."""
    found = replace(Detections.of([[left, 50, left + 80, 130]]), track_ids=np.array([1], np.int64))
    return [
        each
        for index in frames
        for each in machine.step(Frame("a", index, index * NS // 8, ClockQuality.FILE, IMAGE), found, ())
    ]


def test_a_vehicle_in_a_queue_is_reported_in_small_pieces() -> None:
    """No observation grows, and no box is lost."""
    machine = builder()
    reported = standing(range(8 * 55), machine) + machine.finish()
    assert max(len(each.path) for each in reported) <= 64
    assert sum(len(each.path) for each in reported) == 8 * 55


def test_a_parked_vehicle_is_settled_and_is_reported_again_when_it_leaves() -> None:
    """Ten minutes of it cost nothing after its first minute; it stays the same tracklet."""
    encoder = Counting()
    machine = builder(encoder)
    minute = standing(range(8 * 62), machine)
    embedded = encoder.crops
    assert standing(range(8 * 62, 8 * 600), machine) == []
    assert encoder.crops == embedded
    leaving = standing(range(8 * 600, 8 * 600 + 1), machine, left=200)
    assert [each.state for each in leaving] == [TrackletState.UPDATED]
    assert {each.tracklet for each in minute + leaving} == {leaving[0].tracklet}
    assert leaving[0].path[-1].offset_us == 600 * 1_000_000
    assert machine.finish()[0].last_ns == 600 * NS


def test_a_parked_vehicle_that_vanishes_was_there_until_then() -> None:
    machine = builder()
    standing(range(8 * 600), machine)
    (closed,) = machine.finish()
    assert (closed.state, closed.last_ns) == (TrackletState.CLOSED, (8 * 600 - 1) * NS // 8)


def test_a_vehicle_that_was_hidden_goes_on_as_the_same_tracklet() -> None:
    """It comes back with another id of the tracker, where it should be and with the looks that it had."""
    reported = run({1: range(20), 2: range(22, 40)}, 60, builder())
    assert {each.track for each in reported} == {1}
    offsets = [at.offset_us for each in reported for at in each.path]
    assert offsets == [(index * NS // 8) // 1000 for index in (*range(20), *range(22, 40))]
    assert [each.sequence for each in reported] == list(range(len(reported)))


def test_who_watches_knows_a_vehicle_by_the_number_that_observations_have() -> None:
    """Not by the tracker's ids: those are others where it gave some away unseen, and where a vehicle comes back."""
    machine = builder()
    assert machine.numbers(np.array([9, 4], np.int64)).tolist() == [1, 2]
    run({9: range(20), 4: range(20)}, 20, machine)
    run({9: range(20, 22), 4: range(20)}, 29, machine)
    assert machine.numbers(np.array([9, 4, 5], np.int64)).tolist() == [1, 3, 4]  # 4 was given up
    machine = builder()
    run({1: range(20), 2: range(22, 40)}, 30, machine)
    assert machine.numbers(np.array([2], np.int64)).tolist() == [1]
    assert not len(machine.numbers(np.zeros(0, np.int64)))
    machine = builder()
    run({1: range(20), 2: range(22, 27)}, 27, machine)
    # Joined, and the first track not given up yet: should the tracker find it again, it is another vehicle.
    assert machine.numbers(np.array([2, 1], np.int64)).tolist() == [1, 3]


class Unlike(Counting):
    """An encoder to which no two crops look alike."""

    def __call__(self, crops: Sequence[Crop]) -> NDArray[np.float32]:
        rows = np.eye(4, dtype=np.float32)[(self.crops + np.arange(len(crops))) % 4]
        self.crops += len(crops)
        return rows


@pytest.mark.parametrize(
    ("paths", "encoder"),
    [({1: range(20), 7: range(22, 40)}, Counting()), ({1: range(10), 2: range(14, 40)}, Unlike())],
    ids=["elsewhere", "another look"],
)
def test_what_begins_elsewhere_or_looks_unlike_is_another_vehicle(paths: dict[int, range], encoder: Counting) -> None:
    assert len({each.track for each in run(paths, 60, builder(encoder))}) == 2


def test_a_joined_tracklet_has_the_labels_of_both_parts() -> None:
    machine, reported = builder(), []
    for index in range(40):
        found = Detections.of([[10 + 5 * index, 20, 70 + 5 * index, 80]], labels="van" if index < 8 else "car")
        if index in (8, 9):
            found = Detections.none()
        found = replace(found, track_ids=np.full(len(found), 1 if index < 8 else 2, np.int64))
        reported += machine.step(Frame("a", index, index * NS // 8, ClockQuality.FILE, IMAGE), found, ())
    (closed,) = machine.finish()
    assert {each.track for each in [*reported, closed]} == {1}
    assert (closed.label, closed.score) == ("car", round(30 / 38, 4))


def test_what_leaves_no_crop_is_not_reported() -> None:
    machine = builder()
    found = replace(Detections.of([[398, 50, 400, 52]]), track_ids=np.array([1], np.int64))
    steps = [machine.step(Frame("a", i, i * NS // 8, ClockQuality.FILE, IMAGE), found, ()) for i in range(40)]
    assert not any(steps)
    assert machine.finish() == []


def test_the_best_crops_are_kept_with_the_observation_that_closes() -> None:
    kept: list[Observation] = []
    machine = TrackletBuilder(
        "a",
        CameraEpoch(3, 1),
        Counting(),
        BoxMasker(),
        settings=EmbedSettings(),
        keep=lambda observation, _: kept.append(observation),
    )
    others = {key: range(16 + 2 * key, 60) for key in range(4, 7)}  # one of them is opened when the first is closed
    run({1: range(20), **others}, 80, machine)
    assert [(each.track, each.state) for each in kept] == [(track, TrackletState.CLOSED) for track in range(1, 5)]


def test_a_blink_is_not_spoken_of() -> None:
    assert run({1: range(2, 4)}, 30, builder()) == []


def test_several_vehicles_and_the_end_of_the_stream() -> None:
    machine = builder()
    reported = run({1: range(20), 2: range(5, 40)}, 30, machine)
    assert [each.track for each in reported if each.state is TrackletState.CLOSED] == [1]
    rest = machine.finish()
    assert [(each.track, each.state) for each in rest] == [(2, TrackletState.CLOSED)]
    assert machine.finish() == []


def test_a_crop_is_embedded_once() -> None:
    encoder = Counting()
    reported = run({1: range(80)}, 100, builder(encoder))
    assert len(reported) > 3
    assert encoder.crops < 30


class CountingMasker:
    """A masker that keeps what it is asked about."""

    def __init__(self) -> None:
        self.asked: list[Image] = []

    def __call__(self, image: Image, box_xyxy: NDArray[np.float32]) -> Mask:
        self.asked.append(image)
        return BoxMasker()(image, box_xyxy)


def test_a_masker_is_asked_once_for_each_crop_that_is_embedded_and_for_no_other() -> None:
    """It may cost a hundred times what a detector does: frames, noise and what has its mask cost it nothing."""
    encoder, masker = Counting(), CountingMasker()
    settings = EmbedSettings(crops=3)
    machine = TrackletBuilder("a", CameraEpoch(0, 0), encoder, masker, settings=settings)
    reported = run({1: range(60), 2: range(10, 12)}, 80, machine)
    rounds = len([each for each in reported if each.state is not TrackletState.CLOSED])
    assert 3 <= len(masker.asked) == encoder.crops <= 3 * rounds
    assert len({id(image) for image in masker.asked}) == len(masker.asked)
    assert all(image.shape[0] < IMAGE.shape[0] / 2 for image in masker.asked), "crops, not frames"

    before = len(masker.asked)
    masks = np.zeros((1, *IMAGE.shape[:2]), np.bool_)
    masks[0, 20:60, 20:60] = True
    found = replace(Detections.of([[10, 10, 80, 80]], masks=masks), track_ids=np.array([9], np.int64))
    for index in range(80, 120):
        machine.step(Frame("a", index, index * NS // 8, ClockQuality.FILE, IMAGE), found, ())
    assert encoder.crops > before == len(masker.asked)


def test_a_tracker_s_id_that_comes_back_is_a_new_tracklet() -> None:
    machine = builder()
    reported = run({7: range(10)}, 25, machine)
    boxes = Detections.of([[10, 10, 80, 80]])
    for index in range(30, 40):
        found = replace(boxes, track_ids=np.array([7], np.int64))
        reported += machine.step(Frame("a", index, index * NS // 8, ClockQuality.FILE, IMAGE), found, ())
    assert {each.track for each in reported} == {1, 2}
