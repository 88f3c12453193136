"""The detector networks by name, each with its classes and scores."""

from dataclasses import dataclass

START_SCORE = 0.7
"""Score from which a detection starts a track, as BoT-SORT's authors have it."""


@dataclass(frozen=True, slots=True)
class SsdModel:
    """A network whose output is a list of boxes; `vehicle_class` is the number of the one class that is used.

    `min_score`: detections below it are not used. `start_score`: from it on a detection starts a track; a weaker one
    continues one. Scores of different networks mean different things (docs/benchmarks.md).
    """

    vehicle_class: int
    min_score: float
    start_score: float = START_SCORE


@dataclass(frozen=True, slots=True)
class YoloxModel:
    """A network of the YOLOX family with COCO's classes; the scores as in `SsdModel`."""

    min_score: float
    start_score: float = START_SCORE


@dataclass(frozen=True, slots=True)
class AtssModel:
    """A network whose outputs are boxes and their classes (detect/atss.py); the rest as in `SsdModel`."""

    vehicle_class: int
    min_score: float
    start_score: float = START_SCORE


# The scores of pvb-2004 and crossroad-1016 are what `python -m tests.bench tracking` chooses on all its sources.
PVB_2004 = AtssModel(vehicle_class=0, min_score=0.15, start_score=0.3)
CROSSROAD_1016 = SsdModel(vehicle_class=1, min_score=0.15, start_score=0.4)
# Those of the others are from two clips (`python -m tests.bench detectors`): middles of plateaus.
# Flat: any start from .45 to .7 is within about .01.
PVB_2001 = SsdModel(vehicle_class=0, min_score=0.15)
# Unsure of most vehicles: a start of .7 would cost .06.
PVB_2000 = SsdModel(vehicle_class=0, min_score=0.1, start_score=0.6)
# Objectness times class is seldom high: a start of .7 would cost .11; .4 to .55 is a plateau.
YOLOX_NANO = YoloxModel(min_score=0.15, start_score=0.5)

NETWORKS: dict[str, SsdModel | AtssModel | YoloxModel] = {
    "crossroad-1016": CROSSROAD_1016,
    "pvb-2004": PVB_2004,
    "pvb-2001": PVB_2001,
    "pvb-2000": PVB_2000,
    "yolox-nano": YOLOX_NANO,
}
"""Networks by the name that configuration and weights share."""
