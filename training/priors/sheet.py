"""A sheet of images with their priors drawn in, for the eye; crops show plates, so it is not for publishing."""

import cv2
import numpy as np
from numpy.typing import NDArray

from embed.priors import Prior
from ingest.frame import Image
from training.datasets.base import ImageSet
from training.datasets.images import read_image
from training.priors.cache import PriorCache

CELL_PX = 112
COLUMNS = 16
BOX_BGR = (60, 220, 60)
MISSED_BGR = (40, 40, 230)
OUTSIDE = 0.35
"""Brightness of an image outside its mask."""


def prior_sheet(images: ImageSet, cache: PriorCache, rng: np.random.Generator, most: int = 160) -> Image:
    """Up to `most` images: those without a vehicle first, framed red, up to a quarter; then others at random."""
    missed = set(cache.missed)
    readable = [row for row in range(len(images)) if not cache.stored[str(images.names[row])].unreadable]
    rows = np.array(readable, np.int64)[rng.permutation(len(readable))]
    without = np.array([str(images.names[row]) in missed for row in rows], np.bool_)
    chosen = [*rows[without][: most // 4], *rows[~without]][:most]
    cells = [draw(read_image(images.path(row)), cache[str(images.names[row])]) for row in chosen]
    height = -(-len(cells) // COLUMNS) * CELL_PX
    sheet = np.zeros((max(height, CELL_PX), COLUMNS * CELL_PX, 3), np.uint8)
    for place, cell in enumerate(cells):
        top, left = place // COLUMNS * CELL_PX, place % COLUMNS * CELL_PX
        sheet[top : top + CELL_PX, left : left + CELL_PX] = cell
    return sheet


def draw(image: Image, prior: Prior | None) -> NDArray[np.uint8]:
    """(CELL_PX, CELL_PX, 3) the image, darker outside the mask, with the box; a red frame where there is none."""
    side = CELL_PX - 4
    tile = np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    if prior is not None and prior.mask is not None:
        mask = cv2.resize(prior.mask.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
        tile = np.where(mask[:, :, None] > 0, tile, (tile * OUTSIDE).astype(np.uint8))
    cell = np.zeros((CELL_PX, CELL_PX, 3), np.uint8)
    cell[2:-2, 2:-2] = tile
    if prior is None:
        cv2.rectangle(cell, (1, 1), (CELL_PX - 2, CELL_PX - 2), MISSED_BGR, 2)
    else:
        left, top, right, bottom = (round(float(share) * (side - 1)) + 2 for share in prior.box)
        cv2.rectangle(cell, (left, top), (right, bottom), BOX_BGR, 1)
    return cell
