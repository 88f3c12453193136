"""Boxes, labels and colours that are drawn into images of vehicles."""

import cv2
import numpy as np

from ingest.frame import Image

FONT = cv2.FONT_HERSHEY_SIMPLEX
GRAY = (150, 150, 150)
INK = (235, 235, 235)
PAPER = (28, 28, 28)
_DARK = (20, 20, 20)
TEXT_SCALE = 0.5


def colour_of(identity: str) -> tuple[int, int, int]:
    """A BGR colour of its own for every identity: neighbours in number are far apart in hue."""
    number = int(identity.rpartition("-")[2] or 0)
    hue = round(number * 0.618034 * 180) % 180
    blue, green, red = cv2.cvtColor(np.array([[[hue, 190, 255]]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0].tolist()
    return blue, green, red


SMALL_PX = 640
"""Images narrower than this get smaller labels."""


def draw_box(image: Image, box: tuple[int, int, int, int], label: str, colour: tuple[int, int, int]) -> None:
    """Draw a box, xyxy pixels, into an image, and its label above it, if it has one."""
    left, top, right, bottom = box
    cv2.rectangle(image, (left, top), (right, bottom), colour, 2)
    if label:
        scale, strokes = (0.6, 2) if image.shape[1] >= SMALL_PX else (0.4, 1)
        height = round(scale * 33)
        (width, _), _ = cv2.getTextSize(label, FONT, scale, strokes)
        begin = max(0, min(left, image.shape[1] - width - 6))  # whole, also at the right edge
        cv2.rectangle(image, (begin, max(top - height, 0)), (begin + width + 6, max(top, height)), colour, -1)
        cv2.putText(image, label, (begin + 3, max(top, height) - 5), FONT, scale, _DARK, strokes, cv2.LINE_AA)


def draw_text(
    image: Image, text: str, at: tuple[int, int], colour: tuple[int, int, int], *, within: int | None = None
) -> None:
    """Write a line of text into an image, its lower left corner at a pixel; smaller to keep `within` so many pixels."""
    (width, _), _ = cv2.getTextSize(text, FONT, TEXT_SCALE, 1)
    scale = TEXT_SCALE if within is None or width <= within else TEXT_SCALE * within / width
    cv2.putText(image, text, at, FONT, scale, colour, 1, cv2.LINE_AA)


def draw_name(image: Image, name: str) -> None:
    """Write a camera's name into the upper left corner, on a ground of its own: what is behind it may be as bright."""
    (width, height), below = cv2.getTextSize(name, FONT, TEXT_SCALE, 1)
    cv2.rectangle(image, (0, 0), (min(width + 20, image.shape[1]), height + below + 12), PAPER, -1)
    draw_text(image, name, (10, height + 8), INK, within=image.shape[1] - 20)
