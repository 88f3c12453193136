"""Published figures of the networks here, to stand beside our own, with where they were read."""

from dataclasses import dataclass
from typing import Final

from embed.network.settings import NetworkName
from training.evaluation.protocols import EvaluationRow

SOURCE: Final = "Li et al., IEEE T-ITS 2025, table II"


@dataclass(frozen=True, slots=True)
class Published:
    """Percent, without re-ranking; `mean_ap` is None where it is not what we call by that name."""

    rank1: float
    mean_ap: float | None

    def __str__(self) -> str:
        return f"{'–' if self.mean_ap is None else format(self.mean_ap, '.1f')} / {self.rank1:.1f}"


FIGURES: Final[dict[NetworkName, dict[str, Published]]] = {
    "grl": {
        "veri-776": Published(95.9, 79.0),
        "vehicleid": Published(78.6, None),
        "market-1501": Published(95.6, 89.8),
        "msmt17": Published(82.4, 62.1),
    },
    "msinet": {
        "veri-776": Published(95.9, 75.0),
        "vehicleid": Published(76.5, None),
        "market-1501": Published(94.6, 87.0),
        "msmt17": Published(76.0, 52.5),
    },
    "osnet": {
        "veri-776": Published(95.4, 72.8),
        "vehicleid": Published(76.0, None),
        "market-1501": Published(93.6, 81.0),
        "msmt17": Published(71.0, 43.3),
    },
    "resnet50": {
        "veri-776": Published(92.8, 69.9),
        "vehicleid": Published(70.6, None),
        "market-1501": Published(85.7, 68.3),
        "msmt17": Published(48.0, 25.7),
    },
}
"""Published figures by network, and by our readers' names of the data sets.

GRL's very likely follow pre-training on ImageNet, although the paper does not say so; the others are from scratch.
VehicleID is its large test list; GRL on Market-1501 and MSMT17 is from table III, which differs from II in a tenth or
two.
"""

EXTRACTORS: Final = {
    "crossroad-1016": 2_900_000,
    "yolox-nano": 910_000,
    "grounding-dino-swin-t": 172_839_682,
    "grounding-dino-swin-b": 232_903_808,
    "city": 0,
}
MASKERS: Final = {"sam-vit-b": 93_735_472, "sam-vit-l": 312_342_832, "sam-vit-h": 641_090_608}
"""Parameters of who finds priors: boxes, by the first word of its name (Grounding DINO with its text encoder), and
masks, by a later one. GrabCut has none; the city's truth is no network."""


TESTED: Final[dict[str, tuple[int, int]]] = {
    "veri-776": (1_678, 11_579),
    "vehicleid": (17_377, 2_400),
    "market-1501": (3_368, 15_913),
    "msmt17": (11_659, 82_161),
}
"""Queries and gallery that the published figures were measured on, of VehicleID a trial of its large list."""

BLURRED: Final = "V2"
"""Version of MSMT17 whose faces are blurred, which the published figures are not of."""


def published(model: NetworkName, row: EvaluationRow) -> Published | None:
    """Choose the published figure of a network to stand beside a row; None where it is not of the published images.

    Another set, a part of one, or a set of one's own in a published layout has other queries or another gallery, whose
    figures say nothing beside it.
    """
    same = TESTED.get(row.dataset) == (row.queries + row.skipped, row.gallery) and not row.version.startswith(BLURRED)
    return FIGURES[model].get(row.dataset) if same else None


def extractor_parameters(priors_by: str) -> int | None:
    """Count the parameters of a maker of priors, as `crossroad-1016 from 0.05, grabcut`; None if not known here."""
    if not priors_by:
        return 0
    boxes, *others = priors_by.split()
    found = EXTRACTORS.get(boxes)
    return None if found is None else found + sum(MASKERS.get(word, 0) for word in others)
