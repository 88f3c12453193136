"""Recordings through PyAV."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from ingest.clock import NS
from ingest.errors import SourceError
from ingest.frame import ClockQuality
from ingest.video import RecordedVideo
from tests.conftest import ROOT
from tests.ingest.clips import SIZE, write_clip


def test_media_time_is_event_time(tmp_path: Path) -> None:
    frames = list(RecordedVideo(write_clip(tmp_path / "a.mp4", 20), "a", starts_ns=7 * NS).frames())
    assert [frame.sequence for frame in frames] == list(range(20))
    assert [frame.captured_ns for frame in frames] == [7 * NS + index * NS // 25 for index in range(20)]
    assert frames[0].size == SIZE
    assert frames[0].clock is ClockQuality.FILE


def test_a_restart_goes_on_after_what_is_known(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 20)
    whole = list(RecordedVideo(path, "a").frames())
    rest = list(RecordedVideo(path, "a", after_ns=whole[11].captured_ns).frames())
    assert [frame.captured_ns for frame in rest] == [frame.captured_ns for frame in whole[12:]]
    assert (rest[0].image == whole[12].image).all()


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_what_is_no_video_cannot_be_opened(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="camera 'a': cannot open"):
        RecordedVideo(path, "a")


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_cut_off_recording_is_read_to_the_break_and_reported(tmp_path: Path, name: str) -> None:
    path = write_clip(tmp_path / name, 200)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    source = RecordedVideo(path, "a").frames()
    seen: list[int] = []
    with pytest.raises(SourceError, match=r"breaks off after .* of 8\.0 s"):
        seen.extend(frame.sequence for frame in source)
    assert 50 < len(seen) < 200


def test_closing_ends_the_frames(tmp_path: Path) -> None:
    source = RecordedVideo(write_clip(tmp_path / "a.mp4", 50), "a")
    frames = source.frames()
    next(frames)
    source.close()
    assert len(list(frames)) == 0


@pytest.mark.parametrize("began", [0, 1, 50], ids=["never read", "in the middle", "read to the end"])
def test_closing_closes_the_file(tmp_path: Path, began: int) -> None:
    path = write_clip(tmp_path / "a.mp4", 50)
    source = RecordedVideo(path, "a")
    assert is_open(path)
    frames = source.frames()
    seen = list(islice(frames, began))
    assert len(seen) == began
    source.close()
    assert list(frames) == []
    assert not is_open(path)
    source.close()


CLOSE_OFTEN = """
import sys
from pathlib import Path
from ingest.video import RecordedVideo

for _ in range(1000):
    source = RecordedVideo(Path(sys.argv[1]), "a")
    frames = source.frames()
    next(frames)
    source.close()
    assert not list(frames)
"""


def test_closing_while_a_decoder_s_threads_work_never_stands_still(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 50)
    subprocess.run([sys.executable, "-c", CLOSE_OFTEN, str(path)], cwd=ROOT, check=True, timeout=120)


def test_a_title_that_is_not_utf_8_stops_nobody(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 5)
    content = path.read_bytes()
    assert b"VideoHandler" in content
    path.write_bytes(content.replace(b"VideoHandler", b"Vid\xfcoHandler"))
    assert len(list(RecordedVideo(path, "a").frames())) == 5


def is_open(path: Path) -> bool:
    """Whether this process has a file open."""
    return any(link.is_symlink() and link.readlink() == path for link in Path("/proc/self/fd").iterdir())
