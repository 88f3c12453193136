"""What holds for every detector."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from deploy.weights import catalogue
from detect.boxes import areas
from detect.detections import UNTRACKED, Detections
from detect.detector import Detector
from detect.motion import MotionDetector
from detect.networks import NETWORKS, START_SCORE
from detect.registry import open_network
from ingest.frame import ClockQuality, Frame, Image
from ingest.video import RecordedVideo

MAKERS = ("motion", *NETWORKS)
LABELS = {name: {"vehicle"} for name in MAKERS} | {"yolox-nano": {"car", "bus", "truck", "motorcycle"}}
NEEDED = {"motion": 1, "crossroad-1016": 4, "pvb-2004": 4, "pvb-2001": 4, "pvb-2000": 4, "yolox-nano": 3}
"""How many vehicles of the last frame each detector finds at least."""


class Subject(NamedTuple):
    """A detector by its name, and how to make it anew, with a floor for its scores if it has scores."""

    name: str
    make: Callable[..., Detector]


@pytest.fixture(scope="module", params=MAKERS)
def subject(request: pytest.FixtureRequest, shared_data: Path) -> Subject:
    name: str = request.param
    if name == "motion":
        return Subject(name, lambda min_score=None: MotionDetector())
    main = catalogue.load_catalogue().network(name).published.files[0].name
    path = shared_data / "weights" / main
    return Subject(name, lambda min_score=None: open_network(name, path, min_score=min_score, threads=1))


@pytest.fixture(scope="module")
def frames(shared_data: Path) -> list[Frame]:
    """Real traffic, three frames a second."""
    return list(RecordedVideo(shared_data / "video" / "jamcam_06514.mp4", "a").frames())[:96:8]


@pytest.fixture(scope="module")
def found(subject: Subject, frames: list[Frame]) -> list[Detections]:
    detector = subject.make()
    return [detector(frame) for frame in frames]


def check(found: Detections, size: tuple[int, int]) -> None:
    width, height = size
    assert (found.boxes[:, :2] >= 0).all()
    assert (found.boxes[:, 2] <= width).all()
    assert (found.boxes[:, 3] <= height).all()
    assert (areas(found.boxes) > 0).all()
    assert ((found.scores > 0) & (found.scores <= 1)).all()
    assert (found.track_ids == UNTRACKED).all()
    assert found.boxes.dtype == found.scores.dtype == np.float32


def test_vehicles_are_found(subject: Subject, found: list[Detections], frames: list[Frame]) -> None:
    for each, frame in zip(found, frames, strict=True):
        check(each, frame.size)
        assert set(each.labels) <= LABELS[subject.name]
    assert len(found[-1]) >= NEEDED[subject.name]


def test_the_same_frames_give_the_same_detections(
    subject: Subject, frames: list[Frame], found: list[Detections]
) -> None:
    detector = subject.make()
    for frame, before in zip(frames, found, strict=True):
        again = detector(frame)
        assert (again.boxes == before.boxes).all()
        assert (again.scores == before.scores).all()
        assert again.labels == before.labels


def test_a_frame_is_not_written_to(subject: Subject, frames: list[Frame]) -> None:
    image = frames[0].image.copy()
    image.flags.writeable = False
    subject.make()(Frame("a", 0, 0, ClockQuality.FILE, image))
    assert (image == frames[0].image).all()


def test_an_empty_picture_starts_no_track(subject: Subject) -> None:
    """Some networks see a faint vehicle in a grey picture; none is sure of it."""
    detector = subject.make()
    start_score = NETWORKS[subject.name].start_score if subject.name in NETWORKS else START_SCORE
    for index in range(5):
        each = detector(Frame("a", index, index, ClockQuality.FILE, np.full((288, 352, 3), 114, np.uint8)))
        check(each, (352, 288))
        assert (each.scores < start_score).all()


def test_nothing_found_is_no_row(subject: Subject) -> None:
    detector = subject.make(min_score=0.99)
    each = detector(Frame("a", 0, 0, ClockQuality.FILE, np.full((288, 352, 3), 114, np.uint8)))
    check(each, (352, 288))
    assert (len(each), each.boxes.shape, each.labels) == (0, (0, 4), ())


@pytest.mark.parametrize(
    "size", [(17, 33), (33, 17), (1920, 1080), (1, 1), (640, 8)], ids=lambda size: "x".join(map(str, size))
)
def test_any_size_is_taken(subject: Subject, frames: list[Frame], size: tuple[int, int]) -> None:
    detector = subject.make()
    for index, frame in enumerate(frames[:5]):
        image: Image = np.asarray(cv2.resize(frame.image, size), np.uint8)
        check(detector(Frame("b", index, index, ClockQuality.FILE, image)), size)
