"""Fronts of houses as images: walls, windows, shutters, shops, arcades, and what weather left on them."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.camera.spec import Surroundings

BAY_M, STOREY_M = 3.0, 3.3
_BAY_PX, _STOREY_PX = 60, 66
Wall = NDArray[np.float32]

_WALLS: dict[Surroundings, tuple[tuple[int, int, int], ...]] = {
    "old-town": ((96, 148, 196), (88, 126, 190), (118, 170, 208), (104, 118, 172), (148, 186, 208), (128, 158, 178)),
    "suburb": ((78, 94, 146), (176, 186, 192), (100, 116, 150), (150, 172, 186), (196, 202, 204)),
    "open-road": ((150, 160, 166), (96, 104, 120)),
    "commercial": ((158, 160, 158), (176, 150, 118), (122, 124, 126), (196, 198, 196), (104, 108, 138)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """A painted wall. image: (H, W, 3) uint8 by day. lights: (H, W) bool, windows with light behind them at night."""

    image: Image
    lights: NDArray[np.bool_]


@cache
def paint_front(surroundings: Surroundings, variant: int, bays: int, floors: int) -> Front:
    """Paint the front of one house of a place; the same arguments give the same image."""
    rng = np.random.default_rng((variant, bays, floors, len(surroundings)))
    height, width = floors * _STOREY_PX, bays * _BAY_PX
    base = np.array(_WALLS[surroundings][variant % len(_WALLS[surroundings])], np.float32) * rng.uniform(0.85, 1.08)
    wall = np.empty((height, width, 3), np.float32)
    wall[:] = base
    lights = np.zeros((height, width), bool)
    _age(wall, surroundings == "suburb" and base[2] > 1.4 * base[0], rng)
    shutter = np.array(((62, 84, 52), (52, 66, 92), (70, 70, 66))[int(rng.integers(3))], np.float32)
    glass_front = surroundings == "commercial" and rng.random() < 0.5
    for floor in range(floors):
        top = (floors - 1 - floor) * _STOREY_PX
        if floor == 0 and surroundings == "old-town":
            _paint_arcade(wall[top:], base, bays, rng)
        elif floor == 0 and (surroundings == "commercial" or (surroundings == "suburb" and rng.random() < 0.25)):
            _paint_shops(wall[top:], lights[top:], bays, rng)
        elif glass_front:
            _paint_band(wall, lights, top, bays, rng)
        else:
            for bay in range(bays):
                if rng.random() < 0.94:
                    _paint_window(wall, lights, (bay * _BAY_PX, top), base, shutter, surroundings, rng)
        wall[top : top + 3] *= 1.06 if surroundings == "old-town" else 0.97
    wall[:5] *= 0.72  # the shade of the eaves
    wall[5:9] *= 0.88
    return Front(np.asarray(np.clip(wall, 0, 255), np.uint8), lights)


def _age(wall: Wall, brick: bool, rng: np.random.Generator) -> None:
    """Paint grain, blotches, streaks of rain, and courses of bricks, in place."""
    height, width = wall.shape[:2]
    for cells, strength in ((height // 2, 4.0), (9, 7.0), (3, 8.0)):
        coarse = rng.standard_normal((max(2, cells), max(2, cells * width // height), 1)).astype(np.float32)
        wall += strength * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    streaks = cv2.GaussianBlur(rng.standard_normal((1, width)).astype(np.float32), (0, 0), 2.0)
    fall = np.linspace(1, 0.2, height, dtype=np.float32)[:, None]
    wall -= 9 * np.clip(streaks * fall, 0, 3)[..., None]
    wall[-26:] -= np.linspace(0, 16, 26, dtype=np.float32)[:, None, None]  # splashes from the road
    if brick:
        wall[::4] += 14
        wall[rng.integers(0, height, height // 3)] -= 7


def _paint_window(
    wall: Wall, lights: NDArray[np.bool_], corner: tuple[int, int], base: Wall, shutter: Wall,
    surroundings: Surroundings, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Paint one window, at times with shutters, a balcony, or a blind half down."""
    wide, tall = (24, 42) if surroundings == "old-town" else (int(rng.choice([26, 38])), 34)
    x, y = corner[0] + (_BAY_PX - wide) // 2, corner[1] + 13
    wall[y - 4 : y + tall + 4, x - 4 : x + wide + 4] = np.minimum(base * 1.18 + 14, 240)
    wall[y + tall + 3 : y + tall + 6, x - 6 : x + wide + 6] *= 0.8
    _glaze(wall[y : y + tall, x : x + wide], rng)
    lights[y : y + tall, x : x + wide] = rng.random() < 0.28
    closed = surroundings == "old-town" and rng.random() < 0.35
    if surroundings == "old-town":
        slats = np.where(np.arange(tall) % 4 < 2, 0.8, 1.08).astype(np.float32)[:, None, None]
        if closed:
            wall[y : y + tall, x : x + wide] = shutter * slats
            lights[y : y + tall, x : x + wide] = False
        else:
            for left in (x - 11, x + wide + 1):
                wall[y : y + tall, left : left + 10] = shutter * slats
    elif rng.random() < 0.4:
        down = int(rng.uniform(0.2, 0.8) * tall)
        wall[y : y + down, x : x + wide] = rng.uniform(120, 205)
    if rng.random() < (0.16 if surroundings == "old-town" else 0.05):
        wall[y + tall - 10 : y + tall + 7, x - 10 : x + wide + 10 : 3] *= 0.45
        wall[y + tall + 6 : y + tall + 10, x - 12 : x + wide + 12] *= 0.6


def _glaze(pane: Wall, rng: np.random.Generator) -> None:
    """Paint glass: the sky above, the houses opposite below, curtains, a frame."""
    tall, wide = pane.shape[:2]
    sky = rng.uniform(35, 150)
    pane[:] = np.linspace(sky, rng.uniform(18, 60), tall, dtype=np.float32)[:, None, None]
    pane += np.array((8, 2, -4), np.float32)
    if rng.random() < 0.5:
        pane[int(tall * rng.uniform(0.3, 0.8)) :] *= 0.6
    if rng.random() < 0.4:
        curtain = int(wide * rng.uniform(0.15, 0.4))
        pane[:, :curtain] = pane[:, :curtain] * 0.4 + 105
        pane[:, -curtain:] = pane[:, -curtain:] * 0.4 + 100
    frame = rng.uniform(140, 225)
    pane[:, wide // 2 - 1 : wide // 2 + 1] = frame
    pane[tall // 3 : tall // 3 + 2] = frame
    pane[:2], pane[-2:], pane[:, :2], pane[:, -2:] = frame, frame, frame, frame


def _paint_band(wall: Wall, lights: NDArray[np.bool_], top: int, bays: int, rng: np.random.Generator) -> None:
    """Paint a storey of offices: a band of glass."""
    band = slice(top + 10, top + 46)
    for column in range(0, bays * _BAY_PX, 20):
        pane = wall[band, column + 1 : column + 19]
        pane[:] = np.linspace(rng.uniform(60, 150), rng.uniform(40, 80), 36, dtype=np.float32)[:, None, None]
        pane += np.array((16, 6, -6), np.float32)
        lights[band, column + 1 : column + 19] = rng.random() < 0.3


def _paint_arcade(wall: Wall, base: Wall, bays: int, rng: np.random.Generator) -> None:
    """Paint arches on pillars before a shaded walk with shops."""
    arch = np.zeros(wall.shape[:2], np.uint8)
    for bay in range(bays):
        middle = bay * _BAY_PX + _BAY_PX // 2
        cv2.ellipse(arch, (middle, 30), (23, 21), 0, 180, 360, 255, -1)
        arch[30:, middle - 23 : middle + 23] = 255
    inside = np.empty_like(wall)
    inside[:] = base * 0.24
    for bay in range(bays):
        left = bay * _BAY_PX + int(rng.integers(8, 22))
        inside[28:, left : left + 26] = rng.uniform(30, 150) * np.array(rng.uniform(0.7, 1.2, 3), np.float32) * 0.7
    wall[arch > 0] = inside[arch > 0]
    rim = cv2.dilate(arch, np.ones((5, 5), np.uint8)) - arch
    wall[rim > 0] = np.minimum(wall[rim > 0] * 1.12 + 8, 235)
    wall[-5:, ::1] *= 0.85


def _paint_shops(wall: Wall, lights: NDArray[np.bool_], bays: int, rng: np.random.Generator) -> None:
    """Paint shop windows under signs and awnings, or roller gates."""
    for bay in range(0, bays, 2):
        left, right = bay * _BAY_PX + 4, min((bay + 2) * _BAY_PX, bays * _BAY_PX) - 4
        colour = np.array(rng.uniform(30, 220, 3), np.float32)
        if rng.random() < 0.25:
            wall[14:, left:right] = np.where(np.arange(wall.shape[0] - 14) % 5 < 2, 105, 132)[:, None, None]
            continue
        wall[18:, left:right] = rng.uniform(24, 70)
        for column in range(left + 4, right - 8, 10):
            goods = rng.uniform(20, 190, 3)
            wall[int(rng.integers(26, 48)) : 60, column : column + 8] = goods
        lights[18:60, left:right] = rng.random() < 0.6
        wall[2:17, left:right] = colour
        ink = 255 - colour if abs(colour.mean() - 128) > 40 else np.float32(240)
        for x in range(left + 12, right - 14, int(rng.integers(6, 9))):
            if rng.random() < 0.85:
                wall[6 : 6 + int(rng.integers(5, 9)), x : x + int(rng.integers(2, 5))] = ink
        if rng.random() < 0.3:
            stripes = (np.arange(right - left) // 6 % 2).astype(np.float32)[None, :, None]
            wall[17:27, left:right] = colour * stripes + 225 * (1 - stripes)


@cache
def paint_roof(variant: int) -> Image:
    """Paint tiles or slates, (128, 128, 3)."""
    rng = np.random.default_rng(variant)
    base = np.array(((72, 96, 158), (84, 104, 150), (92, 90, 90), (78, 86, 108))[variant % 4], np.float32)
    rows = np.where(np.arange(128) % 8 < 2, 0.78, 1.0).astype(np.float32)[:, None, None]
    tone = 1 + 0.12 * rng.standard_normal((32, 32)).astype(np.float32)
    return np.asarray(np.clip(base * rows * cv2.resize(tone, (128, 128))[..., None], 0, 255), np.uint8)
