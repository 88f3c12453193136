"""What tells two vehicles of one model and paint apart, drawn once per vehicle."""

from dataclasses import dataclass

import numpy as np

from ingest.synthetic.models import PAINTS_BGR, Model
from ingest.synthetic.panel import Colour, bgr


@dataclass(frozen=True, slots=True, eq=False)
class Livery:
    """The paint scheme of one vehicle.

    box: colour of a truck's box. accent: a second colour, for stripes, bands and lettering. tint: brightness
    of the glass. stripe: lower and upper edge of a band along the side, as shares of the windows' height.
    panel: whether there is an advertisement. dirt: how far the sides are soiled from below, 0 to 1. rim: grey
    level of the wheels. dent_m: a dent's distance from the front.
    """

    paint: Colour
    box: Colour
    accent: Colour
    tint: float
    stripe: tuple[float, float] | None
    panel: bool
    dirt: float
    rim: float
    spokes: int
    sunroof: bool
    sticker: bool
    dent_m: float | None


def draw_livery(model: Model, paint: Colour, rng: np.random.Generator) -> Livery:
    """Draw one; the paint is varied in brightness by a few per cent."""
    commercial = model.kind != "car"
    accent = _contrasting(paint, rng)
    white = bgr(226, 226, 226)
    stripe_from = rng.uniform(0.35, 0.55)
    striped = rng.random() < (0.75 if commercial else 0.12)
    return Livery(
        paint=np.clip(paint * rng.uniform(0.9, 1.08), 18, 245),
        box=white if rng.random() < 0.4 else _contrasting(paint, rng),
        accent=accent,
        tint=rng.uniform(0.6, 1.3),
        stripe=(stripe_from, stripe_from + rng.uniform(0.12, 0.3)) if striped else None,
        panel=bool(rng.random() < 0.7),
        dirt=float(rng.beta(1.2, 3)),
        rim=rng.uniform(70, 190),
        spokes=int(rng.integers(4, 8)),
        sunroof=bool(rng.random() < 0.3) and model.kind == "car",
        sticker=bool(rng.random() < 0.3),
        dent_m=float(rng.uniform(0.25, 0.8) * model.length_m) if rng.random() < 0.25 else None,
    )


def _contrasting(paint: Colour, rng: np.random.Generator) -> Colour:
    """Another paint, at least 110 grey levels away."""
    others = [np.array(other, np.float64) for other in PAINTS_BGR.values()]
    apart = [other for other in others if np.linalg.norm(other - paint) > 110]
    return apart[int(rng.integers(len(apart)))]
