"""How the encoder's cosines should be read: a logistic curve through real pairs of tracklets, one from each side."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit
from scipy.stats import rankdata

from embed.observation import unpack_vector
from tests.bench.gantries.runs import Passage
from training.scoring.tracks import MIN_IOU, CameraTracks

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Midpoint: the cosine that speaks neither for nor against one vehicle. slope: of the log likelihood ratio."""

    midpoint: float
    slope: float

    def ratio(self, similarity: float) -> float:
        """The log likelihood ratio of a cosine, within -8 and 8 (Platt 1999)."""
        return max(-8.0, min(8.0, self.slope * (similarity - self.midpoint)))


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """N pairs of tracklets: their cosine, whether both follow the same vehicle, and of what clip, cut and vehicle."""

    cosine: Floats
    same: NDArray[np.bool_]
    clip: NDArray[np.str_]
    cut: NDArray[np.str_]
    vehicle: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.cosine)

    def select(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "Pairs":
        return Pairs(self.cosine[keep], self.same[keep], self.clip[keep], self.cut[keep], self.vehicle[keep])


def owners(camera: CameraTracks) -> dict[int, int]:
    """By tracklet: the vehicle that more than half of its boxes lie on, where there is one."""
    hits: dict[int, Counter[int]] = defaultdict(Counter)
    for true_at, run_at, similarity in camera.pairs():
        if len(true_at):
            for column, row in enumerate(similarity.argmax(axis=0).tolist()):
                if similarity[row, column] >= MIN_IOU:
                    hits[int(camera.run.ids[run_at[column]])][int(camera.truth.ids[true_at[row]])] += 1
    boxes = Counter(camera.run.ids.tolist())
    best = {tracklet: counts.most_common(1)[0] for tracklet, counts in hits.items()}
    return {tracklet: vehicle for tracklet, (vehicle, count) in best.items() if 2 * count > boxes[tracklet]}


def pairs(passages: Sequence[tuple[Passage, list[CameraTracks]]]) -> Pairs:
    """Every tracklet of one side with every one of the other, within each cut; strays are left out."""
    rows = []
    for passage, cameras in passages:
        owner = {number: vehicle for camera in cameras for number, vehicle in owners(camera).items()}
        known = [it for it in passage.closed if passage.number_of[it.tracklet] in owner]
        vectors = {it.tracklet: unpack_vector(it.vector) for it in known}
        for up in (it for it in known if it.camera == "up"):
            for down in (it for it in known if it.camera == "down"):
                one, other = owner[passage.number_of[up.tracklet]], owner[passage.number_of[down.tracklet]]
                cosine = float(vectors[up.tracklet] @ vectors[down.tracklet])
                clip = passage.cut.clip
                rows.append((cosine, one == other, clip, passage.cut.id, f"{clip} {one}"))
    cosines, same, clips, cuts, vehicles = zip(*rows, strict=True)
    return Pairs(np.array(cosines), np.array(same), np.array(clips), np.array(cuts), np.array(vehicles))


def weights(same: NDArray[np.bool_]) -> Floats:
    """(N,) so that both classes weigh one half: the fitted log odds are then log likelihood ratios."""
    return np.asarray(np.where(same, 0.5 / max(same.sum(), 1), 0.5 / max((~same).sum(), 1)), np.float64)


def fit(cosine: Floats, same: NDArray[np.bool_], *, steps: int = 50, ridge: float = 1e-6) -> Calibration:
    """The logistic curve (Platt 1999) of the greatest weighted likelihood, by Newton's method."""
    design, weight, beta = np.stack([cosine, np.ones(len(cosine))], axis=1), weights(same), np.zeros(2)
    for _ in range(steps):
        share = expit(design @ beta)
        gradient = design.T @ (weight * (same - share)) - ridge * beta
        curvature = (design * (weight * share * (1 - share))[:, None]).T @ design + ridge * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        beta = beta + np.clip(step, -20.0, 20.0)
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(midpoint=float(-beta[1] / beta[0]), slope=float(beta[0]))


def loss(calibration: Calibration, cosine: Floats, same: NDArray[np.bool_]) -> float:
    """Mean of both classes' cross entropy in nats; saying nothing costs log 2 = .693."""
    ratio = np.array([calibration.ratio(value) for value in cosine.tolist()])
    return float(-(weights(same) * log_expit(np.where(same, ratio, -ratio))).sum())


def area(cosine: Floats, same: NDArray[np.bool_]) -> float:
    """How often a same pair is more alike than a different one (area under the ROC curve)."""
    ranks, hits = rankdata(cosine), int(same.sum())
    return float((ranks[same].sum() - hits * (hits + 1) / 2) / (hits * (len(same) - hits)))


def spread(found: Pairs, rng: np.random.Generator, rounds: int = 200) -> list[Calibration]:
    """Fits on vehicles drawn again and again with replacement; the pairs of a vehicle come or go together."""
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, vehicle in enumerate(found.vehicle.tolist()):
        rows_of[vehicle].append(row)
    vehicles, fits = list(rows_of), []
    for _ in range(rounds):
        drawn = rng.integers(0, len(vehicles), len(vehicles))
        rows = np.concatenate([rows_of[vehicles[each]] for each in drawn.tolist()])
        fits.append(fit(found.cosine[rows], found.same[rows]))
    return fits
