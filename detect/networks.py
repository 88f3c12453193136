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


# Scores are what `python -m tests.bench tracking` chooses on all its sources, none under .1.
PVB_2004 = AtssModel(vehicle_class=0, min_score=0.15, start_score=0.3)
# The middle of a plateau: starting tracks at .3 is better by .007, less than one source makes.
CROSSROAD_1016 = SsdModel(vehicle_class=1, min_score=0.15, start_score=0.4)
PVB_2001 = SsdModel(vehicle_class=0, min_score=0.1, start_score=0.6)
PVB_2000 = SsdModel(vehicle_class=0, min_score=0.1, start_score=0.3)
YOLOX_NANO = YoloxModel(min_score=0.15, start_score=0.3)

NETWORKS: dict[str, SsdModel | AtssModel | YoloxModel] = {
    "crossroad-1016": CROSSROAD_1016,
    "pvb-2004": PVB_2004,
    "pvb-2001": PVB_2001,
    "pvb-2000": PVB_2000,
    "yolox-nano": YOLOX_NANO,
}
"""Networks by the name that configuration and weights share."""
