"""A refresh of the terminal at 50,000 vehicles: what has come is taken in beside it, what is shown is painted anew."""

import io
import statistics
import time

import msgspec
from rich.console import Console

from associate.trajectory import Kind, TrajectoryEvent, Visit, decode, encode
from deploy.cli.terminal.screen import screen
from deploy.results.recent_journeys import RecentJourneys
from ingest.clock import NS
from tests.bench.measure import rate, table

VEHICLES = 50_000
EVENTS_A_VEHICLE = 4
REFRESHES = 40
COLUMNS, LINES = 120, 50


def _events() -> list[bytes]:
    """Four events of each vehicle: seen, linked, linked again, closed; in the order of their times."""
    visits = [
        Visit(
            camera=f"camera-{number}",
            observation=f"camera-{number}|1.0|1|2",
            enter_ns=number * NS,
            leave_ns=number * NS,
        )
        for number in range(3)
    ]
    first = TrajectoryEvent(
        id="",
        zone="zone",
        kind=Kind.CONFIRMED,
        identity="",
        revision=1,
        at_ns=0,
        decided_by="",
        label="car",
        visits=visits,
    )
    return [
        encode(
            msgspec.structs.replace(
                first,
                identity=f"zone-{vehicle}",
                kind=(Kind.CONFIRMED, Kind.EXTENDED, Kind.EXTENDED, Kind.CLOSED)[step],
                at_ns=(vehicle + 10 * step) * NS,
            )
        )
        for vehicle in range(VEHICLES)
        for step in range(EVENTS_A_VEHICLE)
    ]


def main() -> None:
    records, journeys = _events(), RecentJourneys()

    def take_in() -> None:
        for record in records:
            journeys.take(decode(record))

    events_per_s = rate(len(records), take_in)
    console = Console(file=io.StringIO(), width=COLUMNS, height=LINES, force_terminal=True)
    times_ms = []
    for _ in range(REFRESHES):
        began_s = time.perf_counter()
        console.print(screen(journeys, None, console.size))
        times_ms.append(1000 * (time.perf_counter() - began_s))
    kept = len(journeys.newest(VEHICLES))
    table(
        ["vehicles", "kept", "a refresh, median", "longest", "events taken in"],
        [
            [
                f"{VEHICLES:,}",
                f"{kept:,}",
                f"{statistics.median(times_ms):.1f} ms (at most 20)",
                f"{max(times_ms):.1f} ms",
                f"{events_per_s:,.0f} a second",
            ]
        ],
    )


if __name__ == "__main__":
    main()
