"""Cameras as the log knows them: state, rates, lag, clock, and what the last hour brought."""

from datetime import datetime
from enum import StrEnum

import msgspec

from deploy.site.cameras.record import Wanted
from deploy.web.index.store import Index, Row
from deploy.web.reading.times import time_of
from deploy.web.roster.wishes import Wishes
from ingest.clock import NS

SILENT_AFTER_S = 15.0
"""A camera says something every second of its own clock; this long after the last word it is silent."""

BIN_S, BINS = 300, 12
"""The last hour, in steps of five minutes."""

LIVE_CLOCKS = ("rtcp", "arrival", "playlist")
"""Origins of capture times that can be compared with the log's clock; a recording's time is its own."""


class State(StrEnum):
    """The state of a camera, as far as the log tells."""

    RUNNING = "running"
    SILENT = "silent"  # nothing has come for some seconds: the camera, its worker or the way to the log is away
    ENDED = "ended"  # its recording has been read to the end
    NEVER_HEARD = "never heard"  # it is to be watched, and has said nothing yet


class CameraState(msgspec.Struct, frozen=True, kw_only=True):
    """A camera.

    camera: its id.
    state: as far as the log tells.
    wanted: `watched`, `paused` or `removed`; null where neither the configuration nor a command names it.
    configured: it is in the configuration that the server was started with.
    at: the camera's own time of its last word.
    heard: when that came onto the log.
    lag_s: seconds between the two; null for recordings, whose time is their own.
    clock: origin of its capture times.
    decoded_fps: frames decoded a second of its clock, between its last two ticks.
    analysed_fps: frames analysed a second.
    analysed: frames analysed, in this epoch.
    dropped: frames dropped because a newer one had come, in this epoch.
    records_lost: records that were given up while the log was away.
    last_hour: sightings in steps of five minutes up to its last word, oldest first.
    """

    camera: str
    state: State
    wanted: Wanted | None = None
    configured: bool
    at: datetime | None = None
    heard: datetime | None = None
    lag_s: float | None = None
    clock: str | None = None
    decoded_fps: float | None = None
    analysed_fps: float | None = None
    analysed: int = 0
    dropped: int = 0
    records_lost: int = 0
    last_hour: list[int] = []


class CameraList(msgspec.Struct, frozen=True, kw_only=True):
    """All cameras.

    cameras: those of the configuration, of commands and of the log, by id.
    """

    cameras: list[CameraState]


def list_cameras(index: Index, wishes: Wishes, now_ns: int) -> CameraList:
    """Read the state of every camera."""
    known = {row["camera"]: row for row in index.rows("SELECT * FROM cameras")}
    roster = wishes.entries
    cameras = []
    for name in sorted({*known, *roster}):
        wanted, configured = roster[name].wanted if name in roster else None, name in wishes.configured
        if name in known:
            cameras.append(_state(index, known[name], wanted, configured, now_ns))
        else:
            cameras.append(CameraState(camera=name, state=State.NEVER_HEARD, wanted=wanted, configured=configured))
    return CameraList(cameras=cameras)


def _state(index: Index, row: Row, wanted: Wanted | None, configured: bool, now_ns: int) -> CameraState:
    silent = now_ns - row["appended_ns"] > SILENT_AFTER_S * NS
    state = State.ENDED if row["final"] else State.SILENT if silent else State.RUNNING
    lag_s = (row["appended_ns"] - row["at_ns"]) / NS
    return CameraState(
        camera=row["camera"],
        state=state,
        wanted=wanted,
        configured=configured,
        at=time_of(row["at_ns"]),
        heard=time_of(row["appended_ns"]),
        lag_s=round(lag_s, 3) if row["clock"] in LIVE_CLOCKS else None,
        clock=row["clock"],
        decoded_fps=_rounded(row["decoded_fps"]),
        analysed_fps=_rounded(row["analysed_fps"]),
        analysed=row["analysed"],
        dropped=row["dropped"],
        records_lost=row["records_lost"],
        last_hour=_last_hour(index, row["camera"], row["at_ns"]),
    )


def _last_hour(index: Index, camera: str, at_ns: int) -> list[int]:
    begin_ns = at_ns - BINS * BIN_S * NS
    counts = {
        row["bin"]: row["count"]
        for row in index.rows(
            "SELECT (first_ns - ?) / ? AS bin, count(*) AS count FROM tracklets "
            "WHERE camera = ? AND first_ns >= ? AND first_ns < ? GROUP BY bin",
            (begin_ns, BIN_S * NS, camera, begin_ns, at_ns),
        )
    }
    return [counts.get(step, 0) for step in range(BINS)]


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 2)
