"""A served city, watched as real cameras are: pictures, clocks and outages."""

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray

from deploy.city.recording import Recording, record
from deploy.city.rtsp.server import RtspServer
from deploy.city.serving import Playback, mount, played
from ingest.camera import Camera
from ingest.clock import NS, SystemClock
from ingest.frame import ClockQuality, Frame
from ingest.network.streamed import StreamedVideo
from ingest.synthetic import source
from ingest.synthetic.camera.spec import CameraClock, CameraSpec
from ingest.synthetic.world.presets import Preset, find_camera
from ingest.synthetic.world.truth_file import read_frames

CLOCK = SystemClock()
OFFSET_S, DRIFT_PPM = 1.2, 400.0
DARK_S = (3.0, 4.5)
SECONDS = 6.0


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A camera whose clock is fast and drifts, and which fails for a while."""

    def with_faults(name: str, index: int) -> tuple[Preset, CameraSpec]:
        preset, spec = find_camera(name, index)
        clock = CameraClock(OFFSET_S, DRIFT_PPM)
        return preset, replace(spec, width=320, height=192, clock=clock, dark=(DARK_S,))

    made = Recording("smooth", 0, tmp_path_factory.mktemp("city"), 0, SECONDS, 200_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "find_camera", with_faults)
        patch.setattr("deploy.city.recording.find_camera", with_faults)
        record(made)
    return made


@dataclass(frozen=True)
class Watched:
    """What a viewer saw from the first picture to the last: frames, when they came, and when the city's time began."""

    frames: list[Frame]
    arrived_ns: NDArray[np.int64]
    began_ns: int
    over: bool


@pytest.fixture(scope="module")
def watched(recorded: Recording) -> Watched:
    server, playback = RtspServer(clock=CLOCK), Playback(CLOCK, SECONDS)
    mount(server, "/smooth/0", recorded, playback)
    with server:
        video = StreamedVideo(Camera(id="city", source=server.url("/smooth/0")), None, read_s=6.0)
        seen = [(frame, CLOCK.now_ns()) for frame in video.frames()]
    CLOCK.sleep(0.2)
    frames, arrived_ns = [frame for frame, _ in seen], np.array([at_ns for _, at_ns in seen])
    return Watched(frames, arrived_ns, playback.began_ns(), playback.over)


def test_recorded_times_are_true_and_wrong(recorded: Recording) -> None:
    frames = list(read_frames(recorded.truth))
    times_s = np.array([frame.captured_ns for frame in frames]) / NS
    assert not ((times_s >= DARK_S[0]) & (times_s < DARK_S[1])).any()
    assert np.diff(times_s).max() == pytest.approx(DARK_S[1] - DARK_S[0] + 0.1)
    wrong_s = np.array([frame.camera_ns for frame in frames]) / NS - times_s
    assert wrong_s == pytest.approx(OFFSET_S + DRIFT_PPM * 1e-6 * times_s, abs=1e-6)


def test_frames_carry_the_camera_s_wrong_clock(recorded: Recording, watched: Watched) -> None:
    assert {frame.clock for frame in watched.frames} == {ClockQuality.RTCP}
    true_ns = np.array([frame.captured_ns for frame in read_frames(recorded.truth)]) + watched.began_ns
    stamped_ns = np.array([frame.captured_ns for frame in watched.frames])
    nearest = true_ns[np.abs(true_ns[:, None] - stamped_ns + round(OFFSET_S * NS)).argmin(axis=0)]
    assert (np.diff(nearest) > 0).all()
    drifted_s = DRIFT_PPM * 1e-6 * (nearest - watched.began_ns) / NS
    assert (stamped_ns - nearest) / NS == pytest.approx(OFFSET_S + drifted_s, abs=0.01)
    assert len(stamped_ns) >= 0.5 * len(true_ns)


def test_an_outage_is_silence(watched: Watched) -> None:
    arrived_s = (watched.arrived_ns - watched.began_ns) / NS
    assert not ((arrived_s > DARK_S[0] + 0.5) & (arrived_s < DARK_S[1])).any()
    assert (arrived_s < DARK_S[0]).any()
    assert (arrived_s >= DARK_S[1]).any()


def test_it_plays_to_the_end_and_then_is_over(watched: Watched) -> None:
    assert (watched.arrived_ns[-1] - watched.began_ns) / NS > SECONDS - 0.5
    assert watched.over


def test_a_late_viewer_sees_the_present(recorded: Recording) -> None:
    began_ns = CLOCK.now_ns()
    playback = Playback(CLOCK, SECONDS)
    assert playback.began_ns() >= began_ns

    class Later(SystemClock):
        def now_ns(self) -> int:
            return super().now_ns() + NS

    playback.clock = Later()
    first = next(played(recorded.video, 0, playback))
    assert first.keyframe
    assert NS <= first.captured_ns - playback.began_ns() < 5 * NS


def test_a_loop_goes_on_in_the_same_time(recorded: Recording) -> None:
    playback = Playback(CLOCK, SECONDS, loop=True)
    times_s = [
        (unit.captured_ns - playback.began_ns()) / NS for unit in islice(played(recorded.video, 0, playback), 140)
    ]
    lap = len(list(read_frames(recorded.truth)))
    assert np.array(times_s[lap:]) == pytest.approx(np.array(times_s[: 140 - lap]) + SECONDS, abs=1e-6)
    assert not playback.over
