"""The tables of the bench: every city and seed, the means over seeds, and what each part of association is worth."""

import argparse
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean

import pytest

from tests.bench.association_city.ablation import ABLATIONS, PARTS, unknown_settings, without
from tests.bench.association_city.cities import CITIES, GRAND, REPORTED, Draw, made
from tests.bench.association_city.logs import CityLog, associate, read_city_log
from tests.bench.association_city.rows import configuration, ours, rows_of
from tests.bench.association_city.score import FINAL_S, MOMENTS_S, Row, bounds_of, print_delays, print_rows, score
from tests.bench.measure import table

ASKED_S = 15.0
"""Seconds after a tracklet's end at which association is judged."""

Of = dict[str, dict[int, dict[str, Row]]]
"""Rows by city, seed and name."""


def main(arguments: Sequence[str] = ()) -> None:
    """Make the logs that are missing, run all rows on each, and print the tables."""
    asked = _parser().parse_args(arguments)
    rows: Of = defaultdict(dict)
    for name in asked.city:
        for seed in asked.seed:
            draw = Draw(GRAND if name == GRAND.name else CITIES[name], seed, seconds=asked.seconds)
            try:
                log = read_city_log(made(draw))
                if asked.ablation:
                    rows[name][seed] = ablated(log)
                else:
                    taught = None if asked.flat else read_city_log(made(_learning(draw)))
                    rows[name][seed] = rows_of(log, taught, asked.row)
            except pytest.skip.Exception as skipped:
                print(f"left out: {skipped}", flush=True)
                continue
            print_log(name, seed, log, rows[name][seed])
    if rows:
        print_means(rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.association_city")
    parser.add_argument("--city", nargs="*", choices=[*CITIES, GRAND.name], default=list(CITIES))
    parser.add_argument("--seed", nargs="*", type=int, default=list(REPORTED), help="below 100 for choosing settings")
    parser.add_argument("--seconds", type=float, default=None, help="of each city; default: 600")
    parser.add_argument("--row", nargs="*", default=(), help="only rows whose names begin so")
    parser.add_argument("--flat", action="store_true", help="without the logs that are learned from")
    parser.add_argument("--ablation", action="store_true", help="what each part of association is worth")
    return parser


def _learning(draw: Draw) -> Draw:
    return Draw(draw.city, draw.seed, learning=True, seconds=draw.seconds)


def ablated(log: CityLog) -> dict[str, Row]:
    """Rows of association without one part after the other."""
    bounds, rows = bounds_of(log), {}
    for name, values in ABLATIONS.items():
        missing = unknown_settings(values)
        if missing:
            print(f"left out: '{name}', since [associate] has no {', '.join(missing)}", flush=True)
            continue
        rows[name] = score(log, associate(log.messages, ours(configuration(log, values))), bounds)
    for name in PARTS:
        with without(name):
            rows[name] = score(log, associate(log.messages, ours(configuration(log))), bounds)
    return rows


def print_log(name: str, seed: int, log: CityLog, rows: Mapping[str, Row]) -> None:
    """Print everything about one log."""
    comparison, sightings = log.comparison, log.comparison.sightings
    true = next(iter(rows.values())).true
    print(
        f"\n{name}, seed {seed}: {len(comparison.cameras)} cameras, {comparison.pairs.vehicle_count} vehicles, "
        f"{len(sightings.visit_of)} tracklets ({sum(visit is None for visit in sightings.visit_of.values())} strays), "
        f"{true} true links\n\nIn the end:\n"
    )
    print_rows(rows)
    print("\nBy the seconds after a tracklet's end:\n")
    print_delays({each: row for each, row in rows.items() if each not in ("no links", "ceiling")})


def print_means(rows: Of) -> None:
    """Print the means over seeds, city by city."""
    for at_s in (ASKED_S, FINAL_S):
        moment = f"{at_s:g} s after a tracklet's end" if math.isfinite(at_s) else "In the end"
        print(f"\nMeans over seeds, {moment}:\n")
        cells = []
        for city, by_seed in rows.items():
            for name in dict.fromkeys(name for of_seed in by_seed.values() for name in of_seed):
                of_name = [of_seed[name] for of_seed in by_seed.values() if name in of_seed]
                cells.append([city, name, str(len(of_name)), *mean_cells(of_name, at_s)])
        table(["city", "row", "seeds", "P", "R", "IDF1", "share", "ECE links", "ECE new"], cells)


def mean_cells(rows: Sequence[Row], at_s: float) -> list[str]:
    """Means of the six scores, over the rows that have one."""
    assert at_s in MOMENTS_S
    columns = [
        [each.get(at_s, math.nan) for each in column]
        for column in (
            [row.precision for row in rows],
            [row.recall for row in rows],
            [row.idf1 for row in rows],
            [row.share for row in rows],
            [row.ece_links for row in rows],
            [row.ece_new for row in rows],
        )
    ]
    known = [[value for value in column if not math.isnan(value)] for column in columns]
    return [f"{mean(column):.3f}" if column else "-" for column in known]
