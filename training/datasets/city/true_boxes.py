"""True boxes of the vehicles in view of each camera of a preset, from the geometry alone, without rendering."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detect.boxes import covered
from detect.detections import Boxes
from ingest.clock import NS
from ingest.frame_sampler import FrameSampler
from ingest.synthetic.camera.passages import Passage, box_corners, passages, to_world
from ingest.synthetic.camera.spec import CameraSpec, Points, Projection
from ingest.synthetic.render.outline import directions
from ingest.synthetic.vehicle.fleet import Vehicle
from ingest.synthetic.vehicle.shape import mesh_of
from ingest.synthetic.world.presets import Preset, trips_of
from ingest.synthetic.world.traffic import Trip

Ints = NDArray[np.int64]
LEAST_VISIBLE = 0.1
LEAST_SIDE_PX = 8.0

_DIRECTIONS = 256


@dataclass(frozen=True, slots=True, eq=False)
class TrueBoxes:
    """One camera's analysed frames, and the vehicles in them.

    sequences: (F,) numbers of the frames that are analysed; camera_ns: (F,) what the camera's clock says then; session:
    (F,) rises by one after each outage. rows of the rest, by frame, then vehicle: at (N,) place among the frames,
    vehicles (N,) ids, boxes (N, 4) float32 within the frame, visible (N,) share of the whole vehicle that is inside
    the frame and not covered by a nearer one.
    """

    sequences: Ints
    camera_ns: Ints
    session: Ints
    at: Ints
    vehicles: Ints
    boxes: Boxes
    visible: NDArray[np.float32]
    passages: int

    def rows_of(self, frame: int) -> slice:
        """The rows of the frame at a place."""
        start, end = np.searchsorted(self.at, [frame, frame + 1]).tolist()
        return slice(start, end)


def analysed_frames(preset: Preset, spec: CameraSpec, fps: float) -> tuple[Ints, Ints, Ints]:
    """Numbers, camera times in ns and sessions of the frames that a feed would hand on at a rate."""
    sampler = FrameSampler(fps)
    sequences, times_ns, sessions = [], [], []
    for sequence in range(preset.frame_count(spec)):
        time_s = sequence / spec.fps
        if any(start <= time_s < end for start, end in spec.dark):
            continue
        shown_s = time_s + spec.clock.ahead_s(time_s)
        if not sampler.accept(round(shown_s * NS)):
            continue
        sequences.append(sequence)
        times_ns.append(round(shown_s * NS))
        sessions.append(sum(end <= time_s for _, end in spec.dark))
    return np.array(sequences, np.int64), np.array(times_ns, np.int64), np.array(sessions, np.int64)


def true_boxes_of(preset: Preset, fps: float, outlines: "Outlines") -> list[TrueBoxes]:
    """Compute the true boxes of every camera of a preset, analysed at `fps` frames a second."""
    trips = {trip.vehicle.vehicle_id: trip for trip in trips_of(preset)}
    by_camera: dict[int, list[Passage]] = {}
    for passage in passages(preset):
        by_camera.setdefault(passage.camera, []).append(passage)
    return [
        _true_boxes(preset, spec, by_camera.get(camera, []), trips, fps, outlines)
        for camera, spec in enumerate(preset.cameras)
    ]


class Outlines:
    """The points that bound a vehicle's body: of its box (`exact` False, fast) or of its mesh."""

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact
        self._known: dict[int, Points] = {}

    def of(self, vehicle: Vehicle) -> Points:
        """(N, 3) metres, the middle of the front bumper at the origin."""
        if not self._exact:
            return box_corners(vehicle.model)
        if vehicle.vehicle_id not in self._known:
            vertices = mesh_of(vehicle).vertices_m
            farthest = np.unique(np.argmax(vertices @ directions(_DIRECTIONS).T, axis=0))
            self._known[vehicle.vehicle_id] = np.asarray(vertices[farthest], np.float64)
        return self._known[vehicle.vehicle_id]


def _true_boxes(
    preset: Preset, spec: CameraSpec, seen: list[Passage], trips: Mapping[int, Trip], fps: float, outlines: Outlines
) -> TrueBoxes:
    sequences, camera_ns, session = analysed_frames(preset, spec, fps)
    times_s = sequences / spec.fps
    projection = Projection(spec.pose, spec.width, spec.height)
    at, vehicles, whole = [], [], []
    for passage in seen:
        trip = trips[passage.vehicle_id]
        points = outlines.of(trip.vehicle)
        first, last = np.searchsorted(times_s, [passage.enter_s - 1e-6, passage.leave_s + 1e-6]).tolist()
        for frame in range(first, last):
            pose = trip.pose(float(times_s[frame]))
            box = None if pose is None else _box(to_world(points, pose), projection)
            if box is not None:
                at.append(frame)
                vehicles.append(passage.vehicle_id)
                whole.append(box)
    order = np.lexsort((np.array(vehicles, np.int64), np.array(at, np.int64)))
    full = np.array(whole, np.float64).reshape(-1, 4)[order]
    inside = np.clip(full, 0, (spec.width, spec.height, spec.width, spec.height)).astype(np.float32)
    frames = np.array(at, np.int64)[order]
    visible = _area(inside) / np.maximum(_area(full), 1e-6)
    for start, end in _runs(frames):
        visible[start:end] *= 1 - covered(inside[start:end])
    keep = (visible >= LEAST_VISIBLE) & ((inside[:, 2:] - inside[:, :2]).min(1, initial=np.inf) >= LEAST_SIDE_PX)
    named = np.array(vehicles, np.int64)[order]
    return TrueBoxes(
        sequences, camera_ns, session, frames[keep], named[keep], inside[keep], visible[keep].astype(np.float32),
        len(seen),
    )  # fmt: skip


def _box(points_m: Points, projection: Projection) -> NDArray[np.float64] | None:
    ahead = projection.depth_m(points_m) > 1.0
    if not ahead.any():
        return None
    pixels = projection.pixels(points_m[ahead])
    return np.concatenate([pixels.min(0), pixels.max(0)])


def _area(boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(1), np.float64)


def _runs(values: Ints) -> list[tuple[int, int]]:
    """Start and end of each stretch of equal values."""
    edges = np.flatnonzero(np.diff(values, prepend=-1, append=-1)) if len(values) else np.array([0])
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
