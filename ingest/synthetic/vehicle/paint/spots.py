"""The small images of an atlas: wheels, cargo, clothes, and places of one colour."""

import cv2
import numpy as np

from ingest.frame import Image
from ingest.synthetic.vehicle.livery import Livery
from ingest.synthetic.vehicle.paint.atlas_layout import (
    CARGO,
    DARK_SPOT,
    GLASS_SPOT,
    HELMET_SPOT,
    JACKET,
    LAMP_SPOT,
    METAL_SPOT,
    MIRROR_SPOT,
    ODD_WHEEL,
    PAINT_SPOT,
    SECOND_SPOT,
    SIGN_SPOT,
    TROUSERS_SPOT,
    WHEEL,
    Region,
)
from ingest.synthetic.vehicle.paint.panel import Colour, bgr

_DARK = bgr(26, 26, 27)


def paint_spots(atlas: Image, livery: Livery, *, rider: bool) -> None:
    """Paint all small images of an atlas; the jacket's place has a heap where there is no `rider`."""
    jacket, trousers, helmet, second = livery.clothes
    caps = livery.paint if livery.trim != "plain" else _DARK
    colours: tuple[tuple[Region, Colour], ...] = (
        (PAINT_SPOT, livery.paint * 0.95 + 8), (DARK_SPOT, _DARK), (METAL_SPOT, bgr(128, 130, 132)),
        (SECOND_SPOT, livery.second), (GLASS_SPOT, bgr(70, 64, 58)), (MIRROR_SPOT, caps), (TROUSERS_SPOT, trousers),
        (HELMET_SPOT, helmet), (LAMP_SPOT, bgr(240, 240, 236)),
        (SIGN_SPOT, bgr(60, 200, 240) if livery.logo % 2 else bgr(40, 140, 250)),
    )  # fmt: skip
    for region, colour in colours:
        _area(atlas, region)[:] = np.clip(np.round(colour), 0, 255)
    _paint_wheel(_area(atlas, WHEEL), livery.wheel, livery.rim)
    _paint_wheel(_area(atlas, ODD_WHEEL), 6, 60.0)
    _paint_cargo(_area(atlas, CARGO), livery)
    if rider:
        _paint_jacket(_area(atlas, JACKET), livery, jacket, second)
    else:
        _paint_heap(_area(atlas, JACKET), livery)


def _area(atlas: Image, region: Region) -> Image:
    return atlas[region.y : region.y + region.height, region.x : region.x + region.width]


def _paint_wheel(image: Image, design: int, rim: float) -> None:
    """Paint a tyre with one of seven wheels: spokes, thin or thick, and discs."""
    middle = (image.shape[1] // 2, image.shape[0] // 2)
    image[:] = 24
    cv2.circle(image, middle, 28, (30, 30, 31), -1, cv2.LINE_AA)
    cv2.circle(image, middle, 20, (16, 16, 17), -1, cv2.LINE_AA)
    tone = (rim, rim, rim)
    if design in (2, 6):
        cv2.circle(image, middle, 19, tone, -1, cv2.LINE_AA)
        for k in range(8):
            angle = 2 * np.pi * k / 8
            cv2.circle(image, _at(middle, 14, angle), 2, (rim * 0.4,) * 3, -1, cv2.LINE_AA)
    else:
        cv2.circle(image, middle, 19, tone, 2, cv2.LINE_AA)
        count, wide = {0: (5, 5), 1: (10, 2), 3: (7, 4), 4: (6, 3), 5: (3, 7)}[design]
        for k in range(count):
            angle = 2 * np.pi * k / count + 0.6
            cv2.line(image, middle, _at(middle, 19, angle), tone, wide, cv2.LINE_AA)
    cv2.circle(image, middle, 5, (rim * 0.75,) * 3, -1, cv2.LINE_AA)


def _at(middle: tuple[int, int], reach: float, angle: float) -> tuple[int, int]:
    return round(middle[0] + reach * float(np.cos(angle))), round(middle[1] + reach * float(np.sin(angle)))


def _paint_cargo(image: Image, livery: Livery) -> None:
    """Paint boards, sheets, a tarpaulin with ropes, or a carton with a label."""
    rng = np.random.default_rng(livery.grain)
    grain = cv2.resize(
        rng.uniform(0.75, 1.2, (10, 10)).astype(np.float32), image.shape[1::-1], interpolation=cv2.INTER_CUBIC
    )
    image[:] = np.clip(livery.cargo * grain[..., None], 0, 255)
    dark = tuple(float(part) for part in livery.cargo * 0.5)
    style = livery.pattern % 4
    if style == 0:
        for row in range(6, 60, 9):
            cv2.line(image, (0, row), (60, row), dark, 2)
    elif style == 1:
        cv2.rectangle(image, (10, 14), (50, 42), tuple(float(part) for part in livery.accent), -1)
        cv2.rectangle(image, (16, 22), (44, 28), (240, 240, 240), -1)
    elif style == 2:
        for at in (12, 30, 48):
            cv2.line(image, (at, 0), (at - 6, 60), dark, 2, cv2.LINE_AA)
    else:
        cv2.line(image, (0, 0), (60, 60), tuple(float(part) for part in livery.other), 5, cv2.LINE_AA)


def _paint_jacket(image: Image, livery: Livery, jacket: Colour, second: Colour) -> None:
    """Paint a jacket from hem (below) to collar; the back is in the middle."""
    image[:] = np.clip(np.round(jacket), 0, 255)
    colour = tuple(float(part) for part in second)
    style = livery.layout % 4
    if style == 0:
        cv2.rectangle(image, (0, 0), (60, 20), colour, -1)
    elif style == 1:
        cv2.rectangle(image, (0, 26), (60, 34), (90, 240, 230), -1)
    elif style == 2:
        cv2.circle(image, (15, 24), 8, colour, -1, cv2.LINE_AA)


_HEAPS = (bgr(110, 140, 165), bgr(60, 75, 92), bgr(128, 130, 132), bgr(40, 62, 88), bgr(74, 110, 92))


def _paint_heap(image: Image, livery: Livery) -> None:
    """Paint sand, earth, gravel, bark or cuttings, in the place that motorcycles have for the jacket."""
    rng = np.random.default_rng(livery.grain)
    grain = cv2.resize(rng.uniform(0.6, 1.35, (20, 20)).astype(np.float32), image.shape[1::-1])
    image[:] = np.clip(_HEAPS[livery.pattern % len(_HEAPS)] * grain[..., None], 0, 255)
