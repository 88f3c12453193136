"""`python -m tests.bench.retrieval`: evaluation of random vectors in the sizes of published sets, time and memory.

The sizes of MSMT17 take about a minute of each core, so they come only with `--large`.
"""

import resource
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.clock import SystemClock
from tests.bench.measure import table
from training.datasets.base import ImageSet, ReidData
from training.evaluation.protocols import EvaluationConditions, evaluate_features
from training.evaluation.rerank import ReRanking

SIZES = {"VeRi-776": (1_678, 11_579, 200, 20), "Market-1501": (3_368, 15_913, 751, 6)}
"""Queries, gallery, identities, cameras."""

LARGE = {"MSMT17": (11_659, 82_161, 3_060, 15)}
DIM = 768


def toy_set(
    size: tuple[int, int, int, int], seed: int = 0
) -> tuple[ReidData, NDArray[np.float32], NDArray[np.float32]]:
    """Random vehicles: a vector of an identity plus noise, seen by random cameras."""
    queries, gallery, identities, cameras = size
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(identities, DIM)).astype(np.float32)
    sets, vectors = [], []
    for split, count in (("query", queries), ("gallery", gallery)):
        who = rng.integers(identities, size=count)
        names = np.array([f"{split}/{number}" for number in range(count)])
        where = rng.integers(cameras, size=count).astype(np.str_)
        sets.append(ImageSet(Path(), names, who.astype(np.str_), where))
        vectors.append(centres[who] + np.float32(3) * rng.standard_normal((count, DIM), np.float32))
    return ReidData("random", sets[1].select(np.zeros(0, np.int64)), sets[0], sets[1]), vectors[0], vectors[1]


def main() -> None:
    """Seconds of each evaluation, plain and re-ranked, and the most memory that the process has had so far."""
    clock, rows = SystemClock(), []
    for name, size in {**SIZES, **(LARGE if "--large" in sys.argv else {})}.items():
        data, query, gallery = toy_set(size)
        for post, reranking in (("none", None), ("re-ranked", ReRanking())):
            began_s = clock.monotonic_s()
            (row,) = evaluate_features(
                data, query, gallery, EvaluationConditions("random", "random"), reranking=reranking
            )
            took_s = clock.monotonic_s() - began_s
            most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            mean_ap = f"{row.metrics.mean_ap:.3f}"
            rows.append([name, f"{size[0]} x {size[1]} x {DIM}", post, f"{took_s:.1f}", f"{most_mb:.0f}", mean_ap])
    table(["like", "size", "post-process", "s", "MB at most", "mAP"], rows)


if __name__ == "__main__":
    main()
