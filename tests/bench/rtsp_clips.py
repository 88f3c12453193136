"""Serve clips over RTSP, again and again, until standard input ends: `python -m tests.bench.rtsp_clips FILE...`."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.rtsp.server import RtspServer
from ingest.access_unit import AccessUnit
from ingest.clock import SystemClock
from ingest.h264 import recorded_units


def looped(path: Path) -> Callable[[], Iterator[AccessUnit]]:
    return lambda: recorded_units(path, starts_ns=SystemClock().now_ns(), loop=True)


def main() -> None:
    with RtspServer() as server:
        for number, name in enumerate(sys.argv[1:]):
            server.add(f"/{number}", looped(Path(name)))
            print(server.url(f"/{number}"), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
