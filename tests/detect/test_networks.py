"""The table of networks agrees with configuration, weights and tracking."""

import numpy as np
import pytest

from deploy.site.wiring import tracker_maker
from deploy.weights import catalogue
from detect.detections import Detections
from detect.motion import MotionDetector
from detect.networks import NETWORKS
from detect.registry import FOUNDATION, check_detector, open_detector, start_score
from detect.settings import CALLS_PER_S, DetectSettings, FoundationSettings
from ingest.clock import NS
from ingest.errors import ConfigError
from ingest.frame import ClockQuality, Frame


def test_every_name_of_the_configuration_is_a_network_with_weights() -> None:
    for name in NETWORKS:
        check_detector(name)
    assert catalogue.load_catalogue().networks.keys() >= NETWORKS.keys()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_weak_detection_continues_a_track_and_starts_none(name: str) -> None:
    """Whatever a score means to a network, the tracker it is wired with starts at that network's score."""
    start_score, min_score = NETWORKS[name].start_score, NETWORKS[name].min_score
    assert 0.1 <= min_score < start_score - 0.1, "the tracker drops what is below .1"
    tracker = tracker_maker(DetectSettings(detector=name))()

    def track_ids(index: int, *scores: float) -> list[int]:
        boxes = [[20.0 + 3 * index, 50.0 * row, 80.0 + 3 * index, 50.0 * row + 40] for row in range(len(scores))]
        frame = Frame("a", index, index * NS // 8, ClockQuality.FILE, np.zeros((200, 400, 3), np.uint8))
        tracked = tracker(frame, Detections.of(boxes, list(scores)) if boxes else Detections.none())
        return [int(each) for each in tracked.track_ids]

    assert track_ids(0) == []  # what is there from the start may be scenery
    assert track_ids(16, start_score + 0.01, start_score - 0.01) == [1]
    assert track_ids(17, min_score + 0.01, start_score - 0.01) == [1]
    assert track_ids(18, min_score + 0.01, start_score + 0.01) == [1, 2]


@pytest.mark.parametrize("name", FOUNDATION)
def test_what_costs_too_much_for_every_frame_is_known_and_not_cheap(name: str) -> None:
    check_detector(name)
    for refused in (lambda: check_detector(name, cheap=True), lambda: open_detector(name, catalogue.find)):
        with pytest.raises(ConfigError, match=f"'{name}' is not one of: .*pvb-2004"):
            refused()


def test_motion_has_masks_only_where_they_are_asked_for() -> None:
    still, moved = (np.full((64, 96, 3), 90, np.uint8) for _ in range(2))
    moved[20:50, 30:70] = 255
    for masks in (False, True):
        detector = open_detector("motion", catalogue.find, **({"masks": True} if masks else {}))
        assert isinstance(detector, MotionDetector)
        for index, image in enumerate([still] * 6 + [moved]):
            found = detector(Frame("a", index, index * NS, ClockQuality.FILE, image))
        assert len(found) == 1
        assert (found.masks is not None) == masks


@pytest.mark.parametrize(("box_score", "starts"), [(0.3, 0.4), (0.95, 0.99)])
def test_a_foundation_model_starts_tracks_a_little_above_its_score(box_score: float, starts: float) -> None:
    assert start_score(FOUNDATION[0], FoundationSettings(box_score=box_score)) == pytest.approx(starts)


BUDGETS: dict[str, tuple[FoundationSettings, float | None]] = {
    "neither": (FoundationSettings(), CALLS_PER_S),
    "calls": (FoundationSettings(max_calls_per_s=3.0), 3.0),
    "a share of the time": (FoundationSettings(max_gpu_share=0.5), None),
    "both": (FoundationSettings(max_calls_per_s=3.0, max_gpu_share=0.5), 3.0),
}


@pytest.mark.parametrize("name", BUDGETS)
def test_the_budget_in_calls(name: str) -> None:
    settings, expected = BUDGETS[name]
    assert settings.calls_per_s == expected
