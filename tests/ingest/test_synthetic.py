"""The synthetic road: the same bytes every time, a true truth, and traffic that obeys the laws of traffic."""

import hashlib
import itertools
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ingest.clock import NS
from ingest.errors import ConfigError
from ingest.frame import ClockQuality, Frame
from ingest.synthetic import source as source_module
from ingest.synthetic.presets import PRESETS, find_camera, parse_city_url, trips_of
from ingest.synthetic.rects import merge
from ingest.synthetic.schedule import Passage, passages
from ingest.synthetic.source import SyntheticCamera
from ingest.synthetic.stage import Stage
from ingest.synthetic.traffic import STEP_S

ROAD = PRESETS["road"]
REPOSITORY = Path(__file__).parents[2]

HASH_FRAMES = """
import sys
from tests.ingest.test_synthetic import digest, some_frames
print(digest(some_frames(int(sys.argv[1]), 6.0, 3)))
"""


def some_frames(camera: int, after_s: float, count: int) -> list[Frame]:
    """The first frames of a camera after a time."""
    source = SyntheticCamera("road", camera, f"road-{camera}", after_ns=round(after_s * NS))
    return list(itertools.islice(source.frames(), count))


def digest(frames: Iterable[Frame]) -> str:
    return hashlib.sha256(b"".join(frame.image.tobytes() for frame in frames)).hexdigest()


@pytest.fixture(scope="module")
def road_passages() -> dict[int, list[Passage]]:
    """The passages of each vehicle, in the order of time."""
    found = sorted(passages(ROAD), key=lambda passage: passage.vehicle_id)
    return {key: list(group) for key, group in itertools.groupby(found, lambda passage: passage.vehicle_id)}


class TestCityUrl:
    def test_names_a_preset_and_a_camera(self) -> None:
        assert parse_city_url("city://road/1") == ("road", 1)

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("city://moon/0", r"Unknown city preset 'moon' \(known: road\)"),
            ("city://road/3", r"City preset 'road' has no camera 3 \(known: 0, 1, 2\)"),
            ("city://road", "Cannot read the source 'city://road': write city://PRESET/N"),
            ("city://road/-1", "Cannot read the source 'city://road/-1'"),
            ("rtsp://road/1", "Cannot read the source 'rtsp://road/1'"),
        ],
    )
    def test_refuses_what_there_is_not(self, source: str, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            parse_city_url(source)

    def test_a_camera_is_refused_when_it_is_made(self) -> None:
        with pytest.raises(ConfigError, match="Unknown city preset 'moon'"):
            SyntheticCamera("moon", 0, "north")
        with pytest.raises(ConfigError, match="no camera -1"):
            SyntheticCamera("road", -1, "north")

    def test_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(source_module, "find_spec", lambda name: None)
        with pytest.raises(ConfigError, match=r"needs the extra 'city': pip install 'corridor\[city\]'"):
            SyntheticCamera("road", 0, "north")

    def test_importing_the_source_does_not_import_the_renderer(self) -> None:
        script = "import sys, ingest.synthetic.source; sys.exit('panda3d' in sys.modules)"
        subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)


class TestTraffic:
    def test_all_kinds_drive(self) -> None:
        assert 12 <= len(trips_of(ROAD)) <= 16
        assert {trip.vehicle.model.kind for trip in trips_of(ROAD)} == {"car", "van", "bus", "truck"}

    def test_vehicles_of_a_lane_keep_apart(self) -> None:
        for one, other in itertools.combinations(trips_of(ROAD), 2):
            if one.lane_x_m != other.lane_x_m:
                continue
            for time_s in np.arange(-20, ROAD.duration_s, STEP_S):
                first, second = one.pose(time_s), other.pose(time_s)
                if first is None or second is None:
                    continue
                ahead, behind = (one, other) if one.from_s < other.from_s else (other, one)
                gap_m = abs(first[1] - second[1]) - ahead.vehicle.model.length_m
                assert gap_m > 1.5, (ahead.vehicle.vehicle_id, behind.vehicle.vehicle_id, time_s)

    def test_vehicles_drive_forwards_in_their_lane_and_look_where_they_go(self) -> None:
        for trip in trips_of(ROAD):
            direction = 1 if trip.lane_x_m < 0 else -1
            steps = np.stack([np.diff(trip.x_m), np.diff(trip.y_m)], axis=1)
            assert (direction * steps[:, 1] > 0).all()
            assert (np.abs(trip.x_m - trip.lane_x_m) < 0.6).all()
            heading = np.radians(trip.heading_deg[:-1])
            along = np.stack([-np.sin(heading), np.cos(heading)], axis=1)
            cosine = np.sum(along * steps, axis=1) / np.linalg.norm(steps, axis=1)
            assert cosine == pytest.approx(1, abs=1e-3)

    def test_cameras_are_passed_in_order(self, road_passages: dict[int, list[Passage]]) -> None:
        for trip in trips_of(ROAD):
            order = [passage.camera for passage in road_passages[trip.vehicle.vehicle_id]]
            step = 1 if trip.lane_x_m < 0 else -1
            assert order == list(range(order[0], order[0] + step * len(order), step))

    def test_views_do_not_overlap(self, road_passages: dict[int, list[Passage]]) -> None:
        for of_vehicle in road_passages.values():
            for one, other in itertools.pairwise(of_vehicle):
                assert 6 <= other.enter_s - one.leave_s <= 25

    def test_many_vehicles_are_seen_by_all_cameras(self, road_passages: dict[int, list[Passage]]) -> None:
        through = [
            of_vehicle
            for of_vehicle in road_passages.values()
            if len(of_vehicle) == 3 and all(passage.whole for passage in of_vehicle)
        ]
        assert len(through) >= 6


class TestFrames:
    def test_are_numbered_and_timed(self) -> None:
        source = SyntheticCamera("road", 0, "north", start_ns=7 * NS)
        frames = list(itertools.islice(source.frames(), 3))
        assert [frame.sequence for frame in frames] == [0, 1, 2]
        assert [frame.captured_ns for frame in frames] == [7 * NS, 7 * NS + NS // 10, 7 * NS + NS // 5]
        assert {(frame.camera_id, frame.clock, frame.size) for frame in frames} == {
            ("north", ClockQuality.SYNTHETIC, (640, 360))
        }

    def test_end_with_the_preset(self) -> None:
        after_ns = round((ROAD.duration_s - 0.3) * NS)
        source = SyntheticCamera("road", 2, "south", after_ns=after_ns)
        assert [frame.sequence for frame in source.frames()] == [598, 599]

    def test_resume_with_the_bytes_of_an_uninterrupted_run(self) -> None:
        whole = some_frames(0, 5.45, 15)
        resumed = some_frames(0, 6.45, 5)
        assert [frame.sequence for frame in resumed] == [frame.sequence for frame in whole[10:]]
        assert digest(resumed) == digest(whole[10:])

    @pytest.mark.parametrize("camera", [0, 1])
    def test_are_the_same_in_another_process(self, camera: int) -> None:
        found = subprocess.run(
            [sys.executable, "-c", HASH_FRAMES, str(camera)],
            cwd=REPOSITORY,
            check=True,
            capture_output=True,
            text=True,
        )
        assert found.stdout.strip() == digest(some_frames(camera, 6.0, 3))
        assert found.stderr == ""

    def test_do_not_depend_on_cameras_in_other_threads(self) -> None:
        alone = [digest(some_frames(camera, 20.0, 20)) for camera in range(3)]
        together: dict[int, str] = {}

        def work(camera: int) -> None:
            together[camera] = digest(some_frames(camera, 20.0, 20))

        threads = [threading.Thread(target=work, args=(camera,)) for camera in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [together[camera] for camera in range(3)] == alone

    def test_end_after_close_from_another_thread(self) -> None:
        source = SyntheticCamera("road", 0, "north")
        taken: list[Frame] = []
        begun = threading.Event()

        def read() -> None:
            for frame in source.frames():
                taken.append(frame)
                begun.set()

        thread = threading.Thread(target=read)
        thread.start()
        assert begun.wait(30)
        source.close()
        source.close()
        thread.join(30)
        assert not thread.is_alive()
        assert len(taken) < ROAD.frame_count(ROAD.cameras[0])
        assert list(source.frames()) == []

    def test_show_a_still_background_with_noise(self) -> None:
        assert not [p for p in passages(ROAD) if p.camera == 2 and p.enter_s < 2.5]
        stack = np.stack([frame.image for frame in some_frames(2, 0.0, 20)]).astype(np.float32)
        assert stack.std(axis=0).mean() == pytest.approx(2.0, abs=0.5)
        assert np.abs(stack[:10].mean(axis=0) - stack[10:].mean(axis=0)).mean() < 1.0


class TestTruth:
    def test_boxes_bound_the_pixels_that_change(self) -> None:
        preset, spec = find_camera("road", 1)
        stage = Stage(preset, spec)
        empty = stage.render(0)[0].astype(np.int16)
        compared = 0
        for sequence in range(60, 420, 40):
            image, sightings = stage.render(sequence)
            change = image.astype(np.int16) - empty
            changed = np.abs(change).max(axis=2) > 16
            boxed = np.zeros_like(changed)
            for sighting in sightings:
                left, top, right, bottom = (int(edge) for edge in sighting.box_xyxy)
                boxed[max(0, top - 3) : bottom + 3, max(0, left - 3) : right + 3] = True
                assert changed[top:bottom, left:right].mean() > 0.45
                # The sun is at the lower left of the picture: shadows lie to the right of a vehicle.
                if left > 12:
                    assert changed[top:bottom, left : left + 6].mean() > 0.1
                    assert changed[top:bottom, left - 12 : left - 5].mean() < 0.03
                if sighting.kind == "car":  # the shadow of an overhang may lie below the box
                    below = changed[bottom + 10 : bottom + 18, left : left + (right - left) // 4]
                    assert below.sum() < 3
                compared += 1
            brighter = ((change.max(axis=2) > 25) & ~boxed).astype(np.uint8)
            assert cv2.erode(brighter, np.ones((2, 2), np.uint8)).sum() == 0
        stage.close()
        assert compared >= 5

    def test_matches_the_schedule(self, road_passages: dict[int, list[Passage]]) -> None:
        source = SyntheticCamera("road", 2, "south", after_ns=round(19.95 * NS))
        kinds = {trip.vehicle.vehicle_id: trip.vehicle.model.kind for trip in trips_of(ROAD)}
        seen: set[int] = set()
        for frame in itertools.islice(source.frames(), 60):
            for sighting in source.truth(frame.sequence):
                seen.add(sighting.vehicle_id)
                assert sighting.kind == kinds[sighting.vehicle_id]
                assert 0 < sighting.visible <= 1
                left, top, right, bottom = sighting.box_xyxy
                assert 0 <= left < right <= 640
                assert 0 <= top < bottom <= 360
                time_s = frame.sequence / ROAD.cameras[0].fps
                assert any(
                    passage.camera == 2 and passage.enter_s <= time_s <= passage.leave_s
                    for passage in road_passages[sighting.vehicle_id]
                )
        assert len(seen) >= 2

    def test_a_vehicle_cut_by_the_edge_is_less_visible(self) -> None:
        leaving = next(passage for passage in passages(ROAD) if passage.camera == 1 and passage.whole)
        preset, spec = find_camera("road", 1)
        stage = Stage(preset, spec)
        times_s = np.linspace(leaving.enter_s, leaving.leave_s, 7)[1:-1]
        shares = [
            sighting.visible
            for time_s in times_s
            for sighting in stage.render(round(float(time_s) * spec.fps))[1]
            if sighting.vehicle_id == leaving.vehicle_id
        ]
        stage.close()
        assert max(shares) > 0.95
        assert min(shares[0], shares[-1]) < 0.9

    def test_of_a_frame_not_rendered_is_an_error(self) -> None:
        with pytest.raises(KeyError):
            SyntheticCamera("road", 0, "north").truth(0)


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
