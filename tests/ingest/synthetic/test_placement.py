"""Where cameras stand: beside the traffic, where neither the map nor a vehicle ends before their eyes."""

from itertools import pairwise

import numpy as np
import pytest

from ingest.errors import ConfigError
from ingest.synthetic.camera.corridor_placement import place_along_corridor
from ingest.synthetic.camera.placement import MAPPED_M, PlacementRequest, Survey, place_cameras
from ingest.synthetic.camera.spec import CameraPose
from ingest.synthetic.camera.visibility import area_ahead, in_sight, reach_m, without_sudden
from ingest.synthetic.sumo.program import Spot
from ingest.synthetic.sumo.surveyor import Surveyor
from ingest.synthetic.world.map_ends import map_ends
from ingest.synthetic.world.streets import Lane, Streets
from ingest.synthetic.world.traffic import STEP_S, Segment, Way

CROSS = np.array([[0.0, 0.0], [9.0, 0.0], [9.0, 9.0], [0.0, 9.0]])


class TestMapEnds:
    def lane(self, *points: tuple[float, float]) -> Lane:
        return Lane("a", 0, np.array(points, np.float64), 3.2)

    @pytest.mark.parametrize(
        ("lanes", "junctions", "ends"),
        [
            ([((4, 9), (4, 90))], [], [(4, 9), (4, 90)]),
            ([((4, 9), (4, 90)), ((6, 90), (6, 9))], [CROSS], [(4, 90), (6, 90), (4, 9), (6, 9)]),
            ([((4, 9), (4, 90)), ((4, -50), (4, 0))], [CROSS], [(4, 90), (4, -50)]),
            ([((4, 9), (4, 90)), ((9, 4), (70, 4))], [CROSS], [(4, 90), (70, 4)]),
        ],
        ids=["no junction", "nothing beyond the junction", "straight on", "round the corner"],
    )
    def test_are_where_lanes_lead_nowhere(
        self,
        lanes: list[tuple[tuple[float, float], ...]],
        junctions: list[np.ndarray],
        ends: list[tuple[float, float]],
    ) -> None:
        found = map_ends(Streets(tuple(self.lane(*points) for points in lanes), tuple(junctions)))
        assert sorted(map(tuple, found.tolist())) == sorted(ends)


def straight(from_s: float, from_m: float, to_m: float, speed_mps: float = 10.0) -> Segment:
    """Along y."""
    y_m = np.arange(from_m, to_m, STEP_S * speed_mps)
    return Segment(from_s, np.zeros(len(y_m)), y_m, np.zeros(len(y_m)))


class TestSight:
    POSE = CameraPose(x_m=5.0, y_m=0.0, z_m=7.5, yaw_deg=5.0, pitch_deg=19.0, fov_deg=48.0)

    @pytest.mark.parametrize(
        ("segment", "stays"),
        [
            (straight(9, -30, 400), True),
            (straight(9, -30, 300), True),
            (straight(9, 60, 400), False),
            (straight(9, -30, 60), False),
            (straight(0, 60, 400), True),
            (straight(98, -30, -10), True),
            (straight(94, -30, 30), True),
        ],
        ids=["passes", "ends far away", "appears", "vanishes", "is there at first", "behind", "is there at last"],
    )
    def test_nobody_appears_or_vanishes(self, segment: Segment, stays: bool) -> None:
        left = without_sudden([Way(1, "car", 5.0, (segment,))], [self.POSE], 100.0)
        assert [way.vehicle_id for way in left] == [1] * stays

    def test_what_is_higher_is_followed_further(self) -> None:
        far_m = [reach_m(self.POSE, kind) for kind in ("motorcycle", "car", "van", "truck", "bus")]
        assert far_m == sorted(far_m)
        assert far_m[1] > 100

    def test_the_area_ahead_is_before_the_camera(self) -> None:
        yaw = np.radians(self.POSE.yaw_deg)
        offset = area_ahead(self.POSE, 100.0) - np.array([self.POSE.x_m, self.POSE.y_m])
        assert offset @ np.array([-np.sin(yaw), np.cos(yaw)]) == pytest.approx([-12, -12, 100, 100])


class TestSurveyor:
    def test_notes_who_moves_stands_appears_and_vanishes(self) -> None:
        assert Surveyor(0.0, 100.0, 1.0).empty
        surveyor = Surveyor(0.0, 100.0, 1.0)
        for second in range(101):
            surveyor.take([Spot(second, "always", "car", 0.0, second * 10.0, 0.0)])
            if 20 <= second < 40:
                surveyor.take([Spot(second, "stands", "bus", 50.0, 7.0, 0.0)])
            if second not in range(60, 70):
                surveyor.take([Spot(second, "leaps", "van", second * 5.0, 0.0, 0.0)])
        survey = surveyor.survey()
        assert not surveyor.empty
        assert survey.ends_m.tolist() == [[50.0, 7.0], [295.0, 0.0], [350.0, 0.0], [50.0, 7.0]]
        assert survey.ends_kind.tolist() == [3, 1, 1, 3]
        assert survey.still_m.tolist() == [[50.0, 7.0]] * 16
        assert [int((survey.vehicle == number).sum()) for number in range(3)] == [101, 91, 1]


class TestPlacement:
    def street(self, *ends_m: tuple[float, float]) -> tuple[Streets, Survey]:
        """A street with a lane each way, and 40 vehicles that drive along 600 m of it."""
        lanes = (
            Lane("up", 0, np.array([[1.6, -200.0], [1.6, 800.0]]), 3.2),
            Lane("down", 0, np.array([[-1.6, 800.0], [-1.6, -200.0]]), 3.2),
        )
        rows = [(car, car * 5 + step, 1.6, 12.0 * step) for car in range(40) for step in range(50)]
        vehicle, time_s, x_m, y_m = np.array(rows).T
        return Streets(lanes), Survey(
            vehicle.astype(np.int64),
            np.zeros(len(rows), np.int64),
            time_s,
            np.stack([x_m, y_m], axis=1),
            still_m=np.zeros((0, 2)),
            ends_m=np.array(ends_m, np.float64).reshape(-1, 2),
            ends_kind=np.zeros(len(ends_m), np.int64),
        )

    def test_is_the_same_for_a_seed_and_keeps_the_spacing(self) -> None:
        streets, survey = self.street()
        request = PlacementRequest(4, (100.0, 300.0))
        poses = place_cameras(streets, survey, request, np.random.default_rng(3))
        assert poses == place_cameras(streets, survey, request, np.random.default_rng(3))
        assert poses != place_cameras(streets, survey, request, np.random.default_rng(4))
        y_m = sorted(pose.y_m for pose in poses)
        assert np.diff(y_m).min() >= 99
        assert all(4.2 <= abs(pose.x_m) <= 5.3 for pose in poses)

    def test_an_overlapping_camera_stands_elsewhere_and_sees_the_same(self) -> None:
        streets, survey = self.street()
        *_, one, other = place_cameras(
            streets, survey, PlacementRequest(2, (100.0, 300.0), True), np.random.default_rng(3)
        )
        assert 20 < np.hypot(one.x_m - other.x_m, one.y_m - other.y_m) < 85

    def test_says_how_many_there_is_room_for(self) -> None:
        streets, survey = self.street()
        with pytest.raises(ConfigError, match=r"room for [3-7] cameras beside the traffic, not for 30"):
            place_cameras(streets, survey, PlacementRequest(30, (100.0, 300.0)), np.random.default_rng(0))

    def test_nobody_looks_at_the_end_of_the_map_or_where_vehicles_appear(self) -> None:
        streets, survey = self.street(*[(1.6, 300.0)] * 3)
        poses = place_cameras(streets, survey, PlacementRequest(5, (60.0, 600.0)), np.random.default_rng(0))
        ends_m = np.array([(1.6, 300.0), (1.6, -200.0), (1.6, 800.0)])
        assert not any(in_sight(pose, ends_m, MAPPED_M, spare_m=0).any() for pose in poses)
        seen = place_cameras(*self.street(), PlacementRequest(5, (60.0, 600.0)), np.random.default_rng(0))
        assert any(in_sight(pose, ends_m[:1], MAPPED_M, spare_m=0).any() for pose in seen)

    def test_in_a_row_one_view_follows_the_other(self) -> None:
        streets, survey = self.street()
        poses = place_along_corridor(
            streets, survey, PlacementRequest(4, (80.0, 200.0), corridor=True), np.random.default_rng(2)
        )
        y_m = [pose.y_m for pose in poses]
        assert y_m == sorted(y_m)
        assert all(79 <= step <= 201 for step in np.diff(y_m))
        seen = [survey.time_s[(survey.vehicle == 7) & in_sight(pose, survey.places_m, 50.0)] for pose in poses]
        gaps_s = [after.min() - before.max() for before, after in pairwise(seen)]
        assert all(2 <= gap_s <= 15 for gap_s in gaps_s), gaps_s

    def test_says_how_many_fit_in_a_row(self) -> None:
        streets, survey = self.street()
        with pytest.raises(ConfigError, match=r"room for [3-7] cameras beside the traffic, not for 12"):
            place_along_corridor(
                streets, survey, PlacementRequest(12, (80.0, 200.0), corridor=True), np.random.default_rng(2)
            )
