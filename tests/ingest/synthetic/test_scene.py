"""The ground and what stands beside it: markings on the carriageway, and nothing else there."""

from dataclasses import replace

import numpy as np
import pytest

from ingest.synthetic.camera.spec import CameraPose, CameraSpec, Look, Projection, Surroundings
from ingest.synthetic.scene.canvas import GroundCanvas
from ingest.synthetic.scene.ground import STYLES, paint_ground
from ingest.synthetic.scene.lighting import shade_on_ground
from ingest.synthetic.scene.markings import drivable, paint_lines, sides, within_lanes, zebra
from ingest.synthetic.scene.scene_object import SceneObject, square
from ingest.synthetic.scene.scenery import draw_scenery
from ingest.synthetic.world.paths import beside, cut, dashes, even, lengths, piece, strip
from ingest.synthetic.world.presets import find_camera, streets_of
from ingest.synthetic.world.streets import Lane, Line, Streets
from ingest.synthetic.world.weather import Weather

LOWEST_OVER_ROAD_M = 4.4
POSE = CameraPose(x_m=-6.0, y_m=-10.0, z_m=8.0, yaw_deg=-8.0, pitch_deg=19.0, fov_deg=52.0)


def crossroads(turn_deg: float = 0.0) -> Streets:
    """Four arms of a lane each way around a square junction."""
    lanes, corners = [], []
    for number in range(4):
        angle = np.radians(turn_deg + 90 * number)
        ahead, left = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        towards = np.stack([ahead * 90, ahead * 8]) + 1.7 * left
        away = np.stack([ahead * 8, ahead * 90]) - 1.7 * left
        lanes += [Lane(f"in{number}", 0, towards, 3.4), Lane(f"out{number}", 0, away, 3.4)]
        corners += [ahead * 8 - left * 3.4, ahead * 8 + left * 3.4]
    return Streets(tuple(lanes), (np.array(corners),))


def road(width_m: float = 3.2) -> Streets:
    """Two lanes each way along y, one of them for buses."""
    y_m = np.array([-60.0, 140.0])
    lanes = []
    for place, off_m in enumerate((1.5, 0.5)):
        kind = "bus" if place == 0 else "road"
        up, down = (np.stack([np.full(2, side * off_m * width_m), y_m[::side]], axis=1) for side in (1, -1))
        lanes += [Lane("up", place, up, width_m, kind), Lane("down", place, down, width_m)]  # type: ignore[arg-type]
    return Streets(tuple(lanes))


class TestPaths:
    line = np.array([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)])

    def test_even_keeps_ends_and_length(self) -> None:
        fine = even(self.line, 0.5)
        assert fine[0].tolist() == [0, 0]
        assert fine[-1].tolist() == [10, 10]
        assert lengths(fine)[-1] == pytest.approx(20, abs=0.5)

    def test_beside_is_to_the_left(self) -> None:
        assert beside(self.line[:2], 2.0).tolist() == [[0, 2], [10, 2]]

    def test_piece_goes_around_the_corner(self) -> None:
        assert piece(self.line, 8, 12).tolist() == [[8, 0], [10, 0], [10, 2]]

    def test_dashes_are_as_long_as_asked(self) -> None:
        found = list(dashes(self.line[:2], 2.0, 2.0))
        assert [lengths(dash)[-1] for dash in found] == pytest.approx([2.0] * len(found))
        assert len(found) == 2

    def test_cut_keeps_what_is_not_behind(self) -> None:
        square_m = square((0, 0), 1)
        assert cut(square_m, square_m[:, 0])[:, 0].min() == 0
        assert cut(square_m, square_m[:, 0] + 5) is square_m
        assert len(cut(square_m, square_m[:, 0] - 5)) == 0


class TestMarkings:
    @pytest.mark.parametrize("streets", [road(), crossroads(), crossroads(33)], ids=["road", "crossroads", "turned"])
    def test_lie_on_the_carriageway(self, streets: Streets) -> None:
        lanes = drivable(streets)
        painted = paint_lines(streets, STYLES["open-road"].markings)
        assert len(painted) > 10
        for polygon in painted:
            assert within_lanes(polygon, lanes, 0.15).all()

    def test_borders_know_what_lies_beyond(self) -> None:
        found = sides(drivable(road()))
        assert sorted((side.lane.edge, side.lane.place, bool(side.kerb.all())) for side in found) == [
            ("down", 0, True), ("down", 1, False), ("up", 0, True), ("up", 1, False),
        ]  # fmt: skip

    def test_a_zebra_stays_on_its_crossing(self) -> None:
        crossing = np.array([(-6.0, 10.0), (-6.0, 13.0), (6.0, 13.0), (6.0, 10.0)])
        stripes = np.concatenate(zebra(crossing))
        assert len(zebra(crossing)) == 12
        assert (stripes >= crossing.min(0)).all()
        assert (stripes <= crossing.max(0)).all()


def canvas_of(pose: CameraPose = POSE) -> GroundCanvas:
    return GroundCanvas(Projection(pose, 640, 360), np.random.default_rng(1))


class TestCanvas:
    def test_pixels_know_their_place_on_the_map(self) -> None:
        canvas = canvas_of()
        row, column = canvas.shape[0] - 20, 500
        place = np.array([[canvas.x_m[row, column], canvas.y_m[row, column], 0.0]])
        found = canvas.projection.pixels(place)[0] - [0.5, canvas.horizon_row + 0.5]
        assert found == pytest.approx([column, row], abs=0.02)

    @pytest.mark.parametrize("yaw_deg", [0.0, 75.0, -160.0])
    def test_a_shape_fills_the_pixels_that_show_it(self, yaw_deg: float) -> None:
        canvas = canvas_of(replace(POSE, yaw_deg=yaw_deg))
        line = np.array([(-60.0, -30.0), (80.0, 60.0)])
        filled = canvas.fill(canvas.blank(), [strip(line, 3.0, -3.0)]) > 127
        places = np.stack([canvas.x_m.ravel(), canvas.y_m.ravel()], axis=1).astype(np.float64)
        shown = within_lanes(places, [Lane("a", 0, line, 6.0)]).reshape(canvas.shape)
        assert (filled != shown).mean() < 0.01

    def test_markings_are_bright_and_asphalt_is_grey(self) -> None:
        rng = np.random.default_rng(2)
        canvas = canvas_of()
        image = paint_ground(road(), "open-road", canvas, rng)
        painted = canvas.fill(canvas.blank(), paint_lines(road(), STYLES["open-road"].markings)) > 250
        lanes = canvas.fill(canvas.blank(), [strip(lane.centre_m, 1.5, -1.5) for lane in road().lanes]) > 250
        grey = image.mean(axis=2)
        assert grey[painted].mean() > grey[lanes & ~painted].mean() + 50
        assert np.ptp(image[lanes & ~painted].mean(axis=0)) < 40


class TestShade:
    def test_falls_away_from_the_sun(self) -> None:
        canvas = canvas_of()
        pillar = np.concatenate([np.append(corner, z)[None] for corner in square((0, 20), 1.5) for z in (0.0, 6.0)])
        scene_object = SceneObject((), square((0, 20), 1.5), (pillar,))
        weather = Weather(sun=(-1.0, 0.0, 1.0))
        shade = shade_on_ground([scene_object], canvas, weather)
        assert canvas.x_m[shade > 0.9].max() == pytest.approx(7.5, abs=0.3)
        assert canvas.x_m[shade > 0.9].min() == pytest.approx(-1.5, abs=0.3)
        assert not shade_on_ground([scene_object], canvas, Weather("overcast")).any()


def low_corners(scene_object: SceneObject) -> Line:
    """Where a thing is lower than vehicles are high, (N, 2)."""
    corners = [piece.mesh.vertices_m[piece.mesh.vertices_m[:, 2] < LOWEST_OVER_ROAD_M] for piece in scene_object.pieces]
    return np.concatenate(corners)[:, :2].astype(np.float64) if corners else np.empty((0, 2))


class TestScenery:
    @pytest.mark.parametrize(
        ("preset", "camera", "surroundings"),
        [("smooth", 0, "old-town"), ("smooth", 3, "suburb"), ("grand", 7, "commercial"), ("grand", 0, "open-road")],
    )
    def test_nothing_stands_in_a_lane_or_in_the_camera(
        self, preset: str, camera: int, surroundings: Surroundings
    ) -> None:
        world, spec = find_camera(preset, camera)
        streets = streets_of(world).near(spec.pose.x_m, spec.pose.y_m, 260)
        spec = replace(spec, surroundings=surroundings)
        objects, site = draw_scenery(streets, spec, world.weather, np.random.default_rng((1, spec.seed)))
        here = np.array([spec.pose.x_m, spec.pose.y_m])
        assert sum(bool(scene_object.pieces) for scene_object in objects) > 10
        for scene_object in objects:
            corners = low_corners(scene_object)
            assert not within_lanes(corners, site.lanes, -0.1).any()
            assert not len(corners) or np.linalg.norm(corners - here, axis=1).min() > 0.3

    def test_what_may_hide_a_vehicle_is_known(self) -> None:
        spec = CameraSpec(POSE, Look(), seed=3, surroundings="suburb")
        _, site = draw_scenery(road(), spec, Weather(), np.random.default_rng(1))
        between, behind = square((-3.5, 20.0), 0.3), square((-6.0, -30.0), 0.3)
        assert site.before_streets(between)
        assert not site.before_streets(behind)
        assert not site.free(between, 0.3)

    def test_the_same_seed_gives_the_same_place(self) -> None:
        spec = CameraSpec(POSE, Look(), seed=3, surroundings="old-town")
        drawn = [draw_scenery(crossroads(20), spec, Weather(), np.random.default_rng(5))[0] for _ in range(2)]
        first, second = (np.concatenate([low_corners(scene_object) for scene_object in objects]) for objects in drawn)
        assert np.array_equal(first, second)
