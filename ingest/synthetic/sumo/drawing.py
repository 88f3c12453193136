"""Drawing of fresh traffic: a coarse simulation to place cameras, then a fine one to record the traffic past them."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ingest.errors import ConfigError
from ingest.synthetic.camera.corridor_placement import place_along_corridor
from ingest.synthetic.camera.placement import PlacementRequest, Survey, place_cameras
from ingest.synthetic.camera.spec import CameraPose
from ingest.synthetic.camera.visibility import area_ahead, farthest_m, near_any, without_sudden
from ingest.synthetic.sumo.net import read_streets
from ingest.synthetic.sumo.program import Scenario, Spot, drive, prepare, sumo_version
from ingest.synthetic.sumo.recorder import Recorder
from ingest.synthetic.sumo.surveyor import Surveyor
from ingest.synthetic.world.clearance import without_overlaps
from ingest.synthetic.world.streets import Streets
from ingest.synthetic.world.trace import Trace, TraceHeader

_STREETS_M = 20.0
_WARM_UP_S = 900.0
_FINE_S, _COARSE_S = 0.1, 1.0

Report = Callable[[str, float], None]
"""Receiver of progress: the work that is being done, and the share of it that is done, from 0 to 1."""


def draw_trace(
    source: str,
    cameras: PlacementRequest | tuple[CameraPose, ...],
    *,
    name: str,
    seed: int,
    begin_s: float,
    duration_s: float,
    scale: float = 1.0,
    attribution: str = "",
    report: Report = lambda _, __: None,
) -> Trace:
    """Draw traffic with SUMO: the same arguments and version of SUMO, the same trace.

    source: a `.sumocfg`, `.net.xml`, OpenStreetMap extract or `grid:3x3`. cameras: what to place, or the poses in
    another trace of the same streets (those of `grid:3x3` are the same for a seed). begin_s: which moment of the
    simulation is the trace's beginning. scale: of the demand. Raises ConfigError when the source or the request cannot
    be met.
    """
    with tempfile.TemporaryDirectory(prefix="corridor-") as folder:
        # Step 1: a scenario and its map
        scenario = prepare(source, Path(folder), seed, begin_s + duration_s)
        run = _Run(scenario, seed, scale, begin_s, duration_s, report)
        streets = read_streets(scenario.net)
        # Step 2: cameras, from a survey of the traffic
        poses = cameras if isinstance(cameras, tuple) else _placed(streets, run.survey(), cameras, seed)
        # Step 3: the same traffic finely near the cameras, without what an image must not show
        ways = without_sudden(without_overlaps(tuple(run.record(poses).ways())), poses, duration_s)
        header = TraceHeader(
            name=name,
            source=f"{attribution or scenario.source}; simulated with Eclipse SUMO {sumo_version()} (EPL-2.0)",
            seed=seed,
            duration_s=duration_s,
            reach_m=farthest_m(poses),
            cameras=poses,
        )
        return Trace(header, _near(streets, poses), ways)


def _placed(streets: Streets, survey: Survey, request: PlacementRequest, seed: int) -> tuple[CameraPose, ...]:
    place = place_along_corridor if request.corridor else place_cameras
    return place(streets, survey, request, np.random.default_rng(seed))


class _Run:
    """Run of one scenario over one span of time, simulated as often as is needed."""

    def __init__(
        self, scenario: Scenario, seed: int, scale: float, begin_s: float, duration_s: float, report: Report
    ) -> None:
        self._scenario, self._seed, self._scale, self._report = scenario, seed, scale, report
        self._begin_s, self._end_s = begin_s, begin_s + duration_s

    def survey(self) -> Survey:
        """Survey the places of vehicles every second; raises ConfigError when there are none."""
        surveyor = Surveyor(self._begin_s, self._end_s, _COARSE_S)
        for spots in self._drive(_COARSE_S, ()):
            surveyor.take(spots)
            self._report("placing cameras", self._done(spots[-1].time_s))
        if surveyor.empty:
            raise ConfigError(f"No vehicle of '{self._scenario.name}' drives at that time: choose another --begin")
        return surveyor.survey()

    def record(self, poses: tuple[CameraPose, ...]) -> Recorder:
        """Record the ways of vehicles near cameras."""
        recorder = Recorder(self._begin_s, _FINE_S)
        for spots in self._drive(_FINE_S, poses):
            near = near_any(poses, np.array([(spot.x_m, spot.y_m) for spot in spots]), [spot.kind for spot in spots])
            recorder.take([spot for spot, close in zip(spots, near.tolist(), strict=True) if close])
            self._report("recording traffic", self._done(spots[-1].time_s))
        return recorder

    def _drive(self, step_s: float, poses: tuple[CameraPose, ...]) -> Iterator[list[Spot]]:
        return drive(
            self._scenario,
            seed=self._seed,
            scale=self._scale,
            warm_up_from_s=max(0.0, self._begin_s - _WARM_UP_S),
            begin_s=self._begin_s,
            end_s=self._end_s,
            step_s=step_s,
            areas=[area_ahead(pose, farthest_m([pose])) for pose in poses],
        )

    def _done(self, time_s: float) -> float:
        return (time_s - self._begin_s) / (self._end_s - self._begin_s)


def _near(streets: Streets, poses: tuple[CameraPose, ...]) -> Streets:
    """Part of the map around all cameras, as far as they show vehicles."""
    parts = [streets.near(pose.x_m, pose.y_m, farthest_m([pose]) + _STREETS_M) for pose in poses]
    kept = {id(each) for part in parts for each in (*part.lanes, *part.junctions, *part.crossings)}
    return Streets(
        tuple(lane for lane in streets.lanes if id(lane) in kept),
        tuple(outline for outline in streets.junctions if id(outline) in kept),
        tuple(crossing for crossing in streets.crossings if id(crossing) in kept),
    )
