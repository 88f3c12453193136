"""`python -m tests.bench two_camera`: the encoder on 357 real vehicles, each seen once by each of two cameras.

Camera 1 asks among all pictures of camera 2. Beside it, in the same run, what needs no training on that set: an HSV
histogram, `person-reidentification-retail-0277` as it is, and the mean over six views that our encoder is taught with.
The recipe is measured by five folds, from the checkpoints below runs/fold1 to runs/fold5 (docs/training.md has the
commands). The shipped weights have seen every one of these vehicles, so they have no row.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detect.openvino_network import OpenVinoNetwork
from embed.network.settings import TestFeature
from ingest.frame import Image
from tests.bench.city.crops_set import features, hsv_histogram, reid_0277
from tests.bench.measure import table
from tests.bench.tracking import DATA
from training.datasets.base import ImageSet, ReidData
from training.datasets.images import read_image
from training.datasets.registry import open_dataset
from training.evaluation.evaluate import evaluate_fold_runs
from training.evaluation.protocols import EvaluationConditions, EvaluationRow, evaluate_features
from training.teacher.views import views

SET = DATA / "reid" / "hcmc_two_camera"
FOLDS = [Path(f"runs/fold{number}/checkpoint.pt") for number in range(1, 6)]
PRIORS = Path("runs/priors/two-camera")
FEATURES: Final[dict[TestFeature, int]] = {"f3": 512, "msinet": 768}
"""GRL's test features: the last stage alone, and with the auxiliary branch."""
SUBSETS = ("", "four wheels or more", "car", "truck", "motorcycle")

Vectors = NDArray[np.float32]


def six_views(network: OpenVinoNetwork) -> Callable[[Image], Vectors]:
    """What `corridor encoder teach` keeps of a teacher."""
    return lambda image: np.asarray(features(network, views(image)).mean(axis=0), np.float32)


def references() -> dict[str, Callable[[Image], Vectors]]:
    """By name, from a picture to its vector."""
    network = reid_0277()
    return {
        "HSV histogram": hsv_histogram,
        "0277, not trained on it": lambda image: features(network, [image])[0],
        "0277, mean of six views": six_views(network),
    }


def vectors_of(images: ImageSet, encode: Callable[[Image], Vectors]) -> Vectors:
    """(N, dim), a row an image."""
    return np.stack([encode(read_image(images.path(row))) for row in range(len(images))])


def shown(name: str, rows: list[EvaluationRow]) -> list[str]:
    """Rank 1 of all and of every subset, and MRR of all."""
    by_subset = {row.subset if row.subset != "all" else "": row.metrics for row in rows}
    ranks = [f"{by_subset[subset].cmc[1]:.3f}" if subset in by_subset else "" for subset in SUBSETS]
    return [name, *ranks, f"{by_subset[''].mrr:.3f}"]


def main() -> None:
    data = open_dataset(f"two-camera:{SET}")
    lines = [shown(name, _by(data, encode)) for name, encode in references().items()]
    missing = [path for path in FOLDS if not path.exists()]
    if missing:
        print(f"without the five folds: there is no {missing[0]}\n")
    else:
        for feature, dim in FEATURES.items():
            rows = evaluate_fold_runs(
                FOLDS, SET, _priors(), feature=feature, notify=print, on_progress=lambda images: None
            )
            for prior in dict.fromkeys(row.prior for row in rows):
                named = f"ours, five folds, {dim} numbers, {prior}"
                lines.append(shown(named, [row for row in rows if row.prior == prior]))
    table(["rank 1", "all", *SUBSETS[1:], "MRR"], lines)


def _by(data: ReidData, encode: Callable[[Image], Vectors]) -> list[EvaluationRow]:
    query, gallery = vectors_of(data.query, encode), vectors_of(data.gallery, encode)
    return evaluate_features(data, query, gallery, EvaluationConditions(str(data.fingerprint()), "reference"))


def _priors() -> Path | None:
    return PRIORS if PRIORS.exists() else None


if __name__ == "__main__":
    main()
