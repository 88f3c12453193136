"""HOTA, against TrackEval's own class."""

from dataclasses import replace

import numpy as np
import pytest
from trackeval.metrics import HOTA

from tests.training.scoring.scenes import camera, crowd, rows
from training.scoring.hota import THRESHOLDS, mean_hota
from training.scoring.tracking import sequence_of
from training.scoring.tracks import CameraTracks, TrackedBoxes


def packed(seed: int) -> CameraTracks:
    """Boxes that lie over one another, in the truth and in the run, in any order, with ids that change at random."""
    rng = np.random.default_rng(seed)
    truth, run = [], []
    for frame in range(1, 41):
        for vehicle in rng.permutation(6).tolist():
            left, top = 25.0 * vehicle + rng.normal(0, 4), rng.normal(0, 4)
            truth.append((frame, vehicle, left, top, left + 60, top + 50))
            if rng.random() < 0.85:
                name = vehicle if rng.random() < 0.8 else int(rng.integers(6, 12))
                moved = left + rng.normal(0, 12)
                run.append((frame, 20 * name + vehicle, moved, top + 5, moved + 60, top + 52))
    run = [run[place] for place in rng.permutation(len(run))]
    return CameraTracks.of("north", np.arange(1, 41), np.arange(40.0), TrackedBoxes.of(truth), TrackedBoxes.of(run))


SCENES = {
    **{f"crowd {seed}": [crowd(seed)] for seed in range(4)},
    **{f"packed {seed}": [packed(seed)] for seed in range(6)},
    "several cameras": [replace(crowd(seed), camera=str(seed)) for seed in range(3)],
    "nothing in common": [camera(rows(1, [1, 2]), rows(5, [3, 4]))],
    "nothing said": [camera(rows(1, [1, 2]), [])],
    "nothing there": [camera([], rows(5, [1, 2]))],
    "twice in a frame": [camera(rows(1, [1, 2]), rows(5, [1, 2]) + rows(5, [1, 2], left=40))],
}


@pytest.mark.parametrize("scene", SCENES)
def test_it_is_what_trackeval_finds(scene: str) -> None:
    data = sequence_of(SCENES[scene])
    theirs = HOTA().eval_sequence(data)
    expected = tuple(float(np.mean(theirs[name])) for name in ("HOTA", "DetA", "AssA"))
    assert mean_hota(data) == pytest.approx(expected, abs=1e-12)


def test_its_thresholds_are_those_of_trackeval() -> None:
    assert THRESHOLDS.tolist() == HOTA().array_labels.tolist()
