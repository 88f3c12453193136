"""From tracked boxes to observations."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
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
    return TrackletBuilder(
        "a", CameraEpoch(3, 1), encoder or Counting(), BoxMasker(), lost_after_s=1.0, settings=EmbedSettings()
    )


def run(paths: dict[int, range], frames: int, machine: TrackletBuilder) -> list[Observation]:
    """Vehicles by tracker id, each visible in a range of frames at 8 a second."""
    reported = []
    for index in range(frames):
        visible = [key for key, span in paths.items() if index in span]
        boxes = np.array([[10 + 5 * index, 20 * key, 70 + 5 * index, 20 * key + 60] for key in visible], np.float32)
        found = Detections.of(boxes.reshape(-1, 4), labels="car")
        found = replace(found, track_ids=np.array(visible, np.int64))
        reported += machine.step(Frame("a", index, index * NS // 8, ClockQuality.FILE, IMAGE), found)
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


def test_a_parked_vehicle_is_told_in_small_pieces() -> None:
    """An hour of it: no observation grows, and no box is lost."""
    machine = builder()
    found = replace(Detections.of([[100, 50, 180, 130]]), track_ids=np.array([1], np.int64))
    reported = []
    for index in range(8 * 3600):
        reported += machine.step(Frame("a", index, index * NS // 8, ClockQuality.FILE, IMAGE), found)
    reported += machine.finish()
    assert max(len(each.path) for each in reported) <= 64
    assert sum(len(each.path) for each in reported) == 8 * 3600


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
    """It may cost a hundred times what a detector does: frames, noise and what has its silhouette cost it nothing."""
    encoder, masker = Counting(), CountingMasker()
    settings = EmbedSettings(crops=3)
    machine = TrackletBuilder("a", CameraEpoch(0, 0), encoder, masker, lost_after_s=1.0, settings=settings)
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
        machine.step(Frame("a", index, index * NS // 8, ClockQuality.FILE, IMAGE), found)
    assert encoder.crops > before == len(masker.asked)


def test_a_tracker_s_id_that_comes_back_is_a_new_tracklet() -> None:
    machine = builder()
    reported = run({7: range(10)}, 25, machine)
    boxes = Detections.of([[10, 10, 80, 80]])
    for index in range(30, 40):
        found = replace(boxes, track_ids=np.array([7], np.int64))
        reported += machine.step(Frame("a", index, index * NS // 8, ClockQuality.FILE, IMAGE), found)
    assert {each.track for each in reported} == {1, 2}
