"""What really was in front of a camera, where that is known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrueSighting:
    """One vehicle in one frame.

    `vehicle_id` is the same in every camera. `box_xyxy` bounds the visible pixels; `visible` is their share of
    the pixels the vehicle would have if nothing stood before it, in [0, 1].
    """

    vehicle_id: int
    kind: str
    box_xyxy: tuple[float, float, float, float]
    visible: float
