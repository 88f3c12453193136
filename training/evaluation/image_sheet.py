"""Images in rows and columns with words above, as figures are made of."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ingest.errors import ConfigError
from ingest.frame import Image

CELL_PX = 128
GAP_PX = 4
HEAD_PX = 22
TEXT_HEIGHT = 0.42
PAPER, INK = (255, 255, 255), (40, 40, 40)


def cell(image: Image) -> Image:
    """(CELL_PX, CELL_PX, 3) the image at its own aspect ratio, in the middle of white."""
    scale = CELL_PX / max(image.shape[:2])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    out = np.full((CELL_PX, CELL_PX, 3), PAPER, np.uint8)
    top, left = (CELL_PX - size[1]) // 2, (CELL_PX - size[0]) // 2
    out[top : top + size[1], left : left + size[0]] = resized
    return out


def framed(image: Image, colour_bgr: tuple[int, int, int]) -> Image:
    """A cell with a frame around it."""
    out = cell(image)
    cv2.rectangle(out, (2, 2), (CELL_PX - 3, CELL_PX - 3), colour_bgr, 5)
    return out


def make_sheet(heads: Sequence[str], rows: Sequence[Sequence[Image]]) -> Image:
    """Cells in rows, which may be of different length, below the words of their columns."""
    columns, step = len(heads), CELL_PX + GAP_PX
    sheet = np.full((HEAD_PX + len(rows) * step, columns * step + GAP_PX, 3), PAPER, np.uint8)
    for column, head in enumerate(heads):
        place = (GAP_PX + column * step, HEAD_PX - 7)
        cv2.putText(sheet, head, place, cv2.FONT_HERSHEY_SIMPLEX, TEXT_HEIGHT, INK, 1, cv2.LINE_AA)
    for row, cells in enumerate(rows):
        for column, each in enumerate(cells):
            top, left = HEAD_PX + row * step, GAP_PX + column * step
            sheet[top : top + CELL_PX, left : left + CELL_PX] = each
    return sheet


def write_sheet(path: Path, sheet: Image) -> None:
    """Write a sheet as PNG; raises ConfigError."""
    _, png = cv2.imencode(".png", sheet)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png.tobytes())
    except OSError as error:
        raise ConfigError(f"cannot write the figure {path}: {error.strerror}") from error
