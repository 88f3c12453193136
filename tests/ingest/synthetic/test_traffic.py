"""Vehicles drive as vehicles do: forwards, without jumps, and not through one another."""

from functools import cache

import numpy as np
import pytest

from ingest.synthetic.sumo.program import Spot
from ingest.synthetic.sumo.recorder import Recorder
from ingest.synthetic.vehicle.fleet import draw_vehicle
from ingest.synthetic.world.clearance import body_rectangle, overlap_m2, without_overlaps
from ingest.synthetic.world.presets import PRESETS, timetable_of, trips_of
from ingest.synthetic.world.traffic import STEP_S, Segment, Timetable, Trip, Way

ON_TRACES = ("smooth", "rush-hour", "clock-skew", "grand")
"""One preset of each trace that ships."""


def straight(from_s: float, to_s: float, x_m: float = 0.0, speed_mps: float = 10.0) -> Segment:
    """Along y from the origin."""
    count = round((to_s - from_s) / STEP_S) + 1
    return Segment(
        from_s, np.full(count, x_m), np.arange(count, dtype=np.float64) * (STEP_S * speed_mps), np.zeros(count)
    )


def trip(*segments: Segment) -> Trip:
    return Trip(draw_vehicle(1, "car", 0), "car", segments)


@cache
def segments_of(preset: str) -> list[Segment]:
    return [segment for trip in trips_of(PRESETS[preset]) for segment in trip.segments]


class TestPose:
    @pytest.mark.parametrize(
        ("time_s", "y_m"),
        [(1.9, None), (2.0, 0.0), (2.1, 1.0), (3.0, 10.0), (3.1, None), (7.9, None), (8.0, 0.0), (9.1, None)],
    )
    def test_is_between_points_and_none_where_no_camera_is_near(self, time_s: float, y_m: float | None) -> None:
        pose = trip(straight(2.0, 3.0), straight(8.0, 9.0)).pose(time_s)
        assert pose == (None if y_m is None else pytest.approx((0.0, y_m, 0.0)))

    def test_of_many_times_is_the_pose_of_each(self) -> None:
        for segment in segments_of("smooth")[:20]:
            times_s = np.linspace(segment.from_s, segment.to_s, 40)
            one_by_one = [trip(segment).pose(float(time_s)) for time_s in times_s]
            assert segment.poses(times_s) == pytest.approx(np.array(one_by_one, np.float64), abs=1e-6)

    def test_timetable_knows_all_who_are_near(self) -> None:
        for name in ("smooth", "rush-hour"):
            trips = trips_of(PRESETS[name])
            for time_s in np.arange(0, PRESETS[name].duration_s, 7.3):
                present = [trip for trip in trips if trip.pose(time_s) is not None]
                assert [trip for trip in timetable_of(PRESETS[name]).near(time_s) if trip in present] == present

    def test_nobody_is_near_in_an_empty_world(self) -> None:
        assert list(Timetable(()).near(3.0)) == []


@pytest.mark.parametrize("name", ON_TRACES)
class TestDriving:
    def test_is_without_jumps(self, name: str) -> None:
        fastest, turn, jerk = 0.0, 0.0, 0.0
        for segment in segments_of(name):
            fastest = max(fastest, float(np.hypot(np.diff(segment.x_m), np.diff(segment.y_m)).max()) / STEP_S)
            rate = np.diff(segment.heading_deg) * 0.1 / STEP_S
            turn = max(turn, float(np.abs(rate).max()))
            jerk = max(jerk, float(np.abs(np.diff(rate)).max(initial=0)) / 2)
        print(f"{name}: {fastest:.1f} m/s, {turn:.1f} degrees in .1 s, of which {jerk:.1f} new")
        assert 5 < fastest < 40
        assert turn < 10  # right angles at 7 m/s, which the simulation thinks possible
        assert jerk <= 3

    def test_is_forwards(self, name: str) -> None:
        for segment in segments_of(name):
            step_m = np.stack([np.diff(segment.x_m), np.diff(segment.y_m)], axis=1)
            heading = np.radians(segment.heading_deg[:-1])
            ahead_m = step_m[:, 1] * np.cos(heading) - step_m[:, 0] * np.sin(heading)
            assert (ahead_m > -0.25).all()

    def test_bodies_keep_out_of_one_another(self, name: str) -> None:
        near = met = 0
        for time_s in np.arange(0.3, PRESETS[name].duration_s, 5.0):
            present = [
                body_rectangle(pose, (trip.vehicle.model.length_m, trip.vehicle.model.width_m))
                for trip in timetable_of(PRESETS[name]).near(time_s)
                if (pose := trip.pose(time_s)) is not None
            ]
            places = np.array([each[:2] for each in present]).reshape(-1, 2)
            distances = np.linalg.norm(places[:, None] - places[None], axis=2)
            pairs = np.argwhere(np.triu(distances < 12, 1))
            near += len(pairs)
            met += sum(overlap_m2(present[one], present[other]) > 0.02 for one, other in pairs.tolist())
        print(f"{name}: {met} of {near} neighbours overlap")
        assert near > 200
        assert met <= 0.003 * near

    def test_all_kinds_drive(self, name: str) -> None:
        kinds = [trip.kind for trip in trips_of(PRESETS[name])]
        assert set(kinds) >= {"car", "van", "truck", "motorcycle"}
        assert 0.6 < kinds.count("car") / len(kinds) < 0.9
        assert all(trip.kind == trip.vehicle.model.kind for trip in trips_of(PRESETS[name]))


class TestOverlaps:
    def ways(self, gap_m: float) -> list[Way]:
        """Three cars abreast, the middle one too close to both."""
        places = (0.0, gap_m, 2 * gap_m)
        return [
            Way(row, "car", 5.0, (straight(0, 9, x_m), straight(20, 29, row * 50.0))) for row, x_m in enumerate(places)
        ]

    def test_the_one_in_the_way_of_most_goes_where_it_is_in_the_way(self) -> None:
        left = without_overlaps(self.ways(1.5))
        assert [(way.vehicle_id, [segment.from_s for segment in way.segments]) for way in left] == [
            (0, [0, 20]), (1, [20]), (2, [0, 20]),
        ]  # fmt: skip

    def test_who_has_room_stays(self) -> None:
        assert [len(way.segments) for way in without_overlaps(self.ways(3.0))] == [2, 2, 2]
        assert without_overlaps([]) == ()


class TestRecorder:
    def drive(self, places: list[tuple[float, float, float]]) -> tuple[Way, ...]:
        recorder = Recorder(begin_s=100.0, step_s=0.1)
        for time_s, x_m, y_m in places:
            recorder.take([Spot(time_s, "a", "car", x_m, y_m, 0.0)])
        return tuple(recorder.ways())

    def test_keeps_every_second_step_from_the_beginning_on(self) -> None:
        (way,) = self.drive([(100 + k / 10, 0.0, k * 1.0) for k in range(41)])
        (segment,) = way.segments
        assert (way.vehicle_id, way.kind, segment.from_s) == (1, "car", 0.0)
        assert segment.y_m == pytest.approx(np.arange(0, 41, 2))
        assert segment.heading_deg == pytest.approx(0)

    def test_begins_anew_after_a_gap_and_after_a_jump(self) -> None:
        first = [(100 + k / 10, 0.0, k * 1.0) for k in range(20)]
        later = [(105 + k / 10, 0.0, 50 + k * 1.0) for k in range(20)]
        jumped = [(107 + k / 10, 400.0, k * 1.0) for k in range(20)]
        (way,) = self.drive(first + later + jumped)
        assert [round(segment.from_s, 6) for segment in way.segments] == [0.0, 5.0, 7.0]

    def test_the_rear_follows_the_front_round_a_corner(self) -> None:
        corner = [(100 + k / 10, 0.0, k * 0.5) for k in range(40)]
        corner += [(104 + k / 10, -(k + 1) * 0.5, 19.5) for k in range(60)]
        (way,) = self.drive(corner)
        heading = way.segments[0].heading_deg
        assert heading[0] == pytest.approx(0, abs=0.1)
        assert heading[-1] == pytest.approx(90, abs=1)
        assert (np.diff(heading) > -1e-9).all()
        assert np.diff(heading).max() < 20

    def test_a_leap_back_is_caught_up(self) -> None:
        driven = [(100 + k / 10, 0.0, k * 1.0 - (2.5 if k > 40 else 0)) for k in range(121)]
        (way,) = self.drive(driven)
        step_m = np.diff(way.segments[0].y_m)
        assert step_m.min() > 1.5
        assert way.segments[0].y_m[-1] == pytest.approx(117.5)
