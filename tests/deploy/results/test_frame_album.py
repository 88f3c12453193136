"""The album of analysed frames: what is kept, what is given up, and that it is counted."""

from pathlib import Path

import numpy as np
import pytest

from deploy.results.frame_album import FrameAlbum
from detect.detections import Detections
from ingest.clock import NS
from ingest.errors import ConfigError
from ingest.frame import ClockQuality, Frame
from tests.deploy.results.conftest import MakeAlbum

NOISE = np.random.default_rng(3)


def _fill(album: FrameAlbum, frames: int, camera: str = "north") -> None:
    for number in range(frames):
        image = NOISE.integers(0, 256, (60, 80, 3), dtype=np.uint8)
        image[:, :40] = number
        album(Frame(camera, number, number * NS, ClockQuality.FILE, image), Detections.none())


def test_the_last_frame_at_a_time(make_album: MakeAlbum) -> None:
    album = make_album()
    _fill(album, 5)
    assert album.cameras == ["north"]
    assert album.at("north", -1) is None
    for at_ns, expected in ((0, 0), (NS - 1, 0), (3 * NS, 3), (99 * NS, 4)):
        shot = album.at("north", at_ns)
        assert shot is not None
        assert shot[0] == expected * NS
        assert shot[1][:, :30].mean() == pytest.approx(expected, abs=4)


def test_beyond_the_limit_the_oldest_frames_are_given_up_and_counted(tmp_path: Path, make_album: MakeAlbum) -> None:
    album = make_album(limit_bytes=200_000)
    _fill(album, 100)
    kept = album.times_ns("north")
    assert 0 < len(kept) < 100
    assert kept[-1] == 99 * NS
    assert album.given_up == 100 - len(kept)
    assert album.at("north", kept[0] - 1) is None
    album.close()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_ends_the_collecting(
    make_album: MakeAlbum, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    album = make_album()
    _fill(album, 2)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(album, "_keep", full)
    _fill(album, 3, "south")
    assert album.given_up == 3
    assert album.cameras == ["north"]
    assert caplog.text.count("No space left") == 1


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write to the folder"):
        FrameAlbum(tmp_path / "file")
