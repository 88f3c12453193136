"""Frames as JPEG, for cameras whose video no browser plays."""

import cv2
import numpy as np

from ingest.frame import Image

WIDTH = 960
"""Pixels; larger frames are made smaller."""
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 75]


def jpeg_of(image: Image) -> bytes:
    """A frame as JPEG, at most WIDTH wide."""
    height, width = image.shape[:2]
    if width > WIDTH:
        image = np.asarray(cv2.resize(image, (WIDTH, round(height * WIDTH / width))), np.uint8)
    _, encoded = cv2.imencode(".jpg", image, JPEG)
    return bytes(encoded)
