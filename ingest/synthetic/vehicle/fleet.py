"""Vehicles, each the same wherever it is seen, and fleets of them drawn without limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ingest.errors import ConfigError
from ingest.synthetic.vehicle.catalogue import MODELS
from ingest.synthetic.vehicle.model import Bgr, Model
from ingest.synthetic.vehicle.paints import BUS_PAINTS, PAINTS

Weights = tuple[tuple[str, float], ...]
"""Names with relative weights."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle, the same wherever it is seen: its make, its paint, and the seed of all other details."""

    vehicle_id: int
    model: Model
    paint_bgr: Bgr
    seed: int


@dataclass(frozen=True, slots=True)
class FleetMix:
    """Mix of a fleet: the weights from which its vehicles are drawn.

    models: weights of models. paints: weights of the paints of cars and motorcycles. tones: how many tones of each
    paint there are, at most. white_work: share of white among vans and trucks; the others have `paints`.
    """

    models: Weights
    paints: Weights
    tones: int
    white_work: float


def _spread(shares: Weights) -> Weights:
    """Spread shares of body types evenly over their models."""
    names = {body: [name for name, model in MODELS.items() if model.body == body] for body, _ in shares}
    return tuple((name, share / len(names[body])) for body, share in shares for name in names[body])


REAL_TRAFFIC = FleetMix(
    models=_spread((
        ("hatchback", 24.0), ("saloon", 18.0), ("estate", 8.0), ("suv", 20.0), ("pickup", 3.0), ("van", 8.0),
        ("minibus", 1.5), ("box-truck", 3.5), ("flatbed", 0.8), ("tipper", 0.7), ("tanker", 0.5), ("bus", 2.2),
        ("coach", 0.5), ("double-decker", 1.0), ("motorcycle", 8.0),
    )),
    paints=(
        ("white", 0.25), ("black", 0.20), ("grey", 0.18), ("silver", 0.13), ("blue", 0.10), ("red", 0.06),
        ("brown", 0.03),
        ("green", 0.025), ("orange", 0.013), ("yellow", 0.012),
    ),
    tones=5,
    white_work=0.66,
)  # fmt: skip
"""The traffic of a European city."""

LOOK_ALIKES = FleetMix(
    models=(
        ("saloon-1", 30.0), ("hatchback-1", 25.0), ("suv-1", 20.0), ("van-1", 8.0), ("box-truck-1", 3.0),
        ("bus-1", 3.0), ("motorcycle-1", 8.0),
    ),
    paints=(("white", 0.36), ("black", 0.28), ("silver", 0.24), ("grey", 0.12)),
    tones=1,
    white_work=0.9,
)  # fmt: skip
"""Few models in few paints, one tone of each: the same model and colour again and again."""


def draw_vehicle(vehicle_id: int, kind: str | None, seed: int, mix: FleetMix = REAL_TRAFFIC) -> Vehicle:
    """Draw the vehicle with this id of the fleet with this seed, of one class (`car`, `bus`, …) or of any.

    The same arguments give the same vehicle, whichever others were drawn. Raises ConfigError when the mix has no model
    of the class.
    """
    rng = np.random.default_rng((seed, vehicle_id))
    names, ends = _choices(mix, kind)
    model = MODELS[names[int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))]]
    return Vehicle(vehicle_id, model, _draw_paint(model, mix, rng), int(rng.integers(1 << 30)))


@lru_cache(maxsize=64)
def _choices(mix: FleetMix, kind: str | None) -> tuple[Sequence[str], Sequence[float]]:
    """Models of a class, and their cumulated weights."""
    known = [(name, weight) for name, weight in mix.models if kind in (None, MODELS[name].kind) and weight > 0]
    if not known:
        kinds = sorted({MODELS[name].kind for name, _ in mix.models})
        raise ConfigError(f"The fleet has no vehicles of class '{kind}' (known: {', '.join(kinds)})")
    names, weights = zip(*known, strict=True)
    return names, tuple(np.cumsum(weights).tolist())


def _draw_paint(model: Model, mix: FleetMix, rng: np.random.Generator) -> Bgr:
    tones: Sequence[Bgr]
    chance = rng.random()
    if model.kind == "bus":
        tones = BUS_PAINTS[: 3 * mix.tones]
    elif model.kind in ("van", "truck") and chance < mix.white_work:
        tones = PAINTS["white"][: mix.tones]
    else:
        names, weights = zip(*mix.paints, strict=True)
        ends = np.cumsum(weights)
        tones = PAINTS[names[int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))]][: mix.tones]
    return tones[int(rng.integers(len(tones)))]
