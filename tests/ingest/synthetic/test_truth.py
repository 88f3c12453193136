"""The truth about an image: boxes, masks and shares, against renderings of one vehicle alone."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.synthetic.camera.passages import to_world
from ingest.synthetic.camera.spec import CameraPose, CameraSpec, Look, Projection
from ingest.synthetic.mesh import Mesh
from ingest.synthetic.render.actors import PlacedVehicle
from ingest.synthetic.render.camera_renderer import CameraRenderer
from ingest.synthetic.render.ground_truth import GroundTruthPass
from ingest.synthetic.render.outline import outline
from ingest.synthetic.render.panda import ENGINE_LOCK, Node, discard_scene, make_node, make_root, render_passes
from ingest.synthetic.render.vehicles import body_of
from ingest.synthetic.vehicle.fleet import draw_vehicle
from ingest.synthetic.world.presets import find_camera
from ingest.truth import TrueSighting

SPEC = CameraSpec(CameraPose(x_m=0.0, y_m=0.0, z_m=7.0, yaw_deg=0.0, pitch_deg=20.0, fov_deg=50.0), Look(), seed=5)
KINDS = ("car", "van", "truck", "bus", "motorcycle")


def placed(number: int, kind: str, x_m: float, y_m: float, heading_deg: float = 0.0) -> PlacedVehicle:
    return PlacedVehicle(draw_vehicle(number, kind, 7), (x_m, y_m, heading_deg))


class Scene:
    """A witness with nothing before its camera but what a test puts there."""

    def __init__(self, spec: CameraSpec = SPEC, wall: Mesh | None = None) -> None:
        self.spec = spec
        self.projection = Projection(spec.pose, spec.width, spec.height)
        with ENGINE_LOCK:
            self._occluders: Node = make_root("occluders")
            if wall is not None:
                make_node(wall).reparent_to(self._occluders)
            self._ground_truth = GroundTruthPass(self._occluders, self.projection)

    def look(self, vehicles: Sequence[PlacedVehicle]) -> dict[int, TrueSighting]:
        """The sightings of these vehicles by id."""
        shown = []
        with ENGINE_LOCK:
            for each in vehicles:
                body = body_of(each.vehicle)
                self._ground_truth.add(each.vehicle.vehicle_id, body.node)
                self._ground_truth.move(each.vehicle.vehicle_id, *each.pose)
                shown.append((each.vehicle, outline(to_world(body.vertices_m, each.pose), self.projection)))
            render_passes([self._ground_truth.view])
            sightings = self._ground_truth.read_sightings(shown)
            for each in vehicles:
                self._ground_truth.drop(each.vehicle.vehicle_id)
        return {sighting.vehicle_id: sighting for sighting in sightings}

    def alone(self, vehicle: PlacedVehicle) -> TrueSighting:
        """The sighting of a vehicle when there is no other."""
        return self.look([vehicle])[vehicle.vehicle.vehicle_id]

    def visible_mask(self, sighting: TrueSighting) -> NDArray[np.bool_]:
        """(H, W) the visible pixels."""
        visible_mask = np.zeros((self.spec.height, self.spec.width), bool)
        left, top, right, bottom = sighting.box_xyxy
        visible_mask[top:bottom, left:right] = sighting.mask
        return visible_mask

    def close(self) -> None:
        with ENGINE_LOCK:
            self._ground_truth.close()
            discard_scene(self._occluders)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


@pytest.fixture(scope="module")
def level() -> Iterator[Scene]:
    """A camera that looks far enough up to have distant buses whole in the image."""
    made = Scene(replace(SPEC, pose=replace(SPEC.pose, pitch_deg=13.0)))
    yield made
    made.close()


@pytest.fixture(scope="module")
def wide() -> Iterator[Scene]:
    """The same camera with 600 more pixels on every side: as good as endless."""
    made = Scene(SPEC.with_margin(600))
    yield made
    made.close()


QUEUE = [
    placed(1, "truck", -2.5, 16.0, 4.0),
    placed(2, "car", -1.5, 24.0),
    placed(3, "bus", -3.0, 37.0, -3.0),
    placed(4, "car", 3.0, 22.0, 175.0),
    placed(5, "van", 3.4, 30.0, 181.0),
    placed(6, "car", 9.0, 40.0, 90.0),
]


def test_the_visible_box_is_the_bounds_of_the_mask(scene: Scene) -> None:
    sightings = scene.look(QUEUE)
    assert len(sightings) >= 5
    for sighting in sightings.values():
        mask = sighting.mask
        assert mask.shape == (sighting.box_xyxy[3] - sighting.box_xyxy[1], sighting.box_xyxy[2] - sighting.box_xyxy[0])
        for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
            assert edge.any()


def test_masks_do_not_overlap(scene: Scene) -> None:
    images = [scene.visible_mask(sighting) for sighting in scene.look(QUEUE).values()]
    assert np.sum(images, axis=0).max() == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("heading_deg", [0.0, 37.0, 90.0, 168.0])
def test_the_full_box_of_a_vehicle_in_view_is_that_of_a_rendering_alone(
    level: Scene, kind: str, heading_deg: float
) -> None:
    for number, (x_m, y_m) in enumerate([(-3.0, 26.0), (2.0, 33.0), (5.0, 60.0)]):
        sighting = level.alone(placed(10 + number, kind, x_m, y_m, heading_deg))
        assert sighting.visible == 1
        assert sighting.occluded == 0
        assert np.abs(np.subtract(sighting.full_xyxy, sighting.box_xyxy)).max() <= 1


@pytest.mark.parametrize(
    ("kind", "x_m", "y_m", "heading_deg"),
    [
        ("car", -8.0, 16.0, 0.0),
        ("truck", 7.5, 15.0, 20.0),
        ("bus", 0.0, 15.0, 0.0),  # its rear is below the camera
        ("van", 9.0, 22.0, 100.0),
        ("bus", -2.0, 12.5, 8.0),
    ],
)
def test_the_full_box_goes_on_beyond_the_image(
    scene: Scene, wide: Scene, kind: str, x_m: float, y_m: float, heading_deg: float
) -> None:
    vehicle = placed(20, kind, x_m, y_m, heading_deg)
    sighting, beyond = scene.alone(vehicle), wide.alone(vehicle)
    assert sighting.visible < 1
    assert sighting.occluded == 0
    inside = (np.array(beyond.box_xyxy) > 0) & (np.array(beyond.box_xyxy) < (1840, 1560, 1840, 1560))
    assert inside.sum() >= 3
    assert np.abs(np.subtract(beyond.box_xyxy, 600) - sighting.full_xyxy)[inside].max() <= 2  # other rounding


def test_occlusion_is_the_share_of_pixels_that_others_hide(scene: Scene) -> None:
    sightings = scene.look(QUEUE)
    hidden = 0
    for vehicle in QUEUE:
        if (sighting := sightings.get(vehicle.vehicle.vehicle_id)) is None:
            continue
        alone = scene.visible_mask(scene.alone(vehicle))
        seen = scene.visible_mask(sighting)
        assert not (seen & ~alone).any()
        assert sighting.occluded == pytest.approx(1 - seen.sum() / alone.sum(), abs=1e-9)
        hidden += 0 < sighting.occluded < 1
        if not sighting.occluded and sighting.full_xyxy == sighting.box_xyxy:
            assert sighting.visible == 1
    assert hidden >= 2


def test_what_stands_before_a_vehicle_hides_it() -> None:
    left_m, right_m = -30.0, 0.0
    corners = np.array([(left_m, 12, 0), (right_m, 12, 0), (right_m, 12, 12), (left_m, 12, 12)], np.float32)
    normals, uv = np.tile(np.array([0, -1, 0], np.float32), (4, 1)), np.zeros((4, 2), np.float32)
    scene = Scene(wall=Mesh(corners, normals, uv, np.array([(0, 1, 2), (0, 2, 3)], np.int32)))
    half, behind, before = placed(1, "car", 0.0, 25.0), placed(2, "car", -8.0, 25.0), placed(3, "car", -4.0, 11.9)
    sightings = scene.look([half, behind, before])
    scene.close()
    assert 0.3 < sightings[1].occluded < 0.7
    assert sightings[1].box_xyxy[0] >= 319
    assert sightings[1].full_xyxy[0] < 300
    assert 2 not in sightings
    assert sightings[3].occluded == 0


@pytest.mark.parametrize(
    ("heading_deg", "towards"), [(0.0, (0, 1)), (90.0, (-1, 0)), (180.0, (0, -1)), (-90.0, (1, 0))]
)
def test_the_ground_position_is_half_a_length_behind_the_bumper(
    scene: Scene, heading_deg: float, towards: tuple[int, int]
) -> None:
    vehicle = placed(1, "car", 2.0, 30.0, heading_deg)
    sighting = scene.alone(vehicle)
    half_m = vehicle.vehicle.model.length_m / 2
    assert sighting.ground_m == pytest.approx((2.0 - half_m * towards[0], 30.0 - half_m * towards[1]))
    assert sighting.heading_deg == heading_deg
    x, y = scene.projection.pixels(np.array([(*sighting.ground_m, 0.0)]))[0]
    left, top, right, bottom = sighting.box_xyxy
    assert left < x < right
    assert top < y < bottom


def test_truth_follows_a_mast_that_sways() -> None:
    preset, spec = find_camera("smooth", 0)
    swaying = replace(spec, look=replace(spec.look, jitter_px=3.0))
    turn = np.radians(spec.pose.yaw_deg)
    ahead = PlacedVehicle(
        draw_vehicle(1, "car", 7),
        (spec.pose.x_m - 20 * float(np.sin(turn)), spec.pose.y_m + 20 * float(np.cos(turn)), spec.pose.yaw_deg),
    )
    renderer = CameraRenderer(preset, swaying)
    boxes = [renderer.render_vehicles([ahead], sequence)[1][0].full_xyxy for sequence in range(0, 40, 4)]
    seen = [renderer.render_vehicles([ahead], sequence)[1][0] for sequence in range(0, 40, 4)]
    renderer.close()
    assert len(set(boxes)) >= 3
    for box, sighting in zip(boxes, seen, strict=True):
        assert sighting.full_xyxy == box
        if not sighting.occluded:
            assert np.abs(np.subtract(sighting.full_xyxy, sighting.box_xyxy)).max() <= 1


def test_another_stage_says_the_same() -> None:
    preset, spec = find_camera("smooth", 0)
    told = []
    for begin in (60, 63):  # frames before a frame make no difference
        renderer = CameraRenderer(preset, spec)
        told.append([renderer.render(sequence) for sequence in range(begin, 66)][-3:])
        renderer.close()
    for (image, sightings), (again, same) in zip(*told, strict=True):
        assert np.array_equal(image, again)
        assert sightings == same
    assert any(sightings for _, sightings in told[0])
