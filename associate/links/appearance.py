"""Appearance: vectors relative to what their camera sees, and what their similarity says about one vehicle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from associate.links.travel_times import Floats
from associate.rows import Look
from associate.state import Table

Vector = NDArray[np.float32]

BACKED = 5.0
"""Vectors of the wider group that stand behind the mean of a narrower one."""

FADE_IN = 10
"""Vectors after which centring has its full weight."""

ASTRAY = 0.08
"""Share of true links with a crop of another vehicle, or of half of one: no crop may veto a link."""

PRIOR_LINKS = 1000.0
"""Links that the first calibration counts for: those that are found are more alike than those that are not."""

TAIL = 0.05
"""Share of the pairs of two vehicles, the most alike ones, that are look-alikes rather than chance."""

STRONGEST = 7.0
"""Bound of the term of appearance: look-alikes exist."""

_SIMILARITIES = np.linspace(-1.0, 1.0, 201)


class Looks:
    """Mean vectors by camera and direction of driving; `rows` is what has to be stored.

    A camera's colours, height and light are in every vector that it gives; what is left after its mean is taken off
    tells vehicles apart better (rank 1 of 30 in a city of four cameras: .760, by camera and direction .815).
    """

    def __init__(self) -> None:
        self.rows: Table[Look] = Table("look", Look)

    def centred(self, vector: Vector, encoder: str, camera: int, *, nearing: bool) -> Vector:
        """The vector (D,) less the mean of its camera and direction, of norm 1."""
        own, own_count = self._sum(encoder, camera, nearing, len(vector))
        other, other_count = self._sum(encoder, camera, not nearing, len(vector))
        every, every_count = self._zone(encoder, len(vector))
        if not every_count:
            return vector
        of_camera = (own + other + BACKED * every / every_count) / (own_count + other_count + BACKED)
        mean = (own + BACKED * of_camera) / (own_count + BACKED)
        apart = vector - mean * min(1.0, every_count / FADE_IN)
        norm = float(np.linalg.norm(apart))
        return np.asarray(apart / norm, np.float32) if norm > 1e-6 else vector

    def add(self, vector: Vector, encoder: str, camera: int, *, nearing: bool) -> None:
        """Count the vector of a closed tracklet."""
        for key in (_key(encoder, camera, nearing), encoder):
            row = self.rows.get(key)
            total = np.frombuffer(row.total, np.float32) if row else np.float32(0)
            self.rows.put(key, Look(total=np.asarray(total + vector).tobytes(), count=(row.count if row else 0) + 1))

    def forget(self, camera: int) -> None:
        """Forget what a camera sees: it looks elsewhere."""
        for name in self.rows.names:
            if name.endswith((f"#{camera:04d}+", f"#{camera:04d}-")):
                self.rows.drop(name)

    def _sum(self, encoder: str, camera: int, nearing: bool, dim: int) -> tuple[Vector, float]:
        row = self.rows.get(_key(encoder, camera, nearing))
        return (np.frombuffer(row.total, np.float32), row.count) if row else (np.zeros(dim, np.float32), 0.0)

    def _zone(self, encoder: str, dim: int) -> tuple[Vector, float]:
        row = self.rows.get(encoder)
        return (np.frombuffer(row.total, np.float32), row.count) if row else (np.zeros(dim, np.float32), 0.0)


def _key(encoder: str, camera: int, nearing: bool) -> str:
    return f"{encoder}#{camera:04d}{'+' if nearing else '-'}"


def log_normal(x: Floats, mean: float, deviation: float) -> Floats:
    """The log density (N,) of a Gaussian at (N,), but for the constant that all have."""
    return np.asarray(-0.5 * (x - mean) ** 2 / deviation**2 - np.log(deviation), np.float64)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Cosines of centred vectors of one vehicle in two cameras, and of two vehicles: means and deviations.

    tail_from, tail_mean: look-alikes: above a cosine, those of two vehicles fall off exponentially, with that mean
    excess; None where only the deviation is known. The defaults are those of `grl-64` in cities.
    """

    same: float = 0.46
    same_deviation: float = 0.22
    others: float = 0.0
    others_deviation: float = 0.17
    tail_from: float | None = 0.3
    tail_mean: float | None = 0.105

    def ratio(self, similarity: Floats) -> Floats:
        """The log likelihood ratio (N,) of similarities (N,): one vehicle against two.

        Of two Gaussians with unequal deviations the ratio turns round somewhere; it is held from there on, and from
        1.5 deviations above the mean of one vehicle on, where no pair of crops is better than any other.
        """
        x = np.minimum(similarity, self.same + 1.5 * self.same_deviation)
        of_same, of_others = self.same_deviation**2, self.others_deviation**2
        if abs(of_same - of_others) > 1e-9:
            x = np.maximum(x, self.turn) if of_same > of_others else np.minimum(x, self.turn)
        same = log_normal(x, self.same, self.same_deviation)
        others = log_normal(x, self.others, self.others_deviation)
        if self.tail_from is not None and self.tail_mean is not None:
            falling = np.log(TAIL / self.tail_mean * np.sqrt(2 * np.pi)) - (x - self.tail_from) / self.tail_mean
            others = np.where(x > self.tail_from, np.maximum(others, falling), others)
        return np.asarray(np.clip(same - others, -STRONGEST, STRONGEST), np.float64)

    @property
    def turn(self) -> float:
        """Similarity at which the ratio of the two Gaussians turns round; their deviations differ."""
        of_same, of_others = self.same_deviation**2, self.others_deviation**2
        return (self.others / of_others - self.same / of_same) / (1 / of_others - 1 / of_same)

    def term(self, similarity: Floats) -> Floats:
        """The term of appearance (N,) in the log odds of a link, which lets some crops be astray."""
        return np.asarray(np.log((1 - ASTRAY) * np.exp(self.ratio(similarity)) + ASTRAY), np.float64)

    def least(self, term: float) -> float:
        """The similarity, to a hundredth, from which on the term of appearance is at least so much; 1 for none."""
        reached = self.term(_SIMILARITIES) >= term
        return float(_SIMILARITIES[int(np.argmax(reached))]) if reached.any() else 1.0

    def fitted(self, similarity: Floats, probability: Floats, others: Floats) -> "Calibration":
        """Learn from the stream.

        similarity, probability: (P,) of possible links, and their probability. others: (M,) similarities of tracklets
        of different cameras, few of which are one vehicle; median and 93rd percentile do not mind those few.
        """
        middle = float(np.median(others))
        deviation = max((float(np.quantile(others, 0.93)) - middle) / 1.476, 0.02)
        start = middle + (self.same - self.others) / self.others_deviation * deviation
        spread = self.same_deviation / self.others_deviation * deviation
        total = float(probability.sum()) + PRIOR_LINKS
        same = (float(np.einsum("n,n->", probability, similarity)) + PRIOR_LINKS * start) / total
        squares = float(np.einsum("n,n->", probability, (similarity - same) ** 2)) + PRIOR_LINKS * spread**2
        tail_from = float(np.quantile(others, 1 - TAIL))
        excess = float((others[others > tail_from] - tail_from).mean()) if (others > tail_from).any() else 0.02
        return Calibration(same, float(np.sqrt(squares / total)), middle, deviation, tail_from, max(excess, 0.02))
