"""Livery: the marks by which two vehicles of one model and paint differ, drawn once per vehicle."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ingest.synthetic.vehicle.gear import Gear, Rider, draw_gear, draw_rider
from ingest.synthetic.vehicle.model import Model
from ingest.synthetic.vehicle.paint.panel import Colour, bgr
from ingest.synthetic.vehicle.paints import ACCENTS_BGR, CLOTHES_BGR

Trim = Literal["dark", "bright", "plain"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A sticker, a dent or a repair: on which side (-1 left, 1 right, 0 the rear), where and how large, as shares of
    length (or width) and height below the windows, and which of its kind."""

    side: int
    along: float
    up: float
    size: float
    style: int


@dataclass(frozen=True, slots=True, eq=False)
class Livery:
    """The paintwork of one vehicle and what it carries.

    second: colour of a box, tank or load bed. accent, other: of stripes, lettering, bands. tint: brightness of the
    glass, `privacy` of that behind the driver. dirt: how far the sides are soiled, 0 to 1; grain: seed of its pattern.
    wheel: number of the wheel design; rim: its grey level. roof: colour of a roof unlike the body. bare: unpainted
    bumpers; cladding: dark arches and sills. words: lettering, empty for none; logo, layout, pattern: numbers of
    shapes. route: what the display of a bus says. lip, skirt: numbers of the shapes below the front and the rear
    bumper. lens: brightness of the lamps. plate_shift: of the plates from the middle, a share of half the width.
    papers: number of those behind the windscreen. visors: deflectors over the windows. panels: bonnet and boot where
    they have another colour.
    """

    paint: Colour
    second: Colour
    accent: Colour
    other: Colour
    tint: float
    privacy: float
    dirt: float
    grain: int
    wheel: int
    rim: float
    roof: Colour | None
    bare: bool
    cladding: bool
    trim: Trim
    stripe: int
    stickers: tuple[Mark, ...]
    dents: tuple[Mark, ...]
    repairs: tuple[Mark, ...]
    sunroof: int
    sun_strip: bool
    fog_lamps: bool
    people: int
    words: str
    logo: int
    layout: int
    pattern: int
    route: str
    lip: int
    skirt: int
    lens: float
    plate_shift: float
    papers: int
    visors: bool
    panels: tuple[Colour | None, Colour | None]
    plate_bgr: Colour
    rear_plate_bgr: Colour
    clothes: tuple[Colour, ...]
    cargo: Colour
    gear: Gear
    rider: Rider


def draw_livery(model: Model, paint: Colour, rng: np.random.Generator) -> Livery:
    """Draw a livery; the paint is varied in brightness by a few per cent."""
    gear, rider = draw_gear(model, rng), draw_rider(rng)
    work = model.kind in ("van", "truck")
    accent, other = (_pick(ACCENTS_BGR, rng) for _ in range(2))
    chance = rng.random(12)
    plates = (bgr(236, 238, 238), bgr(60, 200, 238)) if chance[0] < 0.25 else (bgr(232, 236, 236),) * 2
    return Livery(
        paint=np.clip(paint * rng.uniform(0.94, 1.04), 16, 244),
        second=_draw_second(model, paint, rng),
        accent=accent,
        other=other,
        tint=float(rng.uniform(0.65, 1.25)),
        privacy=float(rng.uniform(0.25, 0.5)) if chance[1] < (0.5 if model.body == "suv" else 0.22) else 1.0,
        dirt=float(rng.beta(1.1, 2.6)),
        grain=int(rng.integers(1 << 30)),
        wheel=int(rng.integers(0, 7)) if not work and not model.decks else int(rng.choice([0, 3, 6])),
        rim=float(rng.choice([45, 120, 165, 195]) + rng.uniform(-12, 12)),
        roof=_draw_roof(model, rng),
        bare=chance[2] < (0.45 if model.kind == "van" else 0.10),
        cladding=chance[3] < (0.55 if model.body in ("suv", "pickup") else 0.06),
        trim="bright" if chance[4] < 0.3 else "dark" if chance[4] < 0.8 else "plain",
        stripe=int(rng.integers(1, 5)) if chance[5] < (0.45 if work else 0.06) else 0,
        stickers=_draw_marks(rng, 0.60, 6, (0.04, 0.11)),
        dents=_draw_marks(rng, 0.50, 2, (0.07, 0.18)),
        repairs=_draw_marks(rng, 0.18, 3, (0.1, 0.2)),
        sunroof=int(rng.choice([0, 0, 0, 0, 0, 1, 1, 2])) if model.kind == "car" and model.body != "pickup" else 0,
        sun_strip=chance[6] < 0.14,
        fog_lamps=chance[7] < 0.6,
        people=int(rng.integers(0, 4)),
        words=_draw_words(rng) if chance[8] < (0.75 if work or model.decks else 0.04) else "",
        logo=int(rng.integers(0, 6)),
        layout=int(rng.integers(0, 8)),
        pattern=int(rng.integers(0, 8)),
        route=f"{rng.integers(1, 99)} {_draw_words(rng)}",
        lip=int(rng.integers(0, 5)),
        skirt=int(rng.integers(0, 4)),
        lens=float(rng.choice([0.55, 0.85, 1.0, 1.15])),
        plate_shift=float(rng.choice([0.0, 0.0, 0.0, -0.25, 0.25])),
        papers=int(rng.integers(0, 8) & rng.integers(0, 8)),
        visors=chance[9] < 0.3,
        panels=(_draw_panel(paint, rng), _draw_panel(paint, rng)),
        plate_bgr=plates[0],
        rear_plate_bgr=plates[1],
        clothes=tuple(_pick(CLOTHES_BGR, rng) for _ in range(4)),
        cargo=_pick(CLOTHES_BGR, rng),
        gear=gear,
        rider=rider,
    )


def _pick(colours: tuple[tuple[int, int, int], ...], rng: np.random.Generator) -> Colour:
    return np.array(colours[int(rng.integers(len(colours)))], np.float64)


def _draw_second(model: Model, paint: Colour, rng: np.random.Generator) -> Colour:
    """Draw the colour of a load: boxes and tanks are mostly white or light grey, the beds of pickups and platforms
    dark or like the cab."""
    chance = rng.random()
    if model.body in ("box-truck", "tanker"):
        return bgr(226, 228, 228) * rng.uniform(0.88, 1.0) if chance < 0.62 else _pick(ACCENTS_BGR, rng)
    if model.body in ("tipper", "flatbed"):
        return _pick(ACCENTS_BGR, rng) if chance < 0.5 else bgr(98, 98, 98) * rng.uniform(0.5, 1.5)
    return paint * 0.7 if chance < 0.4 else bgr(60, 60, 62) * rng.uniform(0.5, 1.6)


def _draw_roof(model: Model, rng: np.random.Generator) -> Colour | None:
    chance = rng.random()
    if model.decks:
        return bgr(225, 225, 222) if chance < 0.6 else None
    if model.kind == "car" and model.load_m is None and chance < 0.08:
        return bgr(28, 28, 28) if chance < 0.055 else bgr(228, 228, 228)
    return None


def _draw_panel(paint: Colour, rng: np.random.Generator) -> Colour | None:
    """Draw a bonnet or boot that was changed: black, from another car, or a little off in tone; mostly None."""
    chance = rng.random()
    if chance > 0.09:
        return None
    return bgr(30, 30, 31) if chance < 0.025 else paint * 0.82 if chance < 0.06 else paint * 0.9 + 22


def _draw_marks(rng: np.random.Generator, share: float, styles: int, sizes: tuple[float, float]) -> tuple[Mark, ...]:
    """Draw no, one or two marks."""
    count = 0 if rng.random() > share else 1 + int(rng.random() < 0.3)
    return tuple(
        Mark(
            side=int(rng.integers(-1, 2)),
            along=float(rng.uniform(0.08, 0.92)),
            up=float(rng.uniform(0.25, 0.85)),
            size=float(rng.uniform(*sizes)),
            style=int(rng.integers(styles)),
        )
        for _ in range(count)
    )


_STARTS = ("Nor", "Tel", "Bru", "Ca", "Vel", "Mon", "Del", "Ar", "Sol", "Gra", "Pol", "Fer", "Lu", "Zan")
_ENDS = ("va", "mo", "nta", "rio", "sca", "len", "tti", "dor", "via", "gar", "lini", "ta", "co", "rex")
_TRADES = ("", "", " Foods", " Log", " Bros", " Srl", " Elec", " Bau", " 24h", " Flor")


def _draw_words(rng: np.random.Generator) -> str:
    """Draw an invented name."""
    start, end, trade = (str(rng.choice(part)) for part in (_STARTS, _ENDS, _TRADES))
    return start + end + trade
