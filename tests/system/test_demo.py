"""`corridor demo`: a linked trajectory, pictures, and links that are mostly true."""

from collections import Counter
from pathlib import Path

import av
import cv2
import pytest

from deploy.log.sqlite_log import SqliteLog
from deploy.results.journeys import read_journeys, visited_cameras
from deploy.results.mosaic import read_paths
from tests.system.command import corridor


@pytest.mark.timeout(900)  # it draws three times 90 s of a city, for two minutes where nothing else runs
def test_the_demo(tmp_path: Path) -> None:
    result = corridor(tmp_path, "demo")
    assert result.returncode == 0, result.stderr
    assert " ▸ " in result.stdout
    assert "runs/demo/mosaic.mp4" in result.stdout
    sheet = cv2.imread(str(tmp_path / "runs/demo/vehicles.png"))
    assert sheet is not None
    assert sheet.std() > 20
    with av.open(str(tmp_path / "runs/demo/mosaic.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) > 300
    log = SqliteLog(tmp_path / "runs/demo/demo.db")
    journeys = read_journeys(log)
    assert len([event for event in journeys.linked if len(visited_cameras(event)) == 3]) >= 4
    paths = read_paths(log)
    assert set(paths) == {"bridge", "market", "station"}
    counted = Counter(len(boxes) for camera in paths.values() for boxes in camera.values())
    assert counted[1] > 100
