"""One camera: its state, how its process says it is, and its last hour by minutes of its own clock."""

from datetime import datetime

import msgspec

from deploy.web.index.fold import MINUTE_NS
from deploy.web.index.store import Index, Row
from deploy.web.live.health import CameraHealth
from deploy.web.live.sources import LiveSources
from deploy.web.reading.cameras import LIVE_CLOCKS, CameraState, list_cameras
from deploy.web.reading.times import time_of
from deploy.web.roster.wishes import CameraWish, Wishes
from ingest.clock import NS


class CameraMinute(msgspec.Struct, frozen=True, kw_only=True):
    """A minute of a camera's clock.

    start: its beginning.
    decoded_fps: frames decoded a second, on average.
    analysed_fps: frames analysed a second, on average.
    lag_s: longest lag of its words on the log behind its clock; null for recordings, whose time is their own.
    clock: origin of its capture times.
    """

    start: datetime
    decoded_fps: float
    analysed_fps: float
    lag_s: float | None = None
    clock: str | None = None


class CameraDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A camera in detail.

    camera: its state, as far as the log tells.
    wish: what is wanted of it, and its settings; null where neither the configuration nor a command names it.
    health: its state as its own process says; null where that does not offer it.
    health_unknown: why not, in words.
    still: URL of its last analysed frame; null where no process offers one.
    minutes: the last hour up to its last word, oldest first; minutes in which it said nothing are not there.
    """

    camera: CameraState
    wish: CameraWish | None = None
    health: CameraHealth | None
    health_unknown: str
    still: str | None
    minutes: list[CameraMinute]


def read_camera(index: Index, live: LiveSources, wishes: Wishes, name: str, now_ns: int) -> CameraDetail | None:
    """Read a camera; None where there is none of that name."""
    state = next((each for each in list_cameras(index, wishes, now_ns).cameras if each.camera == name), None)
    if state is None:
        return None
    health, unknown = live.health(name)
    rows = index.rows("SELECT * FROM camera_minutes WHERE camera = ? ORDER BY minute", (name,))
    return CameraDetail(
        camera=state,
        wish=wishes.find(name),
        health=health,
        health_unknown=unknown,
        still=f"/cameras/{name}/still" if name in live.cameras else None,
        minutes=[_minute(row) for row in rows],
    )


def _minute(row: Row) -> CameraMinute:
    return CameraMinute(
        start=time_of(row["minute"] * MINUTE_NS),
        decoded_fps=round(row["decoded_fps"] / row["ticks"], 2),
        analysed_fps=round(row["analysed_fps"] / row["ticks"], 2),
        lag_s=round(row["lag_ns"] / NS, 3) if row["clock"] in LIVE_CLOCKS else None,
        clock=row["clock"],
    )
