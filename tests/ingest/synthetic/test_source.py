"""A camera of the city as a source: the same bytes every time, its own clock, its outages, and a truth."""

import hashlib
import itertools
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.clock import NS
from ingest.errors import ConfigError
from ingest.frame import ClockQuality, Frame
from ingest.synthetic import source as source_module
from ingest.synthetic.camera.spec import CameraClock
from ingest.synthetic.render.rects import merge
from ingest.synthetic.source import SyntheticCamera
from ingest.synthetic.world.presets import PRESETS, find_camera, parse_city_url, trips_of

SMOOTH = PRESETS["smooth"]
SPEC = SMOOTH.cameras[0]
REPOSITORY = Path(__file__).parents[3]

HASH_FRAMES = """
import sys
from tests.ingest.synthetic.test_source import digest, some_frames
print(digest(some_frames(int(sys.argv[1]), 6.0, 3)))
"""


def some_frames(camera: int, after_s: float, count: int) -> list[Frame]:
    """The first frames of a camera after a time."""
    source = SyntheticCamera("smooth", camera, f"smooth-{camera}", after_ns=round(after_s * NS))
    return list(itertools.islice(source.frames(), count))


def digest(frames: Iterable[Frame]) -> str:
    return hashlib.sha256(b"".join(frame.image.tobytes() for frame in frames)).hexdigest()


class TestCityUrl:
    def test_names_a_preset_and_a_camera(self) -> None:
        assert parse_city_url("city://smooth/1") == ("smooth", 1)

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("city://moon/0", r"Unknown city preset 'moon' \(known: .*smooth"),
            ("city://smooth/999", r"City preset 'smooth' has no camera 999 \(it has 0 to"),
            ("city://smooth", "Cannot read the source 'city://smooth': write city://PRESET/N"),
            ("city://smooth/-1", "Cannot read the source 'city://smooth/-1'"),
            ("rtsp://smooth/1", "Cannot read the source 'rtsp://smooth/1'"),
        ],
    )
    def test_refuses_what_there_is_not(self, source: str, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            parse_city_url(source)

    def test_a_camera_is_refused_when_it_is_made(self) -> None:
        with pytest.raises(ConfigError, match="Unknown city preset 'moon'"):
            SyntheticCamera("moon", 0, "north")
        with pytest.raises(ConfigError, match="no camera -1"):
            SyntheticCamera("smooth", -1, "north")

    def test_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(source_module, "find_spec", lambda name: None)
        with pytest.raises(ConfigError, match=r"needs the extra 'city': pip install 'corridor\[city\]'"):
            SyntheticCamera("smooth", 0, "north")

    def test_importing_the_source_does_not_import_the_renderer(self) -> None:
        script = "import sys, ingest.synthetic.source; sys.exit('panda3d' in sys.modules)"
        subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)


class TestFrames:
    def test_are_numbered_and_timed(self) -> None:
        source = SyntheticCamera("smooth", 0, "north", start_ns=7 * NS)
        frames = list(itertools.islice(source.frames(), 3))
        assert [frame.sequence for frame in frames] == [0, 1, 2]
        assert [frame.captured_ns for frame in frames] == [7 * NS, 7 * NS + NS // 10, 7 * NS + NS // 5]
        assert {(frame.camera_id, frame.clock, frame.size) for frame in frames} == {
            ("north", ClockQuality.SYNTHETIC, (SPEC.width, SPEC.height))
        }

    def test_end_with_the_preset(self) -> None:
        after_ns = round((SMOOTH.duration_s - 0.3) * NS)
        source = SyntheticCamera("smooth", 0, "south", after_ns=after_ns)
        last = SMOOTH.frame_count(SPEC) - 1
        assert [frame.sequence for frame in source.frames()] == [last - 1, last]

    def test_carry_the_camera_s_clock_and_miss_its_outages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        spec = replace(SPEC, clock=CameraClock(-1.5, 200.0), dark=((0.0, 0.2), (0.4, 0.7)))
        monkeypatch.setattr(source_module, "find_camera", lambda name, index: (SMOOTH, spec))
        source = SyntheticCamera("smooth", 0, "north", start_ns=NS)
        frames = list(itertools.islice(source.frames(), 4))
        assert [frame.sequence for frame in frames] == [2, 3, 7, 8]
        for frame in frames:
            truth = source.truth(frame.sequence)
            true_s = frame.sequence / spec.fps
            assert truth.sequence == frame.sequence
            assert truth.captured_ns == NS + round(true_s * NS)
            assert truth.camera_ns == frame.captured_ns
            assert frame.captured_ns == truth.captured_ns + round((-1.5 + 200e-6 * true_s) * NS)

    def test_begin_after_a_time_of_the_camera_s_clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        spec = replace(SPEC, clock=CameraClock(2.0, 0.0))
        monkeypatch.setattr(source_module, "find_camera", lambda name, index: (SMOOTH, spec))
        source = SyntheticCamera("smooth", 0, "north", after_ns=round(2.5 * NS))
        assert next(source.frames()).sequence == 6

    def test_resume_with_the_bytes_of_an_uninterrupted_run(self) -> None:
        whole = some_frames(0, 5.45, 15)
        resumed = some_frames(0, 6.45, 5)
        assert [frame.sequence for frame in resumed] == [frame.sequence for frame in whole[10:]]
        assert digest(resumed) == digest(whole[10:])

    def test_are_the_same_in_another_process(self) -> None:
        found = subprocess.run(
            [sys.executable, "-c", HASH_FRAMES, "1"], cwd=REPOSITORY, check=True, capture_output=True, text=True
        )
        assert found.stdout.strip() == digest(some_frames(1, 6.0, 3))
        assert found.stderr == ""

    def test_do_not_depend_on_cameras_in_other_threads(self) -> None:
        alone = [digest(some_frames(camera, 20.0, 10)) for camera in range(2)]
        together: dict[int, str] = {}

        def work(camera: int) -> None:
            together[camera] = digest(some_frames(camera, 20.0, 10))

        threads = [threading.Thread(target=work, args=(camera,)) for camera in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [together[camera] for camera in range(2)] == alone

    def test_end_after_close_from_another_thread(self) -> None:
        source = SyntheticCamera("smooth", 0, "north")
        taken: list[Frame] = []
        begun = threading.Event()

        def read() -> None:
            for frame in source.frames():
                taken.append(frame)
                begun.set()

        thread = threading.Thread(target=read)
        thread.start()
        assert begun.wait(60)
        source.close()
        source.close()
        thread.join(30)
        assert not thread.is_alive()
        assert len(taken) < SMOOTH.frame_count(SPEC)
        assert list(source.frames()) == []


class TestTruth:
    def test_names_the_vehicles_of_the_traffic(self) -> None:
        preset, spec = find_camera("smooth", 0)
        source = SyntheticCamera("smooth", 0, "north", after_ns=round(9.95 * NS))
        kinds = {trip.vehicle.vehicle_id: trip.vehicle.model.kind for trip in trips_of(preset)}
        seen: set[int] = set()
        for frame in itertools.islice(source.frames(), 30):
            for sighting in source.truth(frame.sequence).sightings:
                seen.add(sighting.vehicle_id)
                assert sighting.kind == kinds[sighting.vehicle_id]
                assert 0 < sighting.visible <= 1
                assert 0 <= sighting.occluded < 1
                left, top, right, bottom = sighting.box_xyxy
                assert 0 <= left < right <= spec.width
                assert 0 <= top < bottom <= spec.height
        assert len(seen) >= 2

    def test_of_a_frame_not_rendered_is_an_error(self) -> None:
        with pytest.raises(KeyError):
            SyntheticCamera("smooth", 0, "north").truth(0)


@pytest.mark.parametrize(
    ("rects", "merged"),
    [
        ([], []),
        ([(0, 0, 2, 2), (2, 0, 4, 2)], [(0, 0, 2, 2), (2, 0, 4, 2)]),
        ([(0, 0, 3, 3), (2, 2, 5, 5)], [(0, 0, 5, 5)]),
        ([(0, 0, 3, 3), (6, 0, 9, 3), (2, 0, 7, 3)], [(0, 0, 9, 3)]),
    ],
)
def test_merge_leaves_no_overlaps(
    rects: list[tuple[int, int, int, int]], merged: list[tuple[int, int, int, int]]
) -> None:
    assert merge(rects) == merged
