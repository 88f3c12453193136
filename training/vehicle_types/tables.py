"""Figures of a confusion matrix (T, T): rows are the true types, columns those that were found."""

import numpy as np
from numpy.typing import NDArray

from embed.vehicle_types import VEHICLE_TYPES

Counts = NDArray[np.int64]


def accuracy(counts: Counts) -> float:
    """Share of the crops whose type is right; 0 without any."""
    return float(np.trace(counts[:, : len(counts)]) / max(int(counts.sum()), 1))


def balanced_accuracy(counts: Counts) -> float:
    """Mean over the types that are there of the share that is right."""
    there = counts.sum(axis=1) > 0
    return float((np.diag(counts)[there] / counts.sum(axis=1)[there]).mean()) if there.any() else 0.0


def confusion_lines(counts: Counts) -> list[str]:
    """Lines of a Markdown table, one a type that is there."""
    lines = [f"| true type | {' | '.join(VEHICLE_TYPES)} |", f"|---|{'---|' * len(VEHICLE_TYPES)}"]
    for name, row in zip(VEHICLE_TYPES, counts.tolist(), strict=True):
        if sum(row):
            lines.append(f"| {name} | {' | '.join(map(str, row))} |")
    return lines
