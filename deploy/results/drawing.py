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


def draw_box(image: Image, box: tuple[int, int, int, int], label: str, colour: tuple[int, int, int]) -> None:
    """Draw a box, xyxy pixels, into an image, and its label above it, if it has one."""
    left, top, right, bottom = box
    cv2.rectangle(image, (left, top), (right, bottom), colour, 2)
    if label:
        (width, _), _ = cv2.getTextSize(label, FONT, 0.6, 2)
        cv2.rectangle(image, (left, max(top - 20, 0)), (left + width + 6, max(top, 20)), colour, -1)
        cv2.putText(image, label, (left + 3, max(top - 5, 15)), FONT, 0.6, _DARK, 2, cv2.LINE_AA)


def draw_text(image: Image, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """Write a line of text into an image, its lower left corner at a pixel."""
    cv2.putText(image, text, at, FONT, 0.5, colour, 1, cv2.LINE_AA)
