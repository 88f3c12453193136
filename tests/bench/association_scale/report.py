"""Tables of cost: speed at many live identities, hours of twenty cameras, and a site where things go wrong."""

import argparse
from collections.abc import Sequence

from ingest.clock import NS
from tests.bench.association_scale.drift import print_drift
from tests.bench.association_scale.run import Meter, Truth, make, ordinary, percentile_ms, running
from tests.bench.association_scale.stream import START_NS, Site, arrivals
from tests.bench.measure import resident_mb, table

PARTS = ("speed", "hours", "oddities", "drift")
WARM_UP_S = 1200.0
"""Longest time of the stream in which there have to be enough."""


def main(arguments: Sequence[str] = ()) -> None:
    """All three tables, or those that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench association_scale")
    parser.add_argument("--part", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--identities", type=int, default=20_000, help="live ones from which on speed is measured")
    parser.add_argument("--measured", type=int, default=20_000, help="observations that are timed then")
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--minutes", type=float, default=20.0, help="of the stream in which things go wrong")
    asked = parser.parse_args(arguments)
    if "speed" in asked.part:
        print_speed(asked.identities, asked.measured)
    if "hours" in asked.part:
        print_hours(asked.hours)
    if "oddities" in asked.part:
        print_oddities(60 * asked.minutes)
    if "drift" in asked.part:
        print_drift(min(asked.hours, 1.0) * 3600)


def print_speed(identities: int, measured: int) -> None:
    """Observations a second with so many identities alive, one core."""
    # A vehicle is alive for about 330 s, most of that because it might be seen again.
    site = Site(cameras=max(4, identities // 100), vehicles_per_s=identities / 300, views=2)
    meter, truth = Meter(make(site)), Truth()
    live = 0
    for _ in running(meter, truth, arrivals(site, WARM_UP_S + measured / site.vehicles_per_s)):
        count = len(meter.update_s)
        if live < identities:
            if count % 1000 == 0:
                live = meter.machine.sizes.get("identity", 0)
                if live >= identities:
                    begun, ticks, snapshots_s = count, len(meter.tick_s), meter.snapshot_s
        elif count >= begun + measured:
            break
    if live < identities:
        print(f"\nspeed: only {live} identities were alive after {WARM_UP_S:g} s; nothing measured")
        return
    observed, ticked = meter.update_s[begun:], meter.tick_s[ticks:]
    spent_s = sum(observed) + sum(ticked)
    print(f"\n{live} live identities of {site.dim} numbers, {site.cameras} cameras; {len(observed)} observations:\n")
    table(
        [
            "observations/s",
            "with snapshots",
            "median ms",
            "p99 ms",
            "longest ms",
            "longest of a tick, ms",
            "MB",
            "tables",
        ],
        [
            [
                f"{len(observed) / spent_s:.0f}",
                f"{len(observed) / (spent_s + meter.snapshot_s - snapshots_s):.0f}",
                f"{percentile_ms(observed, 50):.2f}",
                f"{percentile_ms(observed, 99):.2f}",
                f"{max(observed) * 1e3:.1f}",
                f"{max(ticked, default=0.0) * 1e3:.1f}",
                f"{resident_mb():.0f}",
                sizes(meter),
            ]
        ],
    )


def print_hours(hours: float) -> None:
    """Time, memory and state of twenty cameras, by the half hour."""
    site = Site()
    meter, truth = Meter(make(site)), Truth()
    rows, observed, ticked, spent_s = [], 0, 0, 0.0
    stream = running(meter, truth, arrivals(site, 3600 * hours + 1))
    for half in range(1, 1 + round(2 * hours)):
        for arrival in stream:
            if arrival.appended_ns >= START_NS + half * 1800 * NS:
                break
        count, total_s = len(meter.update_s), meter.total_s
        longest_ms = 1e3 * max([*meter.update_s[observed:], *meter.tick_s[ticked:]])
        rows.append(
            [
                f"{half / 2:g} h",
                str(count - observed),
                f"{(count - observed) / (total_s - spent_s):.0f}",
                f"{percentile_ms(meter.update_s[observed:], 99):.2f}",
                f"{longest_ms:.1f}",
                f"{resident_mb():.0f}",
                f"{meter.state_mb:.2f}",
                sizes(meter),
            ]
        )
        observed, ticked, spent_s = count, len(meter.tick_s), total_s
        truth.forget()
        meter.identity_of.clear()
    print(f"\n{site.cameras} cameras, {site.vehicles_per_s:g} vehicles/s, oddities none; by the half hour:\n")
    table(["until", "observations", "a second", "p99 ms", "longest ms", "MB", "state MB", "tables"], rows)


def print_oddities(seconds: float) -> None:
    """What oddities of some cost the others: links between tracklets that nothing is wrong with."""
    calm = Site()
    odd = calm.odd()
    rows, runs, kept = [], dict[str, tuple[Meter, Truth]](), set[str]()
    for name, site in (("undisturbed", calm), ("with oddities", odd)):
        meter, truth = Meter(make(calm)), Truth()
        for _ in running(meter, truth, arrivals(site, seconds)):
            pass
        runs[name] = meter, truth
        kept = ordinary(truth, odd)  # of the odd site in the end: what is closed there is closed in the calm one, too
    for name, (meter, truth) in runs.items():
        right, proposed, true = truth.links(meter.identity_of, kept)
        rows.append(
            [
                name,
                str(len(kept)),
                f"{right / max(proposed, 1):.4f}",
                f"{right / max(true, 1):.4f}",
                f"{len(meter.update_s) / meter.total_s:.0f}",
                sizes(meter),
                ", ".join(f"{reason} {count}" for reason, count in meter.refused.most_common(5)) or "-",
                ", ".join(f"{kind} {count}" for kind, count in sorted(meter.machine.counts.items())) or "-",
            ]
        )
    print("\nFive parked cars, 2 % lost endings, a clock a day ahead, an unknown camera a year ahead:\n")
    table(
        ["stream", "tracklets", "link precision", "link recall", "observations/s", "tables", "refused", "counts"], rows
    )


def sizes(meter: Meter) -> str:
    """Rows by table."""
    return ", ".join(f"{name} {count}" for name, count in meter.machine.sizes.items())
