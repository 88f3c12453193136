"""Serve clips over RTSP, again and again: `python -m tests.bench.rtsp_clips PORT FILE...` (port 0: any).

Prints the addresses, then obeys standard input until it ends: `stall N`, `go N` (N counts from 0).
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.city.rtsp.server import RtspServer
from ingest.clock import SystemClock
from ingest.network.access_unit import AccessUnit
from ingest.network.h264 import recorded_units


def looped(path: Path) -> Callable[[], Iterator[AccessUnit]]:
    return lambda: recorded_units(path, starts_ns=SystemClock().now_ns(), loop=True)


def main() -> None:
    port, *names = sys.argv[1:]
    with RtspServer(int(port)) as server:
        for number, name in enumerate(names):
            server.add(f"/{number}", looped(Path(name)), username="viewer", password="open sesame")
            print(server.url(f"/{number}"), flush=True)
        for line in sys.stdin:
            word, number_of = line.split()
            server.faults(f"/{number_of}").stalled = word == "stall"


if __name__ == "__main__":
    main()
