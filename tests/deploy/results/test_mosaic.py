"""The mosaic and the sheet: sizes, pauses, and a name only when they are whole."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from deploy.results import mosaic
from deploy.results.frame_album import FrameAlbum
from deploy.results.journeys import Journeys
from deploy.results.mosaic import Paths, SheetRows, TrackletBox, write_mosaic, write_sheet
from detect.detections import Detections
from ingest.clock import NS
from ingest.errors import ConfigError
from ingest.frame import ClockQuality, Frame, Image
from tests.deploy.results.conftest import MakeAlbum

BRIGHT = np.full((90, 160, 3), 200, np.uint8)
NO_PATHS: Paths = defaultdict(dict)


def _filled(album: FrameAlbum, times_ns: list[int], cameras: int = 1) -> FrameAlbum:
    for number in range(cameras):
        for at_ns in times_ns:
            album(Frame(f"camera-{number}", 0, at_ns, ClockQuality.FILE, BRIGHT), Detections.none())
    return album


@pytest.mark.parametrize(
    ("cameras", "size"), [(1, (480, 300)), (3, (1440, 300)), (5, (1440, 570)), (100, (3840, 2190))]
)
def test_cameras_stand_in_a_row_or_in_a_square(
    tmp_path: Path, make_album: MakeAlbum, cameras: int, size: tuple[int, int]
) -> None:
    write_mosaic(tmp_path / "m.mp4", _filled(make_album(), [0], cameras), NO_PATHS, Journeys())
    with av.open(str(tmp_path / "m.mp4")) as video:
        frame = next(video.decode(video=0))
    assert (frame.width, frame.height) == size
    assert frame.to_ndarray(format="gray")[: size[1] // 4].mean() > 150


def test_a_pause_of_all_cameras_is_left_out(tmp_path: Path, make_album: MakeAlbum) -> None:
    """A recording without a date beside one of today are 56 years apart."""
    begins = [0, 1_800_000_000 * NS]
    times_ns = [begin + second * NS for begin in begins for second in range(3)]
    write_mosaic(tmp_path / "m.mp4", _filled(make_album(), times_ns), NO_PATHS, Journeys())
    with av.open(str(tmp_path / "m.mp4")) as video:
        assert 30 <= sum(1 for _ in video.decode(video=0)) <= 40


def test_it_has_its_name_only_when_it_is_whole(
    tmp_path: Path, make_album: MakeAlbum, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = tmp_path / "out" / "m.mp4"
    seen: list[bool] = []
    page = mosaic._page

    def watched(*of: Any) -> Image:
        seen.append(written.exists())
        return page(*of)

    monkeypatch.setattr(mosaic, "_page", watched)
    write_mosaic(written, _filled(make_album(), [0, NS]), NO_PATHS, Journeys())
    assert seen
    assert not any(seen)
    assert [path.name for path in written.parent.iterdir()] == ["m.mp4"]


def test_a_place_that_cannot_be_written(tmp_path: Path, make_album: MakeAlbum) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write the video"):
        write_mosaic(tmp_path / "file" / "m.mp4", _filled(make_album(), [0]), NO_PATHS, Journeys())


def test_a_sheet_of_no_vehicle_is_not_painted(tmp_path: Path, make_album: MakeAlbum) -> None:
    assert write_sheet(tmp_path / "s.png", _filled(make_album(), [0]), {}, Journeys()) == SheetRows(0, 0)
    assert not (tmp_path / "s.png").exists()


@pytest.mark.parametrize(
    ("sides", "inner", "at"),
    [
        ((1920, 1080), (480, 270), (0, 0)),
        ((352, 288), (330, 270), (75, 0)),
        ((1080, 1920), (152, 270), (164, 0)),
        ((160, 40), (480, 120), (0, 75)),
    ],
)
def test_a_camera_is_shown_with_its_sides_as_they_are(
    sides: tuple[int, int], inner: tuple[int, int], at: tuple[int, int]
) -> None:
    image = np.full((sides[1], sides[0], 3), 200, np.uint8)
    tile, scale, place = mosaic.fit(image, (480, 270))
    assert tile.shape == (270, 480, 3)
    assert place == at
    assert scale == pytest.approx(min(480 / sides[0], 270 / sides[1]))
    bright = np.argwhere(tile[..., 0] > 150)
    assert (bright.max(axis=0) - bright.min(axis=0) + 1).tolist() == [inner[1], inner[0]]


@pytest.mark.parametrize("sides", [(160, 90), (3840, 2160)])
def test_boxes_are_as_thick_whatever_the_camera_s_size(make_album: MakeAlbum, sides: tuple[int, int]) -> None:
    album = make_album()
    album(Frame("a", 0, 0, ClockQuality.FILE, np.full((sides[1], sides[0], 3), 200, np.uint8)), Detections.none())
    box = (sides[0] // 4, sides[1] // 4, sides[0] // 2, sides[1] // 2)
    tile = mosaic._tile(album, "a", 0, {0: [TrackletBox("a|1.0|1", box)]}, Journeys(), set(), (480, 270))
    across = tile[100, :, 0].astype(int) < 180  # of the row through the middle of the box, both its sides
    assert 4 <= across.sum() <= 8
