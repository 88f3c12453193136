"""A query by an image of one's own: the configured detector and encoder look at it as at a frame."""

import logging

import numpy as np
from numpy.typing import NDArray

from deploy.search.asking import Query
from deploy.site.config import Config
from deploy.site.wiring import make_detector, make_vehicle_encoder
from detect.boxes import areas
from detect.registry import FOUNDATION
from ingest.errors import ConfigError
from ingest.frame import ClockQuality, Frame, Image

logger = logging.getLogger(__name__)

Box = tuple[float, float, float, float]
"""Left, top, width and height, pixels."""


def image_query(
    config: Config, image: Image, name: str, box_xywh: Box | None, *, option: str = "--box"
) -> tuple[Query, NDArray[np.float32]]:
    """The query of the vehicle in an image, and the box in which it was looked at: xyxy pixels.

    It is the vehicle in a given box, or the largest that the detector finds. name, option: the image, and the way to
    give a box, in messages. Raises ConfigError where there is no vehicle.
    """
    box = _found(config, name, image, option) if box_xywh is None else _given(name, image, box_xywh, option)
    encoder = make_vehicle_encoder(config.embed, config.detect, config.foundation)
    return Query(vectors=encoder([image], box[None]), encoder=encoder.id), box


def _given(name: str, image: Image, box_xywh: Box, option: str) -> NDArray[np.float32]:
    left, top, width, height = box_xywh
    box = np.array([left, top, left + width, top + height], np.float32)
    inside = np.clip(box, 0, [image.shape[1], image.shape[0]] * 2)
    if not np.isfinite(box).all() or (inside[2:] - inside[:2] < 4).any():
        raise ConfigError(
            f"{option} {left:g},{top:g},{width:g},{height:g} has less than 4 pixels inside {name} of "
            f"{image.shape[1]}x{image.shape[0]} (x,y,w,h in pixels)"
        )
    return np.asarray(inside, np.float32)


def _found(config: Config, name: str, image: Image, option: str) -> NDArray[np.float32]:
    """The largest vehicle in an image, xyxy pixels."""
    offer = f"(say where it is: {option} x,y,w,h)"
    if config.detect.detector in FOUNDATION:
        raise ConfigError(f"{config.detect.detector} is not started for a single image {offer}")
    found = make_detector(config.detect)(Frame("", 0, 0, ClockQuality.FILE, image))
    if not len(found):
        raise ConfigError(f"{config.detect.detector} finds no vehicle in {name} {offer}")
    if len(found) > 1:
        logger.warning("%d vehicles are in %s; the largest is searched for %s", len(found), name, offer)
    return np.asarray(found.boxes[int(areas(found.boxes).argmax())], np.float32)
