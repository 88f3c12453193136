"""The worlds there are, by name: `city://road/1` is camera 1 of the preset `road`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from ingest.errors import ConfigError
from ingest.synthetic.cameras import CameraPose, CameraSpec, Look
from ingest.synthetic.traffic import Demand, Road, Trip, draw_traffic
from ingest.synthetic.weather import Weather


@dataclass(frozen=True, slots=True)
class Preset:
    """One world: a road, its traffic, its weather and its cameras."""

    name: str
    seed: int
    duration_s: float
    road: Road
    demand: Demand
    weather: Weather
    cameras: tuple[CameraSpec, ...]

    def frame_count(self, spec: CameraSpec) -> int:
        """Frames in one camera's stream."""
        return round(self.duration_s * spec.fps)


_ROAD = Preset(
    name="road",
    seed=20261,
    duration_s=60.0,
    road=Road(from_y_m=-18.0, to_y_m=435.0),
    demand=Demand(
        models=("hatch",) * 3 + ("saloon",) * 3 + ("estate",) * 2 + ("suv",) * 2 + ("van",) * 2
        + ("bus", "ddbus", "truck", "truck"),
    ),
    weather=Weather(),
    cameras=(
        CameraSpec(
            CameraPose(x_m=-6.9, y_m=0.0, z_m=7.2, yaw_deg=-13.0, pitch_deg=20.0, fov_deg=48.0),
            Look(exposure=1.0, balance_bgr=(1.0, 1.0, 1.0)),
            seed=11,
        ),
        CameraSpec(
            CameraPose(x_m=7.4, y_m=145.0, z_m=8.4, yaw_deg=14.5, pitch_deg=22.5, fov_deg=44.0),
            Look(exposure=0.94, balance_bgr=(0.95, 1.0, 1.05)),
            seed=23,
        ),
        CameraSpec(
            CameraPose(x_m=-4.0, y_m=345.0, z_m=6.6, yaw_deg=-8.0, pitch_deg=21.0, fov_deg=51.0),
            Look(exposure=1.05, balance_bgr=(1.03, 1.0, 0.97)),
            seed=37,
        ),
    ),
)  # fmt: skip

PRESETS: Mapping[str, Preset] = MappingProxyType({_ROAD.name: _ROAD})


@cache
def trips_of(preset: Preset) -> tuple[Trip, ...]:
    """The trips of all vehicles of a preset."""
    return draw_traffic(preset.road, preset.demand, preset.duration_s, preset.seed)


def find_camera(name: str, index: int) -> tuple[Preset, CameraSpec]:
    """A preset and one of its cameras; raises ConfigError when there is none."""
    preset = PRESETS.get(name)
    if preset is None:
        raise ConfigError(f"Unknown city preset '{name}' (known: {', '.join(sorted(PRESETS))})")
    if not 0 <= index < len(preset.cameras):
        known = ", ".join(str(number) for number in range(len(preset.cameras)))
        raise ConfigError(f"City preset '{name}' has no camera {index} (known: {known})")
    return preset, preset.cameras[index]


def parse_city_url(source: str) -> tuple[str, int]:
    """The preset and the camera of `city://PRESET/N`; raises ConfigError when there is none."""
    match = re.fullmatch(r"city://([A-Za-z0-9_-]+)/([0-9]{1,4})/?", source, re.IGNORECASE)
    if match is None:
        raise ConfigError(
            f"Cannot read the source '{source}': write city://PRESET/N, e.g. city://road/0 "
            f"(known presets: {', '.join(sorted(PRESETS))})"
        )
    name, index = match[1].lower(), int(match[2])
    find_camera(name, index)
    return name, index
