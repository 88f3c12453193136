"""The bodies: closed shapes of the stated size, the same bytes everywhere, no two vehicles alike."""

import hashlib
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.camera.spec import CameraPose
from ingest.synthetic.mesh import Mesh, box, tube
from ingest.synthetic.render import vehicles
from ingest.synthetic.render.panda import ENGINE_LOCK, Pass, discard_scene, make_root, render_passes
from ingest.synthetic.render.vehicles import LIVE_BODIES, body_of
from ingest.synthetic.vehicle.catalogue import MODELS
from ingest.synthetic.vehicle.fleet import Vehicle, draw_vehicle
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.vehicle.paint.atlas_layout import ATLAS_PX, FRONT, LEFT, REAR, RIGHT, ROOF, Region
from ingest.synthetic.vehicle.paint.lamp_places import lamp_places
from ingest.synthetic.vehicle.shape import shape_of

MIRROR_M, LOAD_M = 0.25, 1.35
EVERY = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def one(model: Model, seed: int = 7) -> Vehicle:
    return Vehicle(1, model, (180, 180, 180), seed)


@lru_cache(maxsize=128)
def built(model: Model, seed: int = 7) -> tuple[Mesh, Image]:
    return shape_of(one(model, seed))


def digest(vehicle: Vehicle) -> str:
    mesh, atlas = shape_of(vehicle)
    parts = (mesh.vertices_m, mesh.normals, mesh.uv, mesh.triangles, atlas)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def facing(mesh: Mesh) -> NDArray[np.float64]:
    """The unit normal (T, 3) of every triangle that has an area, by its winding, else zeros."""
    corners = mesh.vertices_m.astype(np.float64)[mesh.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(lengths > 1e-7, normals / np.maximum(lengths, 1e-12), 0.0)


def within(mesh: Mesh, region: Region) -> NDArray[np.bool_]:
    """Which triangles (T,) are painted from a region."""
    column, row = mesh.uv[:, 0] * ATLAS_PX, (1 - mesh.uv[:, 1]) * ATLAS_PX
    inside = (column >= region.x) & (column < region.x + region.width)
    inside &= (row >= region.y) & (row < region.y + region.height)
    return np.asarray(inside[mesh.triangles].all(1))


class TestShape:
    @EVERY
    def test_arrays_are_sound(self, model: Model) -> None:
        mesh, atlas = built(model)
        assert 1300 <= len(mesh.triangles) <= 4000
        assert mesh.triangles.min() >= 0
        assert mesh.triangles.max() < len(mesh.vertices_m)
        assert np.isfinite(mesh.vertices_m).all()
        lengths = np.linalg.norm(mesh.normals, axis=1)
        used = np.unique(mesh.triangles[np.abs(facing(mesh)).sum(1) > 0])
        assert np.allclose(lengths[used], 1, atol=1e-3)
        assert mesh.uv.min() >= 0
        assert mesh.uv.max() <= 1
        assert atlas.shape == (ATLAS_PX, ATLAS_PX, 3)
        assert atlas.dtype == np.uint8

    @EVERY
    @pytest.mark.parametrize("seed", [1, 2])
    def test_it_has_the_stated_size(self, model: Model, seed: int) -> None:
        points = built(model, seed)[0].vertices_m
        low, high = points.min(0), points.max(0)
        assert high[1] <= (0.25 if model.large else 0.02)  # mirrors of buses and trucks reach ahead
        assert low[1] == pytest.approx(-model.length_m, abs=0.2)
        assert max(-low[0], high[0]) == pytest.approx(model.width_m / 2, abs=MIRROR_M)
        assert -0.01 <= low[2] < 0.1
        assert model.height_m - 0.2 <= high[2] <= model.height_m + LOAD_M

    @EVERY
    def test_the_skin_faces_outwards(self, model: Model) -> None:
        mesh, _ = built(model)
        normals = facing(mesh)
        places = ((REAR, 1, -1), (LEFT, 0, -1), (RIGHT, 0, 1), (FRONT, 1, 1), (ROOF, 2, 1))
        for region, axis, sign in places[:1] if model.kind == "motorcycle" else places:
            outward = sign * normals[within(mesh, region), axis]
            assert len(outward)
            assert (outward > -0.2).mean() > 0.99, region

    @EVERY
    def test_shading_agrees_with_the_winding(self, model: Model) -> None:
        mesh, _ = built(model)
        normals = facing(mesh)
        agreement = np.sum(mesh.normals[mesh.triangles].mean(1) * normals, axis=1)
        assert (agreement[np.abs(normals).sum(1) > 0] > 0).mean() > 0.985

    def test_boxes_and_limbs_face_outwards(self) -> None:
        path = np.array([(0.0, 0, 0), (0, 0.2, 0.5), (0, 0.2, 1.0)])
        for mesh in (tube(path, np.array([0.2, 0.3, 0.2]), np.zeros(2)), box((-1, -1, -1), (1, 1, 1), np.zeros(2))):
            corners = mesh.vertices_m.astype(np.float64)[mesh.triangles]
            volume = np.sum(corners[:, 0] * np.cross(corners[:, 1], corners[:, 2])) / 6
            assert volume > 0

    @EVERY
    def test_lamps_are_at_their_ends(self, model: Model) -> None:
        head_m, tail_m = lamp_places(model)
        assert head_m.dtype == tail_m.dtype == np.float32
        assert (head_m[:, 1] > -model.length_m * 0.35).all()
        assert (tail_m[:, 1] < -model.length_m * 0.9).all()
        for places in (head_m, tail_m):
            assert (np.abs(places[:, 0]) <= model.width_m / 2).all()
            assert ((places[:, 2] > 0.4) & (places[:, 2] < 1.4)).all()


class TestSameAndDifferent:
    VEHICLES = (draw_vehicle(1, "car", 3), draw_vehicle(2, "truck", 3), draw_vehicle(3, "motorcycle", 3))

    def test_another_process_makes_the_same_bytes(self) -> None:
        script = (
            "from tests.ingest.synthetic.test_fleet_bodies import TestSameAndDifferent as t, digest\n"
            "print(*(digest(vehicle) for vehicle in t.VEHICLES))"
        )
        told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert told.stdout.split() == [digest(vehicle) for vehicle in self.VEHICLES]

    @pytest.mark.parametrize("name", ["hatchback-1", "saloon-1", "van-1", "box-truck-1", "bus-1", "motorcycle-1"])
    def test_marks_tell_vehicles_of_one_model_and_paint_apart(self, name: str) -> None:
        atlases = [built(MODELS[name], seed)[1].astype(np.int32) for seed in range(8)]
        for number, atlas in enumerate(atlases):
            for other in atlases[:number]:
                assert (np.abs(atlas - other).max(2) > 24).mean() > 0.01

    def test_both_sides_are_their_own(self) -> None:
        sides = 0
        for seed in range(10):
            _, atlas = shape_of(one(MODELS["saloon-1"], seed))
            left, right = (atlas[region.y : region.y + region.height].astype(int) for region in (LEFT, RIGHT))
            sides += int((np.abs(left - right[:, ::-1]).max(2) > 24).mean() > 0.002)
        assert sides >= 5


class TestPool:
    def test_the_same_vehicle_is_built_once(self) -> None:
        vehicle = draw_vehicle(900001, "car", 3)
        assert body_of(vehicle) is body_of(vehicle)

    def test_bodies_that_left_the_scene_are_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shape = shape_of(one(MODELS["hatchback-1"]))
        monkeypatch.setattr(vehicles, "shape_of", lambda vehicle: shape)
        with ENGINE_LOCK:
            root = make_root("pool")
            view = Pass(root, CameraPose(0, -14, 6, 0, 21, 40), 64, 36)
            for number in range(LIVE_BODIES + 160):
                body = body_of(Vehicle(number, MODELS["hatchback-1"], (1, 2, 3), 5))
                node = body.node.copy_to(root)
                node.set_texture(body.texture)
                render_passes([view])
                node.remove_node()
                if number == LIVE_BODIES:
                    before_mb = resident_mb()
            assert resident_mb() - before_mb < 60
            view.close()
            discard_scene(root)
            vehicles._build.cache_clear()


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
