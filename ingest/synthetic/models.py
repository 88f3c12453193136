"""The kinds of vehicles there are: dimensions, outlines and paints."""

from dataclasses import dataclass, replace

import numpy as np

Bgr = tuple[int, int, int]
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Model:
    """The shape of one model; distances are metres behind the front bumper, heights metres above the ground.

    roofline: outline from the side, (distance, height) from front to rear. belt_m: height of the lower edge
    of the windows. windscreen, rear_window: where they begin and end. pillars: between the side windows, as
    shares of the glazed length. cab_m: where the glazed cab of a van ends. decks: 1 or 2 for buses.
    box_from_m: where the box of a truck begins.
    """

    name: str
    kind: str
    length_m: float
    width_m: float
    roofline: tuple[Span, ...]
    belt_m: float
    sill_m: float
    axles_m: tuple[float, ...]
    wheel_radius_m: float
    windscreen: Span | None = None
    rear_window: Span | None = None
    pillars: tuple[float, ...] = ()
    cab_m: float | None = None
    decks: int = 0
    box_from_m: float | None = None

    @property
    def height_m(self) -> float:
        """Height of the highest point of the outline, of a truck of its box."""
        return BOX_TOP_M if self.box_from_m is not None else max(height for _, height in self.roofline)

    @property
    def large(self) -> bool:
        """Buses and trucks: upright fronts, no bonnet."""
        return self.decks > 0 or self.box_from_m is not None


BOX_TOP_M = 3.3

_BUS_PILLARS = (0.14, 0.28, 0.42, 0.56, 0.70, 0.85)

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            name="hatch",
            kind="car",
            length_m=4.2,
            width_m=1.78,
            roofline=(
                (0, 0.60), (0.05, 0.70), (0.2, 0.76), (1.0, 0.95), (1.8, 1.38),
                (2.2, 1.47), (3.2, 1.44), (3.7, 1.33), (4.08, 0.97), (4.2, 0.86),
            ),
            belt_m=0.93,
            sill_m=0.20,
            axles_m=(0.78, 3.38),
            wheel_radius_m=0.32,
            windscreen=(1.02, 1.83),
            rear_window=(3.68, 4.06),
            pillars=(0.40, 0.68),
        ),
        Model(
            name="saloon",
            kind="car",
            length_m=4.65,
            width_m=1.82,
            roofline=(
                (0, 0.58), (0.05, 0.68), (0.2, 0.74), (1.2, 0.93), (2.0, 1.35),
                (2.45, 1.44), (3.1, 1.41), (3.85, 1.08), (4.55, 1.0), (4.65, 0.88),
            ),
            belt_m=0.92,
            sill_m=0.20,
            axles_m=(0.85, 3.65),
            wheel_radius_m=0.33,
            windscreen=(1.22, 2.05),
            rear_window=(3.15, 3.82),
            pillars=(0.42, 0.72),
        ),
        Model(
            name="estate",
            kind="car",
            length_m=4.7,
            width_m=1.82,
            roofline=(
                (0, 0.58), (0.05, 0.68), (0.2, 0.74), (1.2, 0.93), (2.0, 1.36),
                (2.45, 1.46), (3.9, 1.43), (4.25, 1.30), (4.6, 0.98), (4.7, 0.86),
            ),
            belt_m=0.93,
            sill_m=0.20,
            axles_m=(0.85, 3.65),
            wheel_radius_m=0.33,
            windscreen=(1.22, 2.05),
            rear_window=(4.2, 4.58),
            pillars=(0.32, 0.60, 0.82),
        ),
        Model(
            name="suv",
            kind="car",
            length_m=4.6,
            width_m=1.90,
            roofline=(
                (0, 0.76), (0.05, 0.86), (0.2, 0.94), (1.1, 1.10), (1.75, 1.58),
                (2.15, 1.70), (3.8, 1.67), (4.15, 1.54), (4.5, 1.10), (4.6, 0.98),
            ),
            belt_m=1.08,
            sill_m=0.26,
            axles_m=(0.85, 3.62),
            wheel_radius_m=0.37,
            windscreen=(1.12, 1.78),
            rear_window=(4.13, 4.48),
            pillars=(0.34, 0.62, 0.84),
        ),
        Model(
            name="van",
            kind="van",
            length_m=5.3,
            width_m=2.02,
            roofline=(
                (0, 0.80), (0.05, 0.95), (0.2, 1.08), (0.75, 1.28),
                (1.5, 2.02), (1.9, 2.26), (5.15, 2.28), (5.3, 2.15),
            ),
            belt_m=1.22,
            sill_m=0.26,
            axles_m=(0.95, 4.15),
            wheel_radius_m=0.34,
            windscreen=(0.78, 1.55),
            cab_m=2.05,
        ),
        Model(
            name="bus",
            kind="bus",
            length_m=11.0,
            width_m=2.5,
            roofline=((0, 2.85), (0.1, 2.98), (0.4, 3.1), (10.7, 3.1), (11, 2.98)),
            belt_m=1.25,
            sill_m=0.28,
            axles_m=(2.6, 8.6),
            wheel_radius_m=0.48,
            pillars=_BUS_PILLARS,
            decks=1,
        ),
        Model(
            name="ddbus",
            kind="bus",
            length_m=10.6,
            width_m=2.5,
            roofline=((0, 4.1), (0.1, 4.22), (0.4, 4.35), (10.3, 4.35), (10.6, 4.2)),
            belt_m=1.25,
            sill_m=0.28,
            axles_m=(2.6, 8.0),
            wheel_radius_m=0.48,
            pillars=_BUS_PILLARS,
            decks=2,
        ),
        Model(
            name="truck",
            kind="truck",
            length_m=7.6,
            width_m=2.45,
            roofline=((0, 2.35), (0.08, 2.6), (0.5, 2.75), (1.9, 2.75), (2.0, 2.7)),
            belt_m=1.55,
            sill_m=0.38,
            axles_m=(1.25, 5.9),
            wheel_radius_m=0.47,
            box_from_m=2.25,
        ),
    )
}  # fmt: skip

PAINTS_BGR: dict[str, Bgr] = {
    "white": (235, 235, 235),
    "black": (25, 25, 28),
    "silver": (180, 182, 185),
    "graphite": (66, 62, 60),
    "blue": (150, 62, 25),
    "navy": (88, 44, 28),
    "red": (32, 30, 165),
    "maroon": (38, 30, 100),
    "green": (58, 84, 40),
    "champagne": (165, 190, 205),
    "sky": (190, 140, 70),
    "orange": (30, 100, 215),
    "yellow": (50, 190, 225),
}
"""BGR, as the paint looks in full light."""


def vary(model: Model, rng: np.random.Generator) -> Model:
    """One make of a model: up to 5 % longer or shorter, 3 % wider or narrower, with its own outline."""
    scale = rng.uniform(0.95, 1.05)

    def scaled(span: Span | None) -> Span | None:
        return None if span is None else (span[0] * scale, span[1] * scale)

    return replace(
        model,
        length_m=model.length_m * scale,
        width_m=model.width_m * rng.uniform(0.97, 1.03),
        roofline=tuple((distance * scale, height * rng.uniform(0.985, 1.015)) for distance, height in model.roofline),
        axles_m=tuple(axle * scale for axle in model.axles_m),
        windscreen=scaled(model.windscreen),
        rear_window=scaled(model.rear_window),
        cab_m=None if model.cab_m is None else model.cab_m * scale,
        box_from_m=None if model.box_from_m is None else model.box_from_m * scale,
    )
