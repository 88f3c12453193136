"""Cameras over HLS: media times within a segment, the playlist's clock, pauses between segments."""

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest

from ingest.camera import Camera
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame
from ingest.network.open_stream import with_password
from ingest.network.playlist import parse_playlist
from ingest.network.streamed import StreamedVideo
from ingest.redact import redact
from tests.ingest.network.hls_camera import SEGMENT_S, HlsCamera, serving
from tests.ingest.odd_clips import FPS

PLAYLIST, ARRIVAL = ClockQuality.PLAYLIST, ClockQuality.ARRIVAL


@pytest.fixture
def camera(tmp_path: Path) -> HlsCamera:
    one = HlsCamera(tmp_path)
    one.began_ns -= 5 * NS  # it has run for a while
    return one


def take(url: str, count: int) -> tuple[list[Frame], StreamedVideo]:
    video = StreamedVideo(Camera(id="road", source=url), None)
    frames = list(islice(video.frames(), count))
    video.close()
    return frames, video


def errors_s(camera: HlsCamera, frames: list[Frame]) -> Iterator[float]:
    """Capture time less the true one: frames are captured every 1/25 s from `began_ns` on."""
    for frame in frames:
        since_ns = frame.captured_ns - camera.began_ns
        yield (since_ns - round(since_ns * FPS / NS) * NS / FPS) / NS


def check_even(frames: list[Frame]) -> None:
    steps = [after.captured_ns - before.captured_ns for before, after in pairwise(frames)]
    assert all(abs(step - NS / FPS) < 0.03 * NS / FPS for step in steps)


@pytest.mark.parametrize("path", ["/live.m3u8", "/live", "/master.m3u8"])
def test_frames_are_as_far_apart_as_they_were_captured_over_many_segments(camera: HlsCamera, path: str) -> None:
    with serving(camera) as url:
        frames, video = take(url + path, 4 * FPS)
    check_even(frames)
    assert [after.sequence - before.sequence for before, after in pairwise(frames)] == [1] * (4 * FPS - 1)
    assert {frame.clock for frame in frames} == {ARRIVAL}
    assert not video.status().left_out


def test_arrival_anchors_a_segment_by_its_length(camera: HlsCamera) -> None:
    """The newest frame of a segment was captured when the segment was listed, not its oldest."""
    with serving(camera) as url:
        frames, _ = take(url + "/live.m3u8", 5)
    number = int(
        next(each for each in reversed(camera.requests) if each.endswith(".ts")).strip("/").removesuffix(".ts")
    )
    true_ns = camera.began_ns + number * SEGMENT_S * NS
    assert -0.1 * NS < frames[0].captured_ns - true_ns < 2 * NS  # of a poll every half second, on a busy machine


@pytest.mark.parametrize("path", ["/live.m3u8", "/master.m3u8"])
def test_the_playlist_s_clock_is_a_clock_of_its_own(camera: HlsCamera, path: str) -> None:
    camera.program_off_s = 0.0
    with serving(camera) as url:
        frames, video = take(url + path, 3 * FPS)
    check_even(frames)
    assert {frame.clock for frame in frames} == {PLAYLIST}
    assert max(map(abs, errors_s(camera, frames))) < 0.005
    status = video.status().clock
    assert status is not None
    assert status.lag_ms is not None
    assert status.lag_ms >= SEGMENT_S * 500


@pytest.mark.parametrize(("off_s", "said"), [(86_400.0, "86399.* s ahead|86398.* s ahead"), (-86_400.0, "s behind")])
def test_a_playlist_whose_clock_cannot_be_is_not_believed(camera: HlsCamera, off_s: float, said: str) -> None:
    camera.program_off_s = off_s
    with serving(camera) as url:
        frames, video = take(url + "/live.m3u8", FPS)
    assert {frame.clock for frame in frames} == {ARRIVAL}
    check_even(frames)
    status = video.status().clock
    assert status is not None
    assert "the playlist's times are" in status.suspect


def test_media_times_that_begin_again_with_every_segment_go_on(camera: HlsCamera) -> None:
    camera.restarts = True
    with serving(camera) as url:
        frames, video = take(url + "/live.m3u8", 3 * FPS)
    check_even(frames)
    assert not video.status().left_out


TEXT = """#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-MAP:URI="init.mp4"
#EXT-X-KEY:METHOD=AES-128,URI="https://keys/1"
#EXT-X-PROGRAM-DATE-TIME:2026-11-28T12:00:00.250+01:00
#EXTINF:3.960,with a title
a.m4s?token=1
#EXT-X-BYTERANGE:1000@0
#EXTINF:4,
/b.m4s
#EXT-X-DISCONTINUITY
#EXTINF:nonsense,
c.m4s
"""


def test_a_playlist_is_read() -> None:
    playlist = parse_playlist(TEXT, "https://me:secret@host/cam/live.m3u8")
    first, second, third = playlist.segments
    assert first.url == "https://me:secret@host/cam/a.m4s?token=1"
    assert second.url == "https://me:secret@host/b.m4s"
    assert first.program_ns == 1_795_863_600_250_000_000
    assert second.program_ns is not None
    assert second.program_ns - first.program_ns == 3_960_000_000
    assert third.program_ns is None
    assert third.duration_s == 0.0
    assert '#EXT-X-MAP:URI="https://me:secret@host/cam/init.mp4"' in second.tags
    assert "#EXT-X-BYTERANGE:1000@0" in second.tags
    assert "#EXT-X-BYTERANGE:1000@0" not in third.tags
    assert not playlist.ended
    assert parse_playlist(first.alone(), "x").segments[0].url == first.url
    assert not parse_playlist("<html>not found</html>", "x").variants


def test_a_password_does_not_come_out_of_a_playlist_that_cannot_be_read(tmp_path: Path) -> None:
    with serving(HlsCamera(tmp_path)) as url, pytest.raises(Exception, match="cannot open") as caught:
        StreamedVideo(Camera(id="road", source=url.replace("://", "://me@") + "/none.m3u8"), "s3cret")
    assert "s3cret" not in str(caught.value)
    assert "s3cret" in with_password("http://me@host", "s3cret") != redact("http://me:s3cret@host")
