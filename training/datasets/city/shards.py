"""A city set in shards: some identities at a time, rendered by worker processes, each shard whole or not at all."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ingest.synthetic.camera.spec import Projection
from ingest.synthetic.vehicle.fleet import Vehicle, draw_vehicle
from ingest.synthetic.world.presets import find_camera
from ingest.truth import TrueSighting
from training.datasets.city.crops import CityCrop, city_crop
from training.datasets.city.drives import Drive, view_deg
from training.datasets.city.placement import CropRequest, PlacedVehicle, place_vehicles
from training.datasets.city.processes import run_batches

SNAPSHOT_VEHICLES = 7
SNAPSHOTS = 60
"""Most snapshots of a camera in a shard; a vehicle that has not been seen well by then is not in it."""
SHARDS_A_PROCESS = 24
"""Shards after which a fresh process takes over: the renderer does not give all memory back."""
WORK = ".shards"


@dataclass(frozen=True, slots=True)
class SetCamera:
    """A camera of the set: where in which preset it stands."""

    preset: str
    index: int


@dataclass(frozen=True, eq=False)
class Plan:
    """All that the content of a set depends on.

    drives: by camera. test: the identities that are not for training. kinds: of the vehicles, in turn; none for the mix
    of real traffic. shard_size: identities whose bodies are built together; a killed run loses no more.
    """

    seed: int
    identities: int
    views: int
    cameras: tuple[SetCamera, ...]
    drives: tuple[tuple[Drive, ...], ...]
    test: frozenset[int]
    kinds: tuple[str, ...] = ()
    shard_size: int = 24

    def vehicle(self, identity: int) -> Vehicle:
        """Draw the vehicle of an identity; they count from 1."""
        kind = self.kinds[(identity - 1) % len(self.kinds)] if self.kinds else None
        return draw_vehicle(identity, kind, self.seed)

    @property
    def shards(self) -> tuple[range, ...]:
        """The identities of each shard; they count from 1."""
        edges = [*range(1, self.identities + 1, self.shard_size), self.identities + 1]
        return tuple(range(start, end) for start, end in pairwise(edges))


def image_name(identity: int, camera: int, frame: int, view: int) -> str:
    """Name an image as in VeRi-776: identity, camera, frame, index."""
    return f"{identity:04d}_c{camera:03d}_{frame:08d}_{view}.jpg"


def render_shard(plan: Plan, number: int, out: Path, stages: "Stages") -> None:
    """Render a shard's crops into the folders of the set and then, in one go, its rows."""
    vehicles = {identity: plan.vehicle(identity) for identity in plan.shards[number]}
    rows: list[dict[str, Any]] = []
    for camera in range(len(plan.cameras)):
        rows += _render_camera(plan, number, camera, vehicles, out, stages)
    path = shard_path(out, number)
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    unfinished.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))
    unfinished.replace(path)


def shard_path(out: Path, number: int) -> Path:
    """Path of the rows of a finished shard."""
    return out / WORK / f"{number:06d}.jsonl"


class Stages:
    """The cameras of a process, each set up when it is first needed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._ready: dict[int, Any] = {}

    def take(self, camera: int, placed: Sequence[PlacedVehicle], number: int, speed_mps: float) -> Any:
        """A frame and the sightings in it."""
        if camera not in self._ready:
            from ingest.synthetic.render.snapshot import Snapshots  # Panda3D is an extra: only who renders needs it

            self._ready[camera] = Snapshots(*find_camera(*_preset_camera(self._plan, camera)))
        vehicles = [(each.request.vehicle, each.place) for each in placed]
        return self._ready[camera].take(vehicles, number, speed_mps=speed_mps)

    def close(self) -> None:
        """Give the renderer's memory back."""
        for snapshots in self._ready.values():
            snapshots.close()
        self._ready.clear()


def _preset_camera(plan: Plan, camera: int) -> tuple[str, int]:
    return plan.cameras[camera].preset, plan.cameras[camera].index


def _render_camera(
    plan: Plan, number: int, camera: int, vehicles: dict[int, Vehicle], out: Path, stages: Stages
) -> list[dict[str, Any]]:
    """Put the vehicles of a shard before one camera, several at a time, until each has been seen well."""
    rng = np.random.default_rng((plan.seed, number, camera))
    _, spec = find_camera(*_preset_camera(plan, camera))
    projection = Projection(spec.pose, spec.width, spec.height)
    drives = plan.drives[camera]
    pending = [
        CropRequest(vehicle, view, drive)
        for vehicle, drive in zip(
            vehicles.values(), rng.integers(len(drives), size=len(vehicles)).tolist(), strict=True
        )
        for view in range(plan.views)
    ]
    pending = [pending[place] for place in rng.permutation(len(pending)).tolist()]
    rows: list[dict[str, Any]] = []
    for turn in range(SNAPSHOTS):
        placed = place_vehicles(pending, drives, projection, SNAPSHOT_VEHICLES, rng)
        # A shard has the frames from SNAPSHOTS * number on of each camera, as if they were moments of a recording.
        frame = SNAPSHOTS * number + turn
        seen: dict[int, TrueSighting] = {}
        if placed:
            speed_mps = float(np.mean([each.speed_mps for each in placed]))
            image, sightings = stages.take(camera, placed, frame, speed_mps)
            seen = {sighting.vehicle_id: sighting for sighting in sightings}
        done = set()
        for each in placed:
            sighting = seen.get(each.request.vehicle.vehicle_id)
            crop = city_crop(image, sighting, rng) if sighting is not None else None
            if crop is not None:
                rows.append(_write(plan, camera, frame, each, crop, out, view_deg(each.place, spec)))
                done.add(each.request)
        # Whoever had a turn and was not seen well tries another drive, after all others.
        tried = pending[: 3 * SNAPSHOT_VEHICLES] if not placed else [each.request for each in placed]
        again = [replace(one, drive=int(rng.integers(len(drives)))) for one in tried if one not in done]
        pending = [one for one in pending if one not in tried] + again
        if not pending:
            break
    return rows


def _write(
    plan: Plan, camera: int, frame: int, each: PlacedVehicle, crop: CityCrop, out: Path, seen_deg: float
) -> dict[str, Any]:
    vehicle = each.request.vehicle
    identity = vehicle.vehicle_id
    name = image_name(identity, camera + 1, frame, each.request.view)
    folder = "image_test" if identity in plan.test else "image_train"
    (out / folder / name).write_bytes(crop.jpeg)
    described = {"model": vehicle.model.name, "kind": vehicle.model.kind, "paint_bgr": list(vehicle.paint_bgr)}
    return {"image": name, "folder": folder, **described, "view_deg": round(seen_deg, 1), **crop.facts}


def render_shards(plan: Plan, out: Path, workers: int, on_progress: Callable[[int], None]) -> None:
    """Render what is missing of a set in `workers` processes; `on_progress` gets how many shards are done.

    Raises SourceError where a process died; what was finished stays, and the next call goes on from there.
    """
    missing = [number for number in range(len(plan.shards)) if not shard_path(out, number).exists()]
    size = min(SHARDS_A_PROCESS, -(-len(missing) // workers))  # short work is shared all the same
    batches = [missing[start : start + size] for start in range(0, len(missing), size or 1)]
    run_batches(
        [partial(_render_batch, plan, batch, out) for batch in batches],
        workers,
        lambda: on_progress(sum(shard_path(out, number).exists() for number in range(len(plan.shards)))),
    )


def _render_batch(plan: Plan, numbers: Sequence[int], out: Path, wanted: Callable[[], bool]) -> None:
    stages = Stages(plan)
    for number in numbers:
        if not wanted():
            return
        render_shard(plan, number, out, stages)
    stages.close()


def settings_of(plan: Plan) -> dict[str, Any]:
    """Settings that must be the same for a set to be continued, as JSON has them."""
    cameras = [asdict(camera) for camera in plan.cameras]
    return {"seed": plan.seed, "identities": plan.identities, "views": plan.views, "cameras": cameras,
            "test": sorted(plan.test)}  # fmt: skip
