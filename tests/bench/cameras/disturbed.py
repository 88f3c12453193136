"""Frames analysed of disturbed cameras, beside an undisturbed one with the same film, in one process.

One camera stamps a frame every two seconds hours ahead; one is an HLS playlist with segments of four seconds, which
come all at once. Both are asked for as many frames as the undisturbed one, and should give at least 90 % of them. The
count begins when all of them have settled; CORRIDOR_BENCH_S says otherwise than a minute.
"""

import dataclasses
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.city.rtsp.server import RtspServer
from ingest.clock import NS, SystemClock
from ingest.network.access_unit import AccessUnit
from ingest.network.h264 import recorded_units
from tests.bench.measure import table
from tests.ingest import odd_clips as odd
from tests.ingest.network.hls_camera import HlsCamera, serving
from tests.system.command import start
from tests.system.sites import write_site

SEGMENT_S = 4
SETTLING_S = 10.0
"""After all cameras have given frames: the first ones of a stream come late, and several at once."""
PATIENCE_S = 180.0
AHEAD_90K = 90_000 * 10_000
EVERY = 2 * odd.FPS
ASKED = 0.9
CAMERAS = ("undisturbed", "out-of-time", "hls")


def main() -> None:
    seconds = float(os.environ.get("CORRIDOR_BENCH_S", "60"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = odd.encode(folder / "film.mp4", odd.images(SEGMENT_S * odd.FPS), options=_keys())
        began_ns = SystemClock().now_ns() - 20 * NS
        playlist = HlsCamera(folder, segment_s=SEGMENT_S, began_ns=began_ns)
        for number in range(40):  # before anything is measured: encoding them takes the cameras' time
            playlist.segment(number)
        with RtspServer() as server, serving(playlist) as url:
            # One report at the beginning for both: our server would report the strange times as the camera's clock.
            server.add("/undisturbed", lambda: _film(film)).report_interval_s = 1000.0
            server.add("/out-of-time", lambda: _out_of_time(film)).report_interval_s = 1000.0
            _write_site(folder, server.url("/undisturbed"), server.url("/out-of-time"), f"{url}/live.m3u8")
            before, after = _watch(folder, seconds)
    _report(before, after, seconds)


def _keys() -> dict[str, str]:
    return {"preset": "veryfast", "bf": "0", "g": str(odd.FPS)}


def _film(film: Path) -> Iterator[AccessUnit]:
    return recorded_units(film, starts_ns=SystemClock().now_ns(), loop=True)


def _out_of_time(film: Path) -> Iterator[AccessUnit]:
    for number, unit in enumerate(_film(film), start=1):
        ahead_90k = 0 if number % EVERY else AHEAD_90K
        yield dataclasses.replace(unit, pts_90k=unit.pts_90k + ahead_90k)


def _write_site(folder: Path, *sources: str) -> None:
    write_site(folder, dict(zip(CAMERAS, sources, strict=True)), '[embed]\nencoder = "colour"\n')


def _watch(folder: Path, seconds: float) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Statuses by camera when the cameras have settled, and some seconds later."""
    observing = start(folder, "observe", "site.toml", "--status", "status.json")
    try:
        deadline_s = time.monotonic() + PATIENCE_S
        while not all(each["analysed"] for each in _statuses(folder).values() or [{"analysed": 0}]):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"after {PATIENCE_S:g} s not all cameras have frames: {_statuses(folder)}")
            time.sleep(1.0)
        time.sleep(SETTLING_S)
        before = _statuses(folder)
        time.sleep(seconds)
        return before, _statuses(folder)
    finally:
        observing.send_signal(signal.SIGTERM)
        observing.communicate(timeout=30)


def _statuses(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / "status.json"
    return {each["camera"]: each for each in json.loads(path.read_text())} if path.exists() else {}


def _report(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]], seconds: float) -> None:
    counts = {camera: after[camera]["analysed"] - before[camera]["analysed"] for camera in CAMERAS}
    rows = []
    for camera in CAMERAS:
        left_out = ", ".join(f"{count} {reason}" for reason, count in after[camera]["left_out"].items()) or "-"
        ratio = counts[camera] / counts[CAMERAS[0]]
        rows.append([camera, str(counts[camera]), f"{ratio:.1%}", str(after[camera]["sessions"]), left_out])
    print(f"{seconds:g} s, at least {ASKED:.0%} of the undisturbed camera's frames are asked for")
    table(["camera", "frames analysed", "of the undisturbed", "sessions", "left out since the start"], rows)


if __name__ == "__main__":
    main()
