"""Real recordings over RTSP: key frames every second, and the ten seconds that the recordings have themselves."""

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest

from deploy.city.rtsp.server import RtspServer
from ingest.camera import Camera
from ingest.clock import NS, SystemClock
from ingest.errors import SourceError
from ingest.frame import ClockQuality
from ingest.network.access_unit import AccessUnit, parameter_sets
from ingest.network.h264 import encoded_units, recorded_units
from ingest.network.streamed import StreamedVideo
from ingest.video import RecordedVideo
from tests.ingest.clips import write_clip

CLOCK = SystemClock()


def encoded_anew(path: Path, key_interval_s: float) -> Iterator[AccessUnit]:
    """A recording with another key interval, from now on, in real time."""
    frames = RecordedVideo(path, "file", starts_ns=CLOCK.now_ns()).frames()
    return encoded_units(((frame.captured_ns, frame.image) for frame in frames), 25, key_interval_s=key_interval_s)


def open_late(server: RtspServer, path: str, after_frames: int) -> float:
    """Seconds to the first picture for somebody who comes when the camera has sent so many pictures."""
    camera = Camera(id="a", source=server.url(path))
    early = StreamedVideo(camera, None)
    frames = early.frames()
    list(islice(frames, after_frames))
    began_s = CLOCK.monotonic_s()
    late = StreamedVideo(camera, None)
    assert next(late.frames()).clock is ClockQuality.RTCP
    took_s = CLOCK.monotonic_s() - began_s
    early.close()
    late.close()
    return took_s


@pytest.mark.parametrize(("key_interval_s", "after_frames"), [(1.0, 15), (3.0, 35)])
def test_a_real_scene_can_be_joined_at_its_next_key_picture(
    shared_data: Path, key_interval_s: float, after_frames: int
) -> None:
    clip = shared_data / "video" / "jamcam_06514.mp4"
    with RtspServer() as server:
        server.add("/real", lambda: encoded_anew(clip, key_interval_s))
        took_s = open_late(server, "/real", after_frames)
    print(f"key interval {key_interval_s:g} s: first frame after {took_s:.2f} s")
    assert took_s < key_interval_s + 3


@pytest.mark.parametrize("name", ["jamcam_03604.mp4", "highway_960x540.mp4"])
def test_recordings_are_served_as_they_are(shared_data: Path, name: str) -> None:
    """Their own H.264, B-frames and all; `captured_ns` counts media time from the start."""
    clip = shared_data / "video" / name
    wanted = list(islice(RecordedVideo(clip, "file").frames(), 40))
    with RtspServer() as server:
        began: list[int] = []

        def units() -> Iterator[AccessUnit]:
            began.append(CLOCK.now_ns() + NS // 2)
            return recorded_units(clip, starts_ns=began[0])

        server.add("/file", units)
        video = StreamedVideo(Camera(id="a", source=server.url("/file")), None)
        frames = list(islice(video.frames(), 25))
        video.close()
    assert {frame.clock for frame in frames} == {ClockQuality.RTCP}
    times = {frame.captured_ns: frame for frame in wanted}
    for frame in frames:
        media_ns = frame.captured_ns - began[0]
        nearest = min(times, key=lambda each: abs(each - media_ns))
        assert abs(nearest - media_ns) < 1_000_000
        assert abs(frame.image.astype(int) - times[nearest].image).mean() < 1  # the same picture


# Access units, without shared data


def test_a_recording_s_units_are_whole_and_timed_from_its_start(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", 30)
    units = list(recorded_units(clip, starts_ns=5 * NS))
    assert len(units) == 30
    assert units[0].keyframe
    assert parameter_sets(units[0].data) is not None
    assert sorted(unit.captured_ns for unit in units) == [5 * NS + number * NS // 25 for number in range(30)]
    assert all(unit.data.startswith(b"\x00\x00") for unit in units)


def test_a_looped_recording_follows_on_itself(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", 10)
    times = sorted(unit.captured_ns for unit in islice(recorded_units(clip, starts_ns=0, loop=True), 40))
    assert {after - before for before, after in pairwise(times)} == {NS // 25}


def test_what_is_no_video_is_refused_with_words(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"not a video" * 100)
    for name in ("a.mp4", "absent.mp4"):
        with pytest.raises(SourceError, match=f"cannot read .*{name}"):
            list(recorded_units(tmp_path / name, starts_ns=0))


def test_encoding_is_one_unit_a_picture_with_its_own_time() -> None:
    from tests.integration.pixel_clock import draw

    shots = [(number * NS // 10, draw(number * NS // 10, number)) for number in range(25)]
    units = list(encoded_units(shots, 10, key_interval_s=1.0))
    assert [unit.captured_ns for unit in units] == [at_ns for at_ns, _ in shots]
    assert [number for number, unit in enumerate(units) if unit.keyframe] == [0, 10, 20]
    assert all((parameter_sets(unit.data) is not None) == unit.keyframe for unit in units)
