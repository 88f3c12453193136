"""A folder of images of vehicles that nobody has told apart: to learn from a teacher, not to be evaluated."""

from pathlib import Path

import numpy as np

from training.datasets.base import UNKNOWN_CAMERA, UNKNOWN_IDENTITY, ImageSet, ReidData
from training.datasets.formats import DatasetFormat
from training.datasets.images import is_image


def load(folder: Path, variant: str) -> ReidData:
    """Every image below the folder, at any depth, to train on; no query and no gallery."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if is_image(path.name)]
    images = ImageSet.of(folder, [(name, UNKNOWN_IDENTITY, UNKNOWN_CAMERA) for name in names])
    nothing = images.select(np.zeros(0, np.int64))
    return ReidData("images", images, nothing, nothing)


def recognises(folder: Path) -> bool:
    """Any folder with an image somewhere below it; so it is never guessed, only asked for by name."""
    return folder.is_dir() and any(is_image(path.name) for path in folder.rglob("*"))


FORMAT = DatasetFormat(name="images", layout="images at any depth, of whatever names", recognises=recognises, load=load)
