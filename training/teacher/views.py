"""Views of an image that a teacher sees; needs no torch, so that what only measures can use them as well."""

import cv2
import numpy as np

from ingest.frame import Image

RIM = 16
"""Part of an image's sides that is its rim."""

SMALL_PX = 64


def views(image: Image) -> list[Image]:
    """An image (H, W, 3) whole, small, and without its rim, and the mirror image of each.

    What a teacher says of all of them is surer than what it says of one: the mean over the six is right more often,
    and it is what a pupil has to say of an image that is resized, moved and mirrored at random.
    """
    height, width = image.shape[:2]
    down, right = height // RIM, width // RIM
    small = np.asarray(cv2.resize(image, (SMALL_PX, SMALL_PX), interpolation=cv2.INTER_AREA), np.uint8)
    inner = image[down : height - down, right : width - right]
    return [np.ascontiguousarray(turned) for view in (image, small, inner) for turned in (view, view[:, ::-1])]
