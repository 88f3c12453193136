"""Who the vehicles are: one vehicle, the same wherever it is seen."""

from dataclasses import dataclass

from ingest.synthetic.models import Bgr, Model


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle, the same wherever it is seen: its make, its paint, and the seed of all other details."""

    vehicle_id: int
    model: Model
    paint_bgr: Bgr
    seed: int
