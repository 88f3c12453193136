"""`python -m tests.bench city_probe`: how well a straight line tells city crops from real ones; lower is better.

Logistic regression on features of person-reidentification-retail-0277, cross-validated so that all crops of a vehicle
(of a video, where vehicles have no names) are on the same side.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from tests.bench.city.crops_set import Shot, city_shots, features, real_others, real_pairs, reid_0277
from tests.bench.measure import table
from tests.bench.tracking import DATA
from training.datasets.city.dataset import CitySettings, make_plan

IDENTITIES = 90
CAMERAS = 8
REAL = 700
FOLDS = 5
DECAY = 1e-3

Column = NDArray[np.float64]


def fit(rows: Column, labels: Column) -> Column:
    """Weights and bias (D + 1,) of a logistic regression with both classes weighing the same."""
    weight = np.where(labels > 0, 0.5 / (labels > 0).sum(), 0.5 / (labels < 0).sum())

    def loss(parameters: Column) -> tuple[float, Column]:
        margins = labels * (rows @ parameters[:-1] + parameters[-1])
        slope = -labels * weight / (1 + np.exp(margins))
        value = float((weight * np.logaddexp(0, -margins)).sum() + DECAY / 2 * (parameters[:-1] ** 2).sum())
        return value, np.append(rows.T @ slope + DECAY * parameters[:-1], slope.sum())

    start = np.zeros(rows.shape[1] + 1)
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x)


def margins(rows: Column, labels: Column, groups: Sequence[str], rng: np.random.Generator) -> Column:
    """(N,) of every crop, by the line that was fitted without its group; positive where it is told right."""
    names = sorted(set(groups))
    fold_of = dict(zip(names, (rng.permutation(len(names)) % FOLDS).tolist(), strict=True))
    folds = np.array([fold_of[group] for group in groups])
    all_margins = np.zeros(len(rows))
    for fold in range(FOLDS):
        inside = folds == fold
        mean, deviation = rows[~inside].mean(0), rows[~inside].std(0) + 1e-6
        parameters = fit((rows[~inside] - mean) / deviation, labels[~inside])
        all_margins[inside] = labels[inside] * ((rows[inside] - mean) / deviation @ parameters[:-1] + parameters[-1])
    return all_margins


def main() -> None:
    """The accuracy, both classes weighing the same, and which city crops are told most easily."""
    if not (DATA / "reid").is_dir():
        print(f"skipped: there is no {DATA}/reid (set CORRIDOR_DATA; tests/data/SOURCES.md)")
        return
    rng = np.random.default_rng(7)
    plan = make_plan(CitySettings(IDENTITIES, CAMERAS, views=1, seed=103))
    city = city_shots(plan)
    pairs = real_pairs()
    real = [pairs[row] for row in rng.choice(len(pairs), min(REAL // 2, len(pairs)), replace=False)]
    real += real_others(REAL // 2, rng)
    network = reid_0277()
    rows = features(network, [shot.image for shot in (*city, *real)]).astype(np.float64)
    labels = np.repeat([1.0, -1.0], [len(city), len(real)])
    groups = [f"city-{shot.identity}" for shot in city] + [f"real-{shot.identity}" for shot in real]
    all_margins = margins(rows, labels, groups, rng)
    of_city, of_real = all_margins[: len(city)], all_margins[len(city) :]
    accuracy = ((of_city > 0).mean() + (of_real > 0).mean()) / 2
    print(f"accuracy {accuracy:.3f} (.5 is chance) on {len(city)} city and {len(real)} real crops\n")
    _by_group(city, real, of_city, of_real)


def _by_group(city: Sequence[Shot], real: Sequence[Shot], of_city: Column, of_real: Column) -> None:
    """What share of each group is told right; the least sure are the most like the other side."""
    groups: dict[str, list[float]] = defaultdict(list)
    for shot, margin in zip(city, of_city.tolist(), strict=True):
        groups[f"city, {shot.kind}"].append(margin)
        groups[f"city, camera {shot.camera}"].append(margin)
        groups[f"city, {'small' if max(shot.image.shape) < 110 else 'large'}"].append(margin)
    for shot, margin in zip(real, of_real.tolist(), strict=True):
        groups[f"real, {shot.kind}"].append(margin)
    rows = [
        [name, str(len(each)), f"{np.mean(np.array(each) > 0):.3f}", f"{np.median(each):.2f}"]
        for name, each in sorted(groups.items())
    ]
    table(["crops", "number", "told right", "median margin"], rows)


if __name__ == "__main__":
    main()
