"""The bench: how many cases of each kind, and what came of them."""

import sys

from tests.bench.fuzz.harness import Case, run_cases
from tests.bench.measure import table

COUNTS = {"configurations": 2000, "videos": 2000, "urls": 1000, "records": 1000}


def sample(seed: int, share: float = 1.0) -> list[Case]:
    """The first cases of each kind, a share of them all."""
    return [
        Case(kind, seed, number) for kind, count in COUNTS.items() for number in range(max(1, round(count * share)))
    ]


def main(seed: int) -> None:
    """Run all cases of a seed; ends with 1 where there is a finding."""
    outcomes = run_cases(sample(seed))
    rows = []
    for kind in COUNTS:
        ours = [outcome for outcome in outcomes if outcome.case.kind == kind]
        slowest = max(outcome.took_s for outcome in ours)
        rows.append([kind, str(len(ours)), str(sum(bool(each.finding) for each in ours)), f"{slowest:.2f}"])
    print(f"seed {seed}\n")
    table(["kind", "cases", "findings", "slowest case, s"], rows)
    if any(outcome.finding for outcome in outcomes):
        sys.exit(1)
