"""Gear of a vehicle: racks, loads, and the rider of a motorcycle, drawn once per vehicle."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ingest.synthetic.vehicle.model import Model

RoofLoad = Literal["", "box", "ladder", "boards", "heap"]


@dataclass(frozen=True, slots=True)
class Gear:
    """Gear on a vehicle.

    rails: none, dark or bright ones along the roof; bars: across. roof_load lies off the middle by `roof_side`.
    sign: of a taxi or driving school. spoiler: none, painted or dark. load: none, a heap or goods, shaped by `humps`
    (12 shares). odd_wheel: the wheel that is unlike the others, counted from the front left. roof_units: number of the
    arrangement on a bus's roof, or whether a truck has a wind deflector.
    """

    rails: int
    bars: bool
    roof_load: RoofLoad
    roof_side: float
    sign: bool
    beacons: bool
    antenna: bool
    spoiler: Literal["", "painted", "dark"]
    load: Literal["", "heap", "goods"]
    humps: tuple[float, ...]
    bed_liner: bool
    bed_cover: bool
    tail_lift: bool
    cooler: bool
    side_guards: bool
    roof_units: int
    odd_wheel: int | None


@dataclass(frozen=True, slots=True)
class Rider:
    """Rider of a motorcycle, with a passenger, a case (small or large), a bag on the back."""

    stature: float
    passenger: bool
    case: Literal["", "small", "large"]
    bag: bool


def draw_gear(model: Model, rng: np.random.Generator) -> Gear:
    """Draw the gear of one vehicle, with the odds of its type of body."""
    chance = rng.random(14)
    roof = _draw_roof_load(model, rng)
    taxi = model.body in ("saloon", "estate", "hatchback") and chance[2] < 0.05
    cover = model.body == "pickup" and chance[6] < 0.3
    railed = {"estate": 0.6, "suv": 0.6, "pickup": 0.4, "saloon": 0.0}.get(model.body, 0.06)
    return Gear(
        rails=int(rng.integers(1, 3)) if chance[0] < railed else 0,
        bars=chance[1] < (0.25 if model.kind == "van" else 0.08),
        roof_load="" if taxi else roof,
        roof_side=float(rng.uniform(-1, 1)),
        sign=taxi,
        beacons=model.kind == "truck" and chance[3] < 0.35,
        antenna=model.kind == "car" and chance[4] < 0.7,
        spoiler=_draw_spoiler(model, rng),
        load=_draw_load(model, rng) if not cover else "",
        humps=tuple(float(share) for share in rng.random(12)),
        bed_liner=chance[5] < 0.6,
        bed_cover=cover,
        tail_lift=chance[7] < 0.45,
        cooler=chance[8] < 0.3,
        side_guards=chance[9] < 0.75,
        roof_units=int(rng.integers(0, 4)) if model.decks == 1 else int(chance[10] < 0.5),
        odd_wheel=int(rng.integers(0, 2 * len(model.axles_m))) if chance[11] < 0.13 else None,
    )  # fmt: skip


def _draw_roof_load(model: Model, rng: np.random.Generator) -> RoofLoad:
    if model.kind == "van":
        return str(rng.choice(["", "ladder", "boards"], p=[0.78, 0.15, 0.07]))  # type: ignore[return-value]
    if model.kind == "car" and model.body != "pickup":
        return str(rng.choice(["", "box", "heap", "boards"], p=[0.91, 0.05, 0.02, 0.02]))  # type: ignore[return-value]
    return ""


def _draw_spoiler(model: Model, rng: np.random.Generator) -> Literal["", "painted", "dark"]:
    chance = rng.random()
    share = {"hatchback": 0.45, "suv": 0.5, "estate": 0.3, "saloon": 0.12}.get(model.body, 0.0)
    return "" if chance > share else "painted" if chance < share * 0.7 else "dark"


def _draw_load(model: Model, rng: np.random.Generator) -> Literal["", "heap", "goods"]:
    chance = rng.random()
    if model.body == "tipper":
        return "heap" if chance < 0.65 else ""
    if model.body == "flatbed":
        return "goods" if chance < 0.75 else ""
    return "goods" if chance < 0.35 else "heap" if chance < 0.45 else ""


def draw_rider(rng: np.random.Generator) -> Rider:
    """Draw the rider of a motorcycle."""
    chance = rng.random(2)
    case: Literal["", "small", "large"] = "large" if chance[0] < 0.25 else "small" if chance[0] < 0.5 else ""
    return Rider(
        stature=float(rng.uniform(0.9, 1.12)),
        passenger=bool(chance[1] < 0.14) and not case,
        case=case,
        bag=bool(rng.random() < 0.4),
    )
