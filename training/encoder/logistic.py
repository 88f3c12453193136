"""A logistic reading of raw cosines, which an export may bring; association learns its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Calibration:
    """Midpoint: the cosine that speaks neither for nor against one vehicle. slope: of the log likelihood ratio."""

    midpoint: float
    slope: float

    def ratio(self, similarity: float) -> float:
        """The log likelihood ratio of a cosine, within -8 and 8 (Platt 1999)."""
        return max(-8.0, min(8.0, self.slope * (similarity - self.midpoint)))
