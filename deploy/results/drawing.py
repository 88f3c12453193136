"""Boxes, labels and colours that are drawn into images of vehicles."""

import cv2
import numpy as np

from ingest.frame import Image

FONT = cv2.FONT_HERSHEY_SIMPLEX
GRAY = (150, 150, 150)
INK = (235, 235, 235)
PAPER = (28, 28, 28)
_DARK = (20, 20, 20)


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
        cv2.rectangle(image, (left, max(top - height, 0)), (left + width + 6, max(top, height)), colour, -1)
        cv2.putText(image, label, (left + 3, max(top, height) - 5), FONT, scale, _DARK, strokes, cv2.LINE_AA)


def draw_text(image: Image, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """Write a line of text into an image, its lower left corner at a pixel."""
    cv2.putText(image, text, at, FONT, 0.5, colour, 1, cv2.LINE_AA)
