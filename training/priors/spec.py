"""Spec of `corridor encoder priors`: the detector and masker that find the priors of a data set."""

from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from detect.networks import NETWORKS
from detect.registry import FOUNDATION
from detect.settings import FoundationSettings
from ingest.errors import ConfigError

CITY = "city"
GRABCUT, ELLIPSE, BOX = "grabcut", "ellipse", "box"
SAM: tuple[Literal["sam-vit-b", "sam-vit-l", "sam-vit-h"], ...] = ("sam-vit-b", "sam-vit-l", "sam-vit-h")

MIN_SCORE = 0.05
"""Less than on a street: a crop has a vehicle in it, and a weak detection in its middle is nearly always that. Of
Grounding DINO that has not been measured; it keeps the score of its settings."""

CPU_S = {FOUNDATION[0]: 5.0, FOUNDATION[1]: 8.0, SAM[0]: 5.0, SAM[1]: 13.0, SAM[2]: 26.0}
"""About what an image takes on two cores, to warn by: of the smaller Grounding DINO as measured, of the others by their
multiplications. The pace that is reported later is measured."""


@dataclass(frozen=True, slots=True)
class PriorSpec:
    """Detector and masker of priors; None leaves it to the maker, `foundation` is for Grounding DINO and SAM."""

    by: str
    masks: str | None
    min_score: float | None
    foundation: FoundationSettings

    @property
    def masker(self) -> str:
        """Name of the masker."""
        return GRABCUT if self.masks is None else self.masks

    @property
    def large(self) -> tuple[str, ...]:
        """Names of those of the two that are foundation models."""
        return tuple(name for name in (self.by, self.masker) if name in CPU_S)

    def heeding(self, **options: str | int | None) -> "PriorSpec":
        """Replace settings of `foundation` by those that are not None.

        Raises ConfigError for a setting that neither the detector nor the masker heeds.
        """
        given = {key: value for key, value in options.items() if value is not None}
        for key in given:
            heeds = (*FOUNDATION, *SAM) if key == "device" else FOUNDATION
            if not set(heeds) & set(self.large):
                raise ConfigError(f"--{key} is for {', '.join(heeds)}; {self.by} and {self.masker} do not heed it")
        return replace(self, foundation=msgspec.structs.replace(self.foundation, **given))

    def check(self) -> None:
        """Raise ConfigError for an unknown detector or masker, before anything is opened."""
        makers, maskers = (*NETWORKS, *FOUNDATION, CITY), (GRABCUT, ELLIPSE, BOX, *SAM)
        if self.by not in makers or self.masker not in maskers:
            known = f"known are {', '.join(makers)}; {', '.join(maskers)}"
            raise ConfigError(f"--by {self.by} --masks {self.masker}: {known}")
        if self.by == CITY and self.min_score is not None:
            raise ConfigError("--min-score is for detectors: --by city takes boxes as they are")
        if self.min_score is not None and not 0 < self.min_score < 1:
            raise ConfigError(f"--min-score {self.min_score:g} is not between 0 and 1")


def seconds_on_cpu(spec: PriorSpec) -> float:
    """About what an image takes the foundation models if they run on a CPU; 0 without them, and on a GPU."""
    if not spec.large:
        return 0.0
    from detect.accelerator import choose_device

    on_cpu = choose_device(spec.foundation.device).type == "cpu"
    return sum(CPU_S[name] for name in spec.large) if on_cpu else 0.0
