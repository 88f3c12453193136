"""The `[map]` table: where cameras stand."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from ingest.camera import CameraId
from ingest.errors import ConfigError

NORTHERNMOST = 85.0
"""Degrees of latitude, to either side: the projection of web maps ends there."""


class MapSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[map]` table: where cameras stand, for the page *Map* of `corridor serve`.

    cameras: by camera id its place: `[latitude, longitude]` in degrees, or with a plan `[x, y]` in pixels from the
        plan's top left corner. Cameras without a place are in the list below the map.
    plan: an image of the site to draw cameras on, .jpg or .png.
    tiles: URL of the map tiles that lie below the cameras, with `{z}`, `{x}` and `{y}`: browsers load them from there.
        Without it nothing is loaded from elsewhere, and cameras lie on a plain ground.
    attribution: words that the tiles' owner wants to be shown.
    """

    cameras: dict[CameraId, tuple[float, float]] = {}
    plan: str | None = None
    tiles: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    attribution: Annotated[str, msgspec.Meta(max_length=500)] = ""

    @property
    def tile_origin(self) -> str | None:
        """Scheme and host that tiles come from."""
        if self.tiles is None:
            return None
        parts = urlsplit(self.tiles)
        return f"{parts.scheme}://{parts.netloc}"


def check_map(settings: MapSettings, cameras: Sequence[str]) -> None:
    """Check what single values cannot show; raises ConfigError."""
    for camera, (first, second) in settings.cameras.items():
        if camera not in cameras:
            raise ConfigError(
                f"map.cameras names camera '{camera}', which is not among the cameras ({', '.join(sorted(cameras))})"
            )
        if settings.plan is None and not (abs(first) <= NORTHERNMOST and abs(second) <= 180):
            raise ConfigError(
                f"map.cameras.{camera} [{first:g}, {second:g}] is no latitude (-85 to 85) and longitude (-180 to 180); "
                "x and y need a plan: map.plan"
            )
    if settings.tiles is None:
        return
    if settings.plan is not None:
        raise ConfigError("map.plan and map.tiles are two grounds to draw on; give one of them")
    if urlsplit(settings.tiles).scheme != "https" or not urlsplit(settings.tiles).hostname:
        raise ConfigError(f"map.tiles '{settings.tiles}' is no https:// address")
    if not all(place in settings.tiles for place in ("{z}", "{x}", "{y}")) or set(settings.tiles) & set(" ;,'\""):
        raise ConfigError(
            f"map.tiles '{settings.tiles}' has no place for {{z}}, {{x}} and {{y}}, or a character too many"
        )
