"""A folder of images without identities: to learn from a teacher, not to be evaluated."""

from pathlib import Path

import numpy as np

from training.datasets.base import UNKNOWN_CAMERA, UNKNOWN_IDENTITY, ImageSet, ReidData
from training.datasets.format import DatasetFormat
from training.datasets.images import images_anywhere
from training.datasets.left_out import LeftOut
from training.datasets.listing import Listing, Parts

WHOLE = "whole"


def load(folder: Path, variant: str) -> Listing:
    """Every image below the folder, at any depth, to train on; no query and no gallery."""
    left_out = LeftOut("images")
    names = list(images_anywhere(folder, "", left_out))
    images = ImageSet.of(folder, [(name, UNKNOWN_IDENTITY, UNKNOWN_CAMERA) for name in names])
    return Listing("images", {WHOLE: images}, _decide, left_out.notes())


def _decide(parts: Parts) -> ReidData:
    images = parts[WHOLE]
    nothing = images.select(np.zeros(0, np.int64))
    return ReidData("images", images, nothing, nothing)


def recognises(folder: Path) -> bool:
    """Any folder with an image somewhere below it; so it is never guessed, only asked for by name."""
    return folder.is_dir() and any(True for _ in images_anywhere(folder, "", LeftOut("images")))


FORMAT = DatasetFormat(name="images", layout="images at any depth, of whatever names", recognises=recognises, load=load)
