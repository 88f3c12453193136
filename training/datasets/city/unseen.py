"""Cameras that no training has seen: a set for measuring that shares any with training sets is refused."""

import math
from collections.abc import Sequence
from typing import Protocol

from ingest.errors import ConfigError
from ingest.synthetic.world.presets import UNSEEN, find_camera
from ingest.synthetic.world.trace import read_trace_header
from training.datasets.city.shards import SetCamera

APART_M = 30.0
"""Least distance of a camera from every camera of a training set, in metres on the same map."""


class CamerasAndSeed(Protocol):
    """Cameras of a set, and the seed that draws its vehicles, as a `Plan` has them."""

    @property
    def seed(self) -> int: ...

    @property
    def cameras(self) -> tuple[SetCamera, ...]: ...


def check_kept_apart(cameras: Sequence[SetCamera], test_share: float) -> None:
    """Raise ConfigError for a set that would train on cameras which are kept for measuring."""
    kept = next((camera.preset for camera in cameras if camera.preset in UNSEEN), None)
    if kept is not None and test_share < 1:
        raise ConfigError(f"preset '{kept}' is kept for measuring: nothing may be trained on it (give --test-share 1)")


def check_unseen(measured: CamerasAndSeed, trained: Sequence[CamerasAndSeed]) -> None:
    """Raise ConfigError where a set for measuring shares a preset, a camera's place, or its vehicles with training."""
    for other in trained:
        if measured.seed == other.seed:
            raise ConfigError(f"seed {measured.seed} draws the vehicles of a training set too (give another --seed)")
        presets = {camera.preset for camera in measured.cameras} & {camera.preset for camera in other.cameras}
        if presets:
            raise ConfigError(f"preset '{min(presets)}' is in a training set too (give other --presets)")
        for camera in measured.cameras:
            apart_m = nearest_m(camera, other.cameras)
            if apart_m < APART_M:
                raise ConfigError(
                    f"camera {camera.index} of '{camera.preset}' stands {apart_m:.0f} m from one of a training set "
                    f"(at least {APART_M:.0f} m are asked; take another camera)"
                )


def nearest_m(camera: SetCamera, others: Sequence[SetCamera]) -> float:
    """Metres from a camera to the nearest of others on the same map; infinite without any."""
    return min((_apart_m(camera, other) for other in others), default=math.inf)


def _apart_m(one: SetCamera, other: SetCamera) -> float:
    """Metres between two cameras; infinite on different maps."""
    (preset, spec), (other_preset, other_spec) = (find_camera(it.preset, it.index) for it in (one, other))
    if read_trace_header(preset.trace).source != read_trace_header(other_preset.trace).source:
        return math.inf
    return math.hypot(spec.pose.x_m - other_spec.pose.x_m, spec.pose.y_m - other_spec.pose.y_m)
