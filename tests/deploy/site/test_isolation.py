"""Frames that fail together are told apart, and a camera that keeps failing costs the others nothing."""

from collections.abc import Sequence

import numpy as np
import pytest

from deploy.site.isolation import IsolatingDetector
from detect.detections import Detections
from ingest.errors import WeightsError
from ingest.frame import ClockQuality, Frame

IMAGE = np.zeros((4, 4, 3), np.uint8)


class FailingDetector:
    """A batch detector that fails where one of these (camera, sequence) is among the frames; it keeps its calls."""

    def __init__(self, *odd: tuple[str, int], error: Exception | None = None) -> None:
        self._odd = odd
        self._error = error or ValueError("an odd picture")
        self.calls: list[str] = []

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        self.calls.append("".join(frame.camera_id for frame in frames))
        if any((frame.camera_id, frame.sequence) in self._odd for frame in frames):
            raise self._error
        return [Detections.of([[0, 0, 1 + frame.sequence, 1]], labels=frame.camera_id) for frame in frames]


def look(detector: FailingDetector, rounds: int, cameras: str = "abc") -> list[str]:
    """What comes of each round, a letter a camera: its own where its vehicles are told, `-` where not."""
    isolated = IsolatingDetector(detector)
    letters = []
    for index in range(rounds):
        found = isolated([Frame(camera, index, index, ClockQuality.FILE, IMAGE) for camera in cameras])
        letters.append("".join("-" if isinstance(each, Exception) else each.labels[0] for each in found))
    return letters


def test_what_works_is_called_once() -> None:
    detector = FailingDetector()
    assert look(detector, 2) == ["abc", "abc"]
    assert detector.calls == ["abc", "abc"]


def test_one_odd_picture_takes_no_other_down() -> None:
    detector = FailingDetector(("b", 0))
    assert look(detector, 3) == ["a-c", "abc", "abc"]
    assert detector.calls == ["abc", "a", "b", "c", "ac", "b", "abc"]


def test_a_camera_that_always_fails_is_called_alone() -> None:
    detector = FailingDetector(*(("a", index) for index in range(9)), *(("c", index) for index in range(9)))
    assert look(detector, 3) == ["-b-", "-b-", "-b-"]
    assert detector.calls == ["abc", "a", "b", "c", *("a", "b", "c") * 2]


def test_a_single_frame_is_not_tried_twice() -> None:
    detector = FailingDetector(("a", 0))
    assert look(detector, 1, "a") == ["-"]
    assert detector.calls == ["a"]


def test_an_error_of_our_own_is_no_odd_picture() -> None:
    for cameras in ("a", "abc"):
        with pytest.raises(WeightsError, match="damaged"):
            look(FailingDetector(("a", 0), error=WeightsError("damaged")), 1, cameras)


def test_nothing_in_nothing_out() -> None:
    detector = FailingDetector()
    assert look(detector, 1, "") == [""]
    assert detector.calls == []
