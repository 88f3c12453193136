"""One camera's images: the same frame is the same bytes, parts fit the whole, nights are dark and lamps bright."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from ingest.synthetic.camera.spec import CameraSpec, Look, Projection, Surroundings
from ingest.synthetic.render.actors import close_by, may_be_seen
from ingest.synthetic.render.camera_renderer import CameraRenderer, PlacedVehicle, Pose
from ingest.synthetic.render.snapshot import Snapshots
from ingest.synthetic.vehicle.fleet import draw_vehicle
from ingest.synthetic.world.presets import Preset, find_camera
from ingest.synthetic.world.weather import Weather

CALM = Look(noise_sigma=0.0)
EVERYTHING = Look(
    dark_noise=2.0, drift=0.05, flicker=0.02, shutter_s=0.02, jitter_px=2.0, caption="North gate"
)  # fmt: skip
NIGHT_RAIN = Weather("night", rain=0.7)


def world(
    look: Look, weather: Weather | None = None, surroundings: Surroundings = "suburb"
) -> tuple[Preset, CameraSpec]:
    """The crossroads of the preset `smooth`, in small."""
    preset, spec = find_camera("smooth", 0)
    spec = replace(spec, look=look, width=352, height=198, surroundings=surroundings)
    return replace(preset, weather=weather or Weather()), spec


def ahead(spec: CameraSpec, way_m: float, aside_m: float, turn_deg: float = 0.0) -> Pose:
    """A place before the camera, looking away from it, or turned."""
    yaw = np.radians(spec.pose.yaw_deg)
    x_m = spec.pose.x_m - np.sin(yaw) * way_m + np.cos(yaw) * aside_m
    y_m = spec.pose.y_m + np.cos(yaw) * way_m + np.sin(yaw) * aside_m
    return float(x_m), float(y_m), spec.pose.yaw_deg + turn_deg


def three(spec: CameraSpec, number: int = 0) -> list[PlacedVehicle]:
    """Three vehicles of the same fleet, two of which overlap in the image."""
    spots = ((20.0 + 0.4 * number, -2.0), (29.0, -1.2), (24.0, 5.0))
    return [PlacedVehicle(draw_vehicle(k + 1, None, 9), ahead(spec, *spot), 9.0) for k, spot in enumerate(spots)]


@pytest.fixture(scope="module")
def calm() -> Iterator[CameraRenderer]:
    renderer = CameraRenderer(*world(CALM))
    yield renderer
    renderer.close()


@pytest.fixture(scope="module")
def wild() -> Iterator[CameraRenderer]:
    renderer = CameraRenderer(*world(EVERYTHING, NIGHT_RAIN, "old-town"))
    yield renderer
    renderer.close()


class TestStage:
    def test_frames_do_not_depend_on_those_before(self, wild: CameraRenderer) -> None:
        _, spec = world(EVERYTHING)
        numbers = [0, 5, 3, 11, 5]
        shown = [wild.render_vehicles(three(spec, number), number) for number in numbers]
        assert np.array_equal(shown[1][0], shown[4][0])
        assert shown[1][1] == shown[4][1]
        other = CameraRenderer(*world(EVERYTHING, NIGHT_RAIN, "old-town"))
        image, sightings = other.render_vehicles(three(spec, 11), 11)
        other.close()
        assert np.array_equal(image, shown[3][0])
        assert sightings == shown[3][1]

    def test_an_image_without_its_truth_is_the_same(self, wild: CameraRenderer) -> None:
        _, spec = world(EVERYTHING)
        image, sightings = wild.render_vehicles(three(spec), 4)
        assert len(sightings) == 3
        alone, none = wild.render_vehicles(three(spec), 4, truth=False)
        assert np.array_equal(alone, image)
        assert none == []

    def test_parts_fit_the_whole_without_a_seam(self, calm: CameraRenderer, monkeypatch: pytest.MonkeyPatch) -> None:
        _, spec = world(CALM)
        parts, _ = calm.render_vehicles(three(spec), 0)
        monkeypatch.setattr(calm, "_rects", lambda actors: [(0, 0, spec.width, spec.height)])
        whole, _ = calm.render_vehicles(three(spec), 0)
        assert np.abs(parts.astype(int) - whole).max() <= 1

    def test_effects_off_means_a_still_image(self, calm: CameraRenderer) -> None:
        empty = [calm.render_vehicles([], sequence)[0] for sequence in (0, 9, 200)]
        assert np.array_equal(empty[0], empty[1])
        assert np.array_equal(empty[0], empty[2])

    def test_truth_sways_with_the_image(self, calm: CameraRenderer) -> None:
        preset, spec = world(replace(CALM, jitter_px=2.0))
        still = {each.vehicle_id: each for each in calm.render_vehicles(three(spec), 0)[1]}
        swaying = CameraRenderer(preset, spec)
        shifts = [swaying._effects.state(number).shift_px for number in range(60)]
        number = int(np.argmax([abs(across) + abs(down) for across, down in shifts]))
        for sighting in swaying.render_vehicles(three(spec), number)[1]:
            moved = np.array(still[sighting.vehicle_id].box_xyxy) + np.tile(shifts[number], 2)
            assert np.abs(np.array(sighting.box_xyxy) - moved).max() <= 1
        swaying.close()
        assert max(map(abs, shifts[number])) >= 1

    def test_a_moving_vehicle_is_blurred_and_its_box_stays(self, calm: CameraRenderer) -> None:
        preset, spec = world(replace(CALM, shutter_s=0.04))
        blurring = CameraRenderer(preset, spec)
        vehicle = draw_vehicle(1, None, 9)
        fast = PlacedVehicle(vehicle, ahead(spec, 20, 0, 90), 14.0)
        sharp, before = calm.render_vehicles([fast], 0)
        soft, after = blurring.render_vehicles([fast], 0)
        blurring.close()
        left, top, right, bottom = before[0].box_xyxy
        assert before == after
        detail = [cv2.Laplacian(image[top:bottom, left:right], cv2.CV_64F).std() for image in (sharp, soft)]
        assert detail[1] < 0.8 * detail[0]


class TestSnapshots:
    def test_the_one_that_matters_looks_as_in_the_whole(self) -> None:
        preset, spec = world(CALM)
        snapshots = Snapshots(preset, spec)
        vehicles = [(placed.vehicle, placed.pose) for placed in three(spec)]
        whole, all_seen = snapshots.take(vehicles, 4)
        part, seen = snapshots.take(vehicles, 4, only=1)
        snapshots.close()
        of_whole = next(each for each in all_seen if each.vehicle_id == 1)
        of_part = next(each for each in seen if each.vehicle_id == 1)
        assert of_part == of_whole
        left, top, right, bottom = of_whole.box_xyxy
        assert np.array_equal(part[top:bottom, left:right], whole[top:bottom, left:right])

    def test_ids_may_be_given_to_other_vehicles(self) -> None:
        preset, spec = world(CALM)
        snapshots = Snapshots(preset, spec)
        pose = ahead(spec, 20, 0)
        first, second = draw_vehicle(1, "car", 1), replace(draw_vehicle(2, "truck", 1), vehicle_id=1)
        images = [snapshots.take([(vehicle, pose)], 0)[0] for vehicle in (first, second, first)]
        snapshots.close()
        assert np.array_equal(images[0], images[2])
        assert not np.array_equal(images[0], images[1])


class TestLight:
    def test_nights_are_dark_and_lamps_are_bright(self, calm: CameraRenderer, wild: CameraRenderer) -> None:
        preset, spec = world(CALM, Weather("night"))
        night = CameraRenderer(preset, spec)
        facing = PlacedVehicle(draw_vehicle(1, "car", 9), ahead(spec, 24, 0, 180))
        empty, (image, seen) = night.render_vehicles([], 0)[0], night.render_vehicles([facing], 0)
        night.close()
        assert empty.mean() < 0.85 * calm.render_vehicles([], 0)[0].mean()
        left, top, right, bottom = seen[0].box_xyxy
        assert image[top:bottom, left:right].max(axis=2).max() > 240
        below = np.s_[bottom + 2 : bottom + 12, left:right]
        assert image[below].mean() > empty[below].mean() + 8

    @pytest.mark.parametrize(
        ("weather", "surroundings"), [(Weather(), "old-town"), (Weather("overcast"), "commercial")]
    )
    def test_daylight_has_the_contrast_of_real_cameras(self, weather: Weather, surroundings: Surroundings) -> None:
        preset, spec = world(Look(), weather, surroundings)
        renderer = CameraRenderer(preset, replace(spec, height=288))
        image = renderer.render_vehicles(three(spec), 0)[0]
        renderer.close()
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        assert 24 < cv2.Laplacian(grey, cv2.CV_64F).std() < 80
        assert 34 < grey.std() < 70
        assert 205 < np.percentile(grey, 99) <= 255


@pytest.mark.parametrize("weather", [Weather(), Weather("dusk"), NIGHT_RAIN], ids=["sun", "dusk", "night"])
def test_only_what_cannot_be_seen_is_left_out_as_far_away(weather: Weather) -> None:
    _, spec = world(CALM)
    rng = np.random.default_rng(5)
    spots = zip(rng.uniform(-80, 150, 3000), rng.uniform(-120, 120, 3000), rng.uniform(0, 360, 3000), strict=True)
    placed = [PlacedVehicle(draw_vehicle(k % 40 + 1, None, 9), ahead(spec, *spot)) for k, spot in enumerate(spots)]
    projection = Projection(spec.pose, spec.width, spec.height)
    kept = close_by(placed, weather, projection)
    seen = [each for each in placed if may_be_seen(each, weather, projection)]
    assert 100 < len(seen) <= len(kept) < 2500
    assert [each for each in kept if may_be_seen(each, weather, projection)] == seen
