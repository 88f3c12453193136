"""Vehicle models: dimensions, outline, shapes of lamps and windows."""

from dataclasses import dataclass
from typing import Literal

Bgr = tuple[int, int, int]
Span = tuple[float, float]

VehicleKind = Literal["car", "van", "truck", "bus", "motorcycle"]
BodyType = Literal[
    "hatchback", "saloon", "estate", "suv", "pickup", "van", "minibus", "box-truck", "flatbed", "tipper", "tanker",
    "bus", "coach", "double-decker", "motorcycle",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Model:
    """The shape of one model; distances are metres behind the front bumper, heights metres above the ground.

    name: stable, such as `hatchback-2`. kind: the class that truth and detectors know; body: the type of body.
    roofline: outline from the side, (distance, height) from front to rear, of a truck or pickup that of its cab.
    belt_m: height of the lower edge of the windows at the front, rising by `wedge_m` to the rear. windscreen,
    rear_window: where they begin and end. pillars: between the side windows, as shares of the glazed length. cab_m:
    where the glazed cab of a van ends. decks: 1 or 2 for buses. load_m: where the load of a truck or the bed of a
    pickup begins, and the height of its upper edge. lean_m: how far an upright front leans back. lamps, tail, grille:
    numbers of their shapes.
    """

    name: str
    kind: VehicleKind
    body: BodyType
    length_m: float
    width_m: float
    roofline: tuple[Span, ...]
    belt_m: float
    sill_m: float
    axles_m: tuple[float, ...]
    wheel_radius_m: float
    wedge_m: float = 0.0
    windscreen: Span | None = None
    rear_window: Span | None = None
    pillars: tuple[float, ...] = ()
    cab_m: float | None = None
    decks: int = 0
    load_m: Span | None = None
    lean_m: float = 0.0
    lamps: int = 0
    tail: int = 0
    grille: int = 0

    @property
    def height_m(self) -> float:
        """Height of the highest point of the bare vehicle: without roof racks, loads and signs."""
        roof_m = max(height for _, height in self.roofline) + CROWN_M
        return max(roof_m, self.load_m[1]) if self.load_m else roof_m

    @property
    def large(self) -> bool:
        """True for buses and trucks: upright fronts, no bonnet."""
        return self.kind in ("bus", "truck")


CROWN_M = 0.035
"""Height of the middle of a roof above its edges."""
