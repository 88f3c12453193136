"""The network detector on a real frame; and that nobody is told about it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detect.boxes import areas
from detect.networks import CROSSROAD_1016, NETWORKS
from detect.registry import open_network
from detect.ssd import SsdDetector, decode
from ingest.errors import WeightsError
from ingest.video import RecordedVideo
from tests.conftest import ROOT

NAME = "person-vehicle-bike-detection-crossroad-1016"


def test_vehicles_are_found_in_a_real_frame(shared_data: Path) -> None:
    detector = SsdDetector(shared_data / "weights" / f"{NAME}.xml", CROSSROAD_1016)
    frame = next(RecordedVideo(shared_data / "video" / "jamcam_06514.mp4", "a").frames())
    found = detector(frame)
    assert len(found) >= 4
    assert found.scores.min() >= CROSSROAD_1016.min_score
    assert (found.scores > 0.7).sum() >= 3
    assert (areas(found.boxes) > 0).all()
    assert found.boxes.min() >= 0
    assert found.boxes[:, 2].max() <= frame.size[0]
    again = detector(frame)
    assert (again.boxes == found.boxes).all()
    sure = SsdDetector(shared_data / "weights" / f"{NAME}.xml", CROSSROAD_1016, min_score=0.7)(frame)
    assert len(sure) == (found.scores >= 0.7).sum() < len(found)


ROWS = np.array(
    [
        [0, 1, 0.9, 0.1, 0.2, 0.5, 0.6],
        [0, 0, 0.9, 0.1, 0.2, 0.5, 0.6],  # another class
        [0, 1, 0.14, 0.1, 0.2, 0.5, 0.6],  # too weak
        [0, 1, 0.8, -0.1, 0.5, 0.5, 1.3],  # reaches out of the image
        [0, 1, 0.7, 0.9, 0.9, 0.9, 0.95],  # has no width
        [0, 1, 0.6, 1.1, 0.1, 1.3, 0.2],  # lies outside
        [-1, 0, 0, 0, 0, 0, 0],  # the end
        [0, 1, 0.9, 0.1, 0.2, 0.5, 0.6],
    ],
    np.float32,
)


def test_rows_of_the_output_become_boxes() -> None:
    found = decode(ROWS, (200, 100), vehicle_class=1, min_score=0.15)
    assert np.allclose(found.boxes, [[20, 20, 100, 60], [0, 50, 100, 100]])
    assert np.allclose(found.scores, [0.9, 0.8])
    assert found.labels == ("vehicle", "vehicle")


def test_a_list_that_fills_the_output_has_no_end() -> None:
    assert len(decode(ROWS[:1].repeat(200, axis=0), (200, 100), vehicle_class=1, min_score=0.15)) == 200


@pytest.mark.parametrize("name", NETWORKS)
def test_a_broken_network_is_named(name: str, tmp_path: Path) -> None:
    broken = tmp_path / ("net.onnx" if name == "yolox-nano" else "net.xml")
    broken.write_text("<net/>")
    with pytest.raises(WeightsError, match="cannot read the network"):
        open_network(name, broken)


SCRIPT = """
import sys, openvino_telemetry
def refuse(*args, **kwargs):
    raise SystemExit("a telemetry object was built")
openvino_telemetry.Telemetry.__init__ = refuse
openvino_telemetry.Telemetry.__new__ = refuse
from pathlib import Path
from detect.ssd import CROSSROAD_1016, SsdDetector
SsdDetector(Path(sys.argv[1]), CROSSROAD_1016)
from openvino.tools.ovc import telemetry
assert "stub" in type(telemetry).__module__, type(telemetry)
print("quiet")
"""


def test_nothing_is_reported_to_anybody(shared_data: Path) -> None:
    network = shared_data / "weights" / f"{NAME}.xml"
    result = subprocess.run([sys.executable, "-c", SCRIPT, network], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout == "quiet\n", result.stderr


def test_the_telemetry_trap_would_snap() -> None:
    script = SCRIPT.split("from pathlib")[0] + "import openvino"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert "a telemetry object was built" in result.stderr
