"""The presets: where their cameras stand, what they see, and how they are named."""

from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import ConfigError
from ingest.synthetic.camera.passages import Passage, box_corners, boxes, passages
from ingest.synthetic.camera.placement import CLEAR_M, Carriageways
from ingest.synthetic.camera.spec import CameraClock, Projection
from ingest.synthetic.vehicle.fleet import LOOK_ALIKES
from ingest.synthetic.world.presets import PRESETS, TRACES, find_camera, parse_city_url, streets_of, trips_of
from ingest.synthetic.world.traffic import STEP_S

NAMES = ("smooth", "rush-hour", "look-alikes", "night-rain", "clock-skew", "blackout", "grand")
LEAST_PX = 24


@cache
def seen_well(name: str) -> list[Passage]:
    """Passages in which a vehicle is 24 px high or more, in images 360 px high."""
    preset = PRESETS[name]
    return [each for each in passages(preset) if each.height_px * 360 / preset.cameras[each.camera].height >= LEAST_PX]


def views_of_vehicles(name: str) -> list[int]:
    """In how many cameras each vehicle is seen well."""
    cameras: dict[int, set[int]] = defaultdict(set)
    for passage in seen_well(name):
        cameras[passage.vehicle_id].add(passage.camera)
    return [len(seen) for seen in cameras.values()]


class TestUrl:
    def test_names_a_preset_and_a_camera(self) -> None:
        assert parse_city_url("city://smooth/1") == ("smooth", 1)
        assert parse_city_url("CITY://Rush-Hour/5/") == ("rush-hour", 5)

    def test_names_a_file_of_ones_own(self) -> None:
        path = str(TRACES / "smooth.city")
        assert parse_city_url(f"city://{path}/3") == (path, 3)
        preset, spec = find_camera(path, 3)
        assert (preset.name, preset.duration_s) == (path, 90.0)
        assert spec.pose == PRESETS["smooth"].cameras[3].pose
        assert len(trips_of(preset)) == len(trips_of(PRESETS["smooth"]))

    def test_names_a_preset_with_the_traffic_of_a_file(self) -> None:
        name = f"night-rain@{TRACES / 'grid.city'}"
        assert parse_city_url(f"city://{name}/2") == (name, 2)
        preset, spec = find_camera(name, 2)
        assert (preset.weather, preset.duration_s) == (PRESETS["night-rain"].weather, 240.0)
        assert spec.pose == PRESETS["clock-skew"].cameras[2].pose
        assert (spec.width, spec.height) == (640, 360)
        with pytest.raises(ConfigError, match="has no camera 4"):
            find_camera(name, 4)

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            (
                "city://moon/0",
                r"Unknown city preset 'moon' \(known: blackout, clock-skew, grand, .*smooth, or a \.city",
            ),
            ("city://smooth/4", r"City preset 'smooth' has no camera 4 \(it has 0 to 3\)"),
            ("city://smooth", "Cannot read the source 'city://smooth': write city://PRESET/N"),
            ("city://smooth/-1", "Cannot read the source 'city://smooth/-1'"),
            ("rtsp://smooth/1", "Cannot read the source 'rtsp://smooth/1'"),
            ("city:///no/such/my.city/0", r"Cannot read the traffic in /no/such/my\.city"),
        ],
    )
    def test_refuses_what_there_is_not(self, source: str, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            parse_city_url(source)

    def test_refuses_a_file_that_is_no_traffic(self, tmp_path: Path) -> None:
        (tmp_path / "my.city").write_bytes(b"PK\x03\x04")
        with pytest.raises(ConfigError, match="holds no city traffic"):
            parse_city_url(f"city://{tmp_path}/my.city/0")


class TestPresets:
    def test_are_those_that_are_documented(self) -> None:
        assert tuple(PRESETS) == NAMES
        assert [len(PRESETS[name].cameras) for name in NAMES] == [4, 6, 6, 6, 4, 5, 20]
        assert all(PRESETS[name].name == name for name in NAMES)
        assert "moon" not in PRESETS

    def test_have_images_of_many_sizes_and_rates(self) -> None:
        cameras = [spec for name in NAMES for spec in PRESETS[name].cameras]
        assert {(spec.width, spec.height) for spec in cameras} >= {(1920, 1080), (640, 360), (352, 288)}
        assert {spec.fps for spec in cameras} >= {10, 15, 25}

    def test_what_makes_each_special(self) -> None:
        assert PRESETS["look-alikes"].mix is LOOK_ALIKES
        assert PRESETS["night-rain"].weather.dark
        assert PRESETS["night-rain"].weather.rain > 0
        clocks = [spec.clock for spec in PRESETS["clock-skew"].cameras]
        assert {clock.offset_s for clock in clocks} >= {-1.9, 1.9}
        assert all(clock.drift_ppm != 0 for clock in clocks)
        assert all(spec.clock == CameraClock() for spec in PRESETS["grand"].cameras)
        dark = [span for spec in PRESETS["blackout"].cameras for span in spec.dark]
        assert [to_s - from_s >= 120 for from_s, to_s in dark] == [True]
        assert dark[0][0] > 60
        assert dark[0][1] < PRESETS["blackout"].duration_s - 60

    def test_no_two_cameras_take_the_light_alike(self) -> None:
        for name in NAMES:
            looks = [(spec.look.exposure, spec.look.balance_bgr) for spec in PRESETS[name].cameras]
            assert len(set(looks)) == len(looks)

    def test_electronics_differ_and_the_demo_is_calm(self) -> None:
        looks = [spec.look for name in NAMES if name != "smooth" for spec in PRESETS[name].cameras]
        assert 0.3 < np.mean([look.jitter_px <= 0.3 for look in looks]) < 0.7
        assert {bool(look.caption) for look in looks} == {True, False}
        assert all(0.008 <= look.shutter_s <= 0.02 and 1.5 <= look.dark_noise <= 2.5 for look in looks)
        assert len({(look.drift, look.flicker) for look in looks}) > 0.9 * len(looks)
        calm = [spec.look for spec in PRESETS["smooth"].cameras]
        assert all(look.jitter_px <= 0.3 and not look.caption for look in calm)

    def test_who_is_near_no_camera_is_left_out(self) -> None:
        few, all_of_them = trips_of(PRESETS["blackout"]), trips_of(PRESETS["grand"])
        assert 0 < len(few) < 0.8 * len(all_of_them)
        assert {p.camera for p in seen_well("blackout")} == set(range(5))

    def test_fleets_differ_where_the_traffic_is_one(self) -> None:
        one, other = trips_of(PRESETS["rush-hour"]), trips_of(PRESETS["night-rain"])
        assert [trip.kind for trip in one] == [trip.kind for trip in other]
        assert [trip.vehicle for trip in one] != [trip.vehicle for trip in other]


@pytest.mark.parametrize("name", ["smooth", "rush-hour", "clock-skew", "grand"])
class TestCameras:
    def test_stand_beside_the_road_like_real_ones(self, name: str) -> None:
        carriageways = Carriageways(streets_of(PRESETS[name]))
        for spec in PRESETS[name].cameras:
            pose = spec.pose
            assert carriageways.clear_of(pose.x_m, pose.y_m, CLEAR_M - 0.02)
            assert not carriageways.clear_of(pose.x_m, pose.y_m, 2.5)
            assert 6 <= pose.z_m <= 9
            assert 15 <= pose.pitch_deg <= 25
            assert 35 <= pose.fov_deg <= 60

    def test_see_many_vehicles_well(self, name: str) -> None:
        each = Counter(passage.camera for passage in seen_well(name))
        minutes = PRESETS[name].duration_s / 60
        print(
            name, "vehicles a minute:", [round(each[number] / minutes) for number in range(len(PRESETS[name].cameras))]
        )
        assert min(each[number] for number in range(len(PRESETS[name].cameras))) >= 4 * minutes

    def test_are_apart_but_for_a_pair_that_overlaps_in_the_rush_hour(self, name: str) -> None:
        places = np.array([(spec.pose.x_m, spec.pose.y_m) for spec in PRESETS[name].cameras])
        if name == "rush-hour":
            places = places[:-1]
        apart_m = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(len(places)) * 1e9
        assert apart_m.min() >= 80
        assert apart_m.min(axis=1).max() <= 800


@pytest.mark.parametrize("name", NAMES)
def test_nobody_appears_or_vanishes_in_view(name: str) -> None:
    """Where a way begins or ends, the body is beyond the image, or lower than 14 px in images 360 px high."""
    preset = PRESETS[name]
    ends = defaultdict(list)
    for trip in trips_of(preset):
        for segment in trip.segments:
            for row, time_s in ((0, segment.from_s), (-1, segment.to_s)):
                if 0.3 < time_s < preset.duration_s - 0.5:
                    ends[trip.vehicle.model].append((segment.x_m[row], segment.y_m[row], segment.heading_deg[row]))
    heights_px = [0.0]
    for spec in preset.cameras:
        projection = Projection(spec.pose, spec.width, spec.height)
        for model, poses in ends.items():
            low, high, reachable = boxes(box_corners(model), np.array(poses), projection)
            inside = reachable & (high > 0).all(1) & (low < (spec.width, spec.height)).all(1)
            heights_px += ((high - low)[inside, 1] * 360 / spec.height).tolist()
    print(f"{name}: {len(heights_px) - 1} ends in view, up to {max(heights_px):.1f} px")
    assert sum(map(len, ends.values())) > 20
    assert max(heights_px) < 14


class TestDemo:
    def views(self) -> dict[int, dict[int, list[float]]]:
        """By vehicle, then camera: the times at which a vehicle is 24 px high or more."""
        found: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for camera, spec in enumerate(PRESETS["smooth"].cameras):
            projection = Projection(spec.pose, spec.width, spec.height)
            for trip in trips_of(PRESETS["smooth"]):
                for segment in trip.segments:
                    times_s = segment.from_s + np.arange(len(segment.x_m), dtype=np.float64) * STEP_S
                    low, high, reachable = boxes(box_corners(trip.vehicle.model), segment.poses(times_s), projection)
                    seen = reachable & (high > 0).all(1) & (low < (spec.width, spec.height)).all(1)
                    seen &= (high - low)[:, 1] >= LEAST_PX
                    if seen.any():
                        found[trip.vehicle.vehicle_id][camera] += times_s[seen].tolist()
        return found

    def test_vehicles_pass_one_camera_after_the_other(self) -> None:
        for one, other in pairwise(range(4)):
            gaps_s = [
                max(min(of[other]) - max(of[one]), min(of[one]) - max(of[other]))
                for of in self.views().values()
                if one in of and other in of
            ]
            print(f"{one} to {other}: {len(gaps_s)}, {min(gaps_s):.1f} {np.median(gaps_s):.1f} {max(gaps_s):.1f} s")
            assert len(gaps_s) >= 10
            assert min(gaps_s) >= 3
            assert np.quantile(gaps_s, 0.9) <= 15

    def test_most_traffic_passes_in_the_order_of_the_cameras(self) -> None:
        onwards = [min(of[3]) > max(of[0]) for of in self.views().values() if 0 in of and 3 in of]
        assert sum(onwards) > len(onwards) / 2

    def test_many_vehicles_pass_three_cameras(self) -> None:
        assert sum(count >= 3 for count in views_of_vehicles("smooth")) >= 10


class TestLinks:
    @pytest.mark.parametrize(
        ("name", "least"), [("smooth", 30), ("rush-hour", 80), ("clock-skew", 60), ("blackout", 100), ("grand", 500)]
    )
    def test_many_vehicles_pass_several_cameras(self, name: str, least: int) -> None:
        several = Counter(views_of_vehicles(name))
        print(name, "vehicles by number of cameras:", sorted(several.items()))
        assert sum(vehicles for cameras, vehicles in several.items() if cameras > 1) >= least

    def test_two_cameras_of_the_rush_hour_see_vehicles_at_once(self) -> None:
        last = len(PRESETS["rush-hour"].cameras) - 1
        mine = {p.vehicle_id: p for p in seen_well("rush-hour") if p.camera == last}
        at_once = Counter(
            p.camera
            for p in seen_well("rush-hour")
            if p.camera != last
            and p.vehicle_id in mine
            and p.enter_s < mine[p.vehicle_id].leave_s
            and p.leave_s > mine[p.vehicle_id].enter_s
        )
        print("seen at once with the last camera:", dict(at_once))
        assert max(at_once.values()) >= 10
