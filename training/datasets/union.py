"""Several data sets as one to train on; a vehicle of one is never a vehicle of another."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.datasets.base import UNKNOWN_IDENTITY, ImageSet


def united(sets: Sequence[ImageSet]) -> ImageSet:
    """The images of several sets, one set after another, below the folder that all have in common.

    Of several sets, identities and cameras begin with the set's number, `1/` on, so that none are shared; images
    without an identity stay without. The column `set` has the set's number, from 0 on.
    """
    numbers = np.repeat(np.arange(len(sets)), [len(images) for images in sets])
    if len(sets) == 1:
        (images,) = sets
        return ImageSet(images.root, images.names, images.identities, images.cameras, {"set": numbers})
    roots = [images.root.resolve() for images in sets]
    common = Path(os.path.commonpath(roots))
    names, identities, cameras = [], [], []
    for number, (images, root) in enumerate(zip(sets, roots, strict=True), 1):
        below = root.relative_to(common).as_posix()
        names += [f"{below}/{name}" for name in images.names.tolist()]
        identities += [f"{number}/{each}" if each != UNKNOWN_IDENTITY else each for each in images.identities.tolist()]
        cameras += [f"{number}/{camera}" if camera else camera for camera in images.cameras.tolist()]
    text = [np.array(column, np.str_) for column in (names, identities, cameras)]
    return ImageSet(common, text[0], text[1], text[2], {"set": numbers})
