"""Presets, the worlds by name: `city://smooth/1` is camera 1 of the preset `smooth`."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np

from ingest.errors import ConfigError
from ingest.synthetic.camera.spec import CameraClock, CameraPose, CameraSpec, Look, Surroundings
from ingest.synthetic.vehicle.fleet import LOOK_ALIKES, REAL_TRAFFIC, FleetMix, draw_vehicle
from ingest.synthetic.world.streets import Line, Streets
from ingest.synthetic.world.trace import SUFFIX, Trace, read_trace, read_trace_header
from ingest.synthetic.world.traffic import Segment, Timetable, Trip
from ingest.synthetic.world.weather import Weather

TRACES = Path(__file__).parents[1] / "traces"
"""Folder of the traffic that ships with Corridor; traces/README.md says how it was drawn."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Preset of a world: the traffic of a trace, the fleet that drives in it, the weather, and the cameras.

    name: also what follows `city://`. seed: draws the fleet. duration_s: images end then, at or before the trace.
    """

    name: str
    seed: int
    duration_s: float
    weather: Weather
    cameras: tuple[CameraSpec, ...]
    trace: Path
    mix: FleetMix = REAL_TRAFFIC

    def frame_count(self, spec: CameraSpec) -> int:
        """Number of frames in one camera's stream."""
        return round(self.duration_s * spec.fps)


_DISTRICT_M = 300.0
_SUNNY = Weather()
_PLAIN = (640, 360, 10)


@dataclass(frozen=True, slots=True)
class _Recipe:
    """Recipe of a preset from a trace.

    only: which cameras of the trace, all of them if empty. formats: width, height and rate, one camera after the
    other, from the beginning again when there are more cameras. calm: cameras stand still and write nothing into their
    images. alter: what else is special about a camera.
    """

    trace: str
    seed: int
    duration_s: float
    weather: Weather = _SUNNY
    mix: FleetMix = REAL_TRAFFIC
    only: tuple[int, ...] = ()
    formats: tuple[tuple[int, int, int], ...] = (_PLAIN,)
    calm: bool = False
    alter: Callable[[int, CameraSpec], CameraSpec] = lambda _, spec: spec


def _wrong_clock(index: int, spec: CameraSpec) -> CameraSpec:
    """Set a clock up to almost two seconds off, which drifts by up to 400 parts in a million."""
    offset_s, drift_ppm = ((-1.9, 150.0), (1.9, -250.0), (0.7, 400.0), (-1.2, -100.0), (1.5, 300.0))[index % 5]
    return replace(spec, clock=CameraClock(offset_s, drift_ppm))


def _dark_camera(index: int, spec: CameraSpec) -> CameraSpec:
    return replace(spec, dark=((180.0, 360.0),)) if index == 1 else spec


_MIXED = ((640, 360, 10), (1280, 720, 10), (640, 360, 25), (352, 288, 15), (1920, 1080, 10), (704, 576, 12))
_RECIPES: Mapping[str, _Recipe] = {
    "smooth": _Recipe("smooth", seed=20261, duration_s=90.0, calm=True),
    "rush-hour": _Recipe("rush", seed=20262, duration_s=300.0, formats=_MIXED),
    "look-alikes": _Recipe("rush", seed=20263, duration_s=300.0, mix=LOOK_ALIKES),
    "night-rain": _Recipe(
        "rush", seed=20264, duration_s=300.0, weather=Weather(light="night", rain=0.6), formats=_MIXED
    ),
    "clock-skew": _Recipe("grid", seed=20265, duration_s=240.0, alter=_wrong_clock),
    "blackout": _Recipe(
        "grand", seed=20266, duration_s=600.0, weather=Weather(light="overcast"), only=(0, 1, 2, 3, 4),
        alter=_dark_camera,
    ),
    "grand": _Recipe("grand", seed=20267, duration_s=600.0),
}  # fmt: skip

_UNSEEN_RECIPES: Mapping[str, _Recipe] = {
    "unseen-sun": _Recipe("elsewhere", seed=41017, duration_s=240.0, formats=_MIXED, only=(0, 3, 6)),
    "unseen-overcast": _Recipe(
        "elsewhere", seed=41018, duration_s=240.0, weather=Weather(light="overcast"), formats=_MIXED, only=(1, 4)
    ),
    "unseen-night": _Recipe(
        "elsewhere", seed=41019, duration_s=240.0, weather=Weather(light="night", rain=0.3), formats=_MIXED,
        only=(2, 5, 7),
    ),
}  # fmt: skip
UNSEEN = tuple(_UNSEEN_RECIPES)
"""Names of presets that are kept for measuring: a set with training images takes none of their cameras, and no list of
presets has them."""


class _Presets(Mapping[str, Preset]):
    """Presets by name, made when they are asked for: each reads the beginning of its trace."""

    def __getitem__(self, name: str) -> Preset:
        return _make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_RECIPES)

    def __len__(self) -> int:
        return len(_RECIPES)


PRESETS: Mapping[str, Preset] = _Presets()


@cache
def _make(name: str) -> Preset:
    recipe = _RECIPES[name] if name in _RECIPES else _UNSEEN_RECIPES[name]
    path = TRACES / f"{recipe.trace}{SUFFIX}"
    return _preset_of(name, recipe, path, recipe.seed, recipe.only or range(len(read_trace_header(path).cameras)))


def _preset_of(name: str, recipe: _Recipe, path: Path, camera_seed: int, only: Sequence[int]) -> Preset:
    poses = read_trace_header(path).cameras
    cameras = tuple(
        recipe.alter(
            place,
            _camera(poses[number], camera_seed, number, recipe.formats[place % len(recipe.formats)], recipe.calm),
        )
        for place, number in enumerate(only)
    )
    return Preset(name, recipe.seed, recipe.duration_s, recipe.weather, cameras, path, recipe.mix)


def redraw_preset(name: str, traffic: Path | None = None, fleet_seed: int | None = None) -> Preset:
    """A preset, or the world of a `.city` file, with other traffic and another fleet.

    traffic: a `.city` file, whose streets, cameras, length and camera looks take the place of the preset's; frame
    sizes, weather, mix of the fleet, clocks and outages stay. fleet_seed: draws the vehicles instead of the preset's
    own seed. Raises ConfigError where there is no such preset, or traffic is given to a file that is traffic itself.
    """
    preset, _ = find_camera(name, 0)
    if traffic is not None:
        if name not in PRESETS:
            raise ConfigError(f"'{name}' is traffic itself: give other traffic to a preset ({', '.join(PRESETS)})")
        header = read_trace_header(traffic)
        preset = _preset_of(name, _RECIPES[name], traffic, header.seed, range(len(header.cameras)))
        preset = replace(preset, duration_s=header.duration_s)
    return preset if fleet_seed is None else replace(preset, seed=fleet_seed)


@cache
def _of_file(path: Path) -> Preset:
    """Preset of a user's own trace: sun, and vehicles as they are in real traffic."""
    header = read_trace_header(path)
    cameras = tuple(_camera(pose, header.seed, number, _PLAIN) for number, pose in enumerate(header.cameras))
    return Preset(str(path), header.seed, header.duration_s, Weather(), cameras, path)


def _camera(
    pose: CameraPose, seed: int, number: int, video_format: tuple[int, int, int], calm: bool = False
) -> CameraSpec:
    """Draw a camera at a pose; no two of a preset take the light alike."""
    rng = np.random.default_rng((seed, number))
    red, blue = rng.uniform(-0.05, 0.05, 2)
    exposure, noise_sigma, spec_seed = rng.uniform(0.9, 1.1), rng.uniform(1.5, 3.0), int(rng.integers(1 << 30))
    look = Look(
        exposure=round(float(exposure), 3),
        balance_bgr=(round(1 + float(blue), 3), 1.0, round(1 + float(red), 3)),
        noise_sigma=round(float(noise_sigma), 2),
        dark_noise=round(float(rng.uniform(1.5, 2.5)), 2),
        drift=round(float(rng.uniform(0, 0.03)), 4),
        flicker=round(float(rng.uniform(0, 0.006)), 4),
        shutter_s=round(float(rng.uniform(0.008, 0.02)), 4),
        jitter_px=_jitter_px(calm, rng),
        caption=_caption(number, rng) if not calm else "",
    )
    width, height, fps = video_format
    return CameraSpec(pose, look, spec_seed, width, height, fps, surroundings=_surroundings(pose, seed))


def _jitter_px(calm: bool, rng: np.random.Generator) -> float:
    """Draw the sway of a mast in pixels: little for about every other one, and for all with `calm`."""
    firm = calm or rng.random() < 0.5
    return round(float(rng.uniform(0, 0.3) if firm else rng.uniform(0.3, 1.2)), 2)


def _caption(number: int, rng: np.random.Generator) -> str:
    """Draw the caption of a camera, which about two out of five have."""
    street = _STREETS[int(rng.integers(len(_STREETS)))]
    return f"CAM {number + 1:02d} {street}" if rng.random() < 0.4 else ""


_STREETS = ("Ring Road", "Station Street", "Stadium", "Old Gate", "Hospital", "Market", "Cemetery Road", "Tunnel West")


def _surroundings(pose: CameraPose, seed: int) -> Surroundings:
    """Draw the surroundings beside the streets at a pose, the same for all poses of a district."""
    district = int(pose.x_m // _DISTRICT_M) % 1000, int(pose.y_m // _DISTRICT_M) % 1000
    known: tuple[Surroundings, ...] = get_args(Surroundings)
    return known[int(np.random.default_rng((seed, *district)).integers(len(known)))]


@cache
def _trace_of(path: Path) -> Trace:
    return read_trace(path)


def streets_of(preset: Preset) -> Streets:
    """Map around the cameras of a preset."""
    return _trace_of(preset.trace).streets


@cache
def trips_of(preset: Preset) -> tuple[Trip, ...]:
    """Trips of all vehicles near the cameras of a preset, in the order in which they appear in its trace."""
    trace = _trace_of(preset.trace)
    feet_m = np.array([(spec.pose.x_m, spec.pose.y_m) for spec in preset.cameras]).reshape(-1, 2)
    return tuple(
        Trip(draw_vehicle(way.vehicle_id, way.kind, preset.seed, preset.mix), way.kind, segments)
        for way in trace.ways
        if (segments := tuple(each for each in way.segments if _comes_near(each, feet_m, trace.header.reach_m)))
    )


def _comes_near(segment: Segment, feet_m: Line, reach_m: float) -> bool:
    """Test for a segment whose box on the map is within `reach_m` of any of the places (C, 2)."""
    low_m = np.array([segment.x_m.min(), segment.y_m.min()])
    high_m = np.array([segment.x_m.max(), segment.y_m.max()])
    off_m = np.maximum(np.maximum(low_m - feet_m, feet_m - high_m), 0)
    return bool((np.hypot(off_m[:, 0], off_m[:, 1]) < reach_m).any())


@cache
def timetable_of(preset: Preset) -> Timetable:
    """Timetable of the trips of a preset."""
    return Timetable(trips_of(preset))


@cache
def _elsewhere(name: str, traffic: Path) -> Preset:
    return redraw_preset(name, traffic)


def find_camera(name: str, index: int) -> tuple[Preset, CameraSpec]:
    """Find a preset, or the world of a `.city` file, and one of its cameras; raises ConfigError when there is none.

    `PRESET@FILE.city` has the streets, traffic and cameras of a file in the weather and frame sizes of a preset.
    """
    weather, _, traffic = name.partition("@")
    if name.endswith(SUFFIX) and weather in PRESETS:
        preset = _elsewhere(weather, Path(traffic))
    elif name.endswith(SUFFIX):
        preset = _of_file(Path(name))
    elif name in PRESETS or name in UNSEEN:
        preset = _make(name)
    else:
        raise ConfigError(f"Unknown city preset '{name}' (known: {', '.join(sorted(PRESETS))}, or a {SUFFIX} file)")
    if not 0 <= index < len(preset.cameras):
        raise ConfigError(f"City preset '{name}' has no camera {index} (it has 0 to {len(preset.cameras) - 1})")
    return preset, preset.cameras[index]


def parse_city_url(source: str) -> tuple[str, int]:
    """Parse `city://PRESET/N` or `city://PATH.city/N` to name and camera; raises ConfigError if there is none."""
    match = re.fullmatch(rf"city://([A-Za-z0-9_-]+|.+{re.escape(SUFFIX)})/([0-9]{{1,4}})/?", source, re.IGNORECASE)
    if match is None:
        raise ConfigError(
            f"Cannot read the source '{source}': write city://PRESET/N, e.g. city://smooth/0, "
            f"or city://PATH{SUFFIX}/N (known presets: {', '.join(sorted(PRESETS))})"
        )
    name, index = match[1], int(match[2])
    name = name if name.endswith(SUFFIX) else name.lower()
    find_camera(name, index)
    return name, index
