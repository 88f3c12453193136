"""Measuring on a noisy machine: interleaved repetitions, medians, ratios."""

import statistics
import time
from collections.abc import Callable, Mapping

import psutil


def interleaved(works: Mapping[str, Callable[[], float]], rounds: int = 3) -> dict[str, float]:
    """The median of each work's result; the works take turns, so that a slow moment hits all of them."""
    results: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            results[name].append(work())
    return {name: statistics.median(values) for name, values in results.items()}


def rate(count: int, work: Callable[[], object]) -> float:
    """How many a second."""
    began_s = time.perf_counter()
    work()
    return count / (time.perf_counter() - began_s)


def resident_mb() -> float:
    """Memory of this process in MB."""
    return float(psutil.Process().memory_info().rss) / 1e6


def table(header: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table."""
    print(f"| {' | '.join(header)} |")
    print(f"|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
