"""The table of networks agrees with configuration, weights and tracking."""

import numpy as np
import pytest

from deploy.site.wiring import tracker_maker
from deploy.weights import catalogue
from detect.detections import Detections
from detect.networks import NETWORKS
from detect.registry import check_detector
from detect.settings import DetectSettings
from ingest.clock import NS
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
