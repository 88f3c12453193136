"""Calibration of an encoder: the distributions of its cosines for one vehicle and for two, as four numbers.

Cosines are those of vectors from which their camera's mean has been taken off: what all vehicles before one camera
share says nothing of any.
"""

import math
from typing import Final

import msgspec

from embed.encoder import file_id
from ingest.errors import WeightsError


class CosineCalibration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Means and deviations of the cosines of one vehicle before two cameras, and of two vehicles.

    reliability: expected calibration error of the probability that two crops show one vehicle, at even odds, on the
    sources that the numbers were not taken from; 0 is best. same, others: how many pairs. sources: their data sets.
    """

    same_mean: float
    same_deviation: float
    others_mean: float
    others_deviation: float
    reliability: float | None = None
    same: int = 0
    others: int = 0
    sources: tuple[str, ...] = ()

    def ratio(self, cosine: float) -> float:
        """Log likelihood ratio of one vehicle against two at a cosine: of two Gaussians, constant beyond its turn.

        The ratio of Gaussians of different widths turns once; beyond that a higher cosine would speak for less.
        """
        same, others = self.same_deviation**-2, self.others_deviation**-2
        if same != others:
            turn = (same * self.same_mean - others * self.others_mean) / (same - others)
            cosine = max(cosine, turn) if same < others else min(cosine, turn)
        log_same = -0.5 * same * (cosine - self.same_mean) ** 2 - math.log(self.same_deviation)
        log_others = -0.5 * others * (cosine - self.others_mean) ** 2 - math.log(self.others_deviation)
        return log_same - log_others


SHIPPED_CALIBRATIONS: Final[dict[str, CosineCalibration]] = {
    "grl@2c6bae7d": CosineCalibration(
        same_mean=0.3873,
        same_deviation=0.1959,
        others_mean=-0.0026,
        others_deviation=0.1453,
        reliability=0.031,
        same=4032,
        others=576576,
        sources=("unseen cameras of the city, box masks",),
    ),
    "colour@1": CosineCalibration(
        same_mean=0.3245,
        same_deviation=0.3036,
        others_mean=0.0029,
        others_deviation=0.2825,
        reliability=0.0253,
        same=4032,
        others=576576,
        sources=("unseen cameras of the city, box masks",),
    ),
}
"""Calibrations by `name@hash` of what cannot say so in its own file: the encoder that came with the program before, and
colours. Where they are from is in docs/benchmarks.md."""


def calibration_of(encoder: str, stored: CosineCalibration | None = None) -> CosineCalibration:
    """Choose the calibration of the encoder `name@hash`: what its file has `stored`, else what is known of it here.

    Raises WeightsError for an encoder of which neither is there, with the command that measures it.
    """
    known = stored or SHIPPED_CALIBRATIONS.get(file_id(encoder))
    if known is None:
        raise WeightsError(
            f"encoder '{encoder}' does not say how alike one vehicle looks to two cameras (measure it: "
            "corridor encoder calibrate FILE.onnx DATA)"
        )
    return known
