"""A set with one image from each of two cameras: `<type>_<id>_cam<k>.jpg`, identities numbered within their type."""

import re
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError
from training.datasets.base import ImageSet, ReidData
from training.datasets.format import DatasetFormat, by_name_pattern
from training.datasets.images import images_right_in, list_images
from training.datasets.left_out import LeftOut
from training.datasets.listing import Listing, Parts

NAME = re.compile(r"(?P<identity>(?P<kind>[a-z]+)_\w+)_cam(?P<camera>[12])\.")
FOLDS = 5
TWO_WHEELED = "motorcycle"


WHOLE = "whole"


def load(folder: Path, variant: str) -> Listing:
    """Load everything to train on, with camera 1 as queries in all of camera 2.

    With variant `fold1` to `fold5` a fifth of the identities is held out: not trained on, and the only queries. The
    gallery stays whole, so that pooled over the folds every query is asked once and among all.
    """
    left_out = LeftOut("two-camera")
    images = by_name_pattern(folder, images_right_in(folder, "", left_out), NAME, left_out)
    return Listing("two-camera", {WHOLE: images}, partial(_decide, variant), left_out.notes())


def _decide(variant: str, parts: Parts) -> ReidData:
    images = parts[WHOLE]
    if variant:
        held_out = folds(images, np.random.default_rng(0))[int(variant.removeprefix("fold")) - 1]
    else:
        held_out = np.unique(images.identities)
    return split(images, held_out, variant)


def split(images: ImageSet, held_out: NDArray[np.str_], version: str) -> ReidData:
    """Queries are the held-out identities, training images all others, or all if there are no others."""
    asked = np.isin(images.identities, held_out)
    query = images.select(asked & (images.cameras == "1"))
    gallery = images.select(images.cameras == "2")
    train = images if asked.all() else images.select(~asked)
    kinds = _kinds(query)
    subsets = {str(kind): np.flatnonzero(kinds == kind).astype(np.int64) for kind in np.unique(kinds)}
    subsets["four wheels or more"] = np.flatnonzero(kinds != TWO_WHEELED).astype(np.int64)
    notes = ("two-camera: all that is asked is trained on as well; to measure, hold out a fold",) if asked.all() else ()
    return ReidData("two-camera", train, query, gallery, version=version, subsets=subsets, notes=notes)


def folds(images: ImageSet, rng: np.random.Generator, count: int = FOLDS) -> list[NDArray[np.str_]]:
    """The identities in `count` parts, every type dealt out evenly; raises ConfigError where there are too few."""
    identities, first = np.unique(images.identities, return_index=True)
    if len(identities) < 2 * count:
        raise ConfigError(f"{images.root}: {len(identities)} identities are too few for {count} folds")
    kinds = _kinds(images)[first]
    order = rng.permutation(len(identities))
    dealt = order[np.argsort(kinds[order], kind="stable")]
    return [np.sort(identities[dealt[start::count]]) for start in range(count)]


def _kinds(images: ImageSet) -> NDArray[np.str_]:
    return np.array([identity.partition("_")[0] for identity in images.identities.tolist()], np.str_)


def recognises(folder: Path) -> bool:
    """Recognise the data set by the names of its images, of which one will do."""
    return any(NAME.match(name) for name in list_images(folder))


FORMAT = DatasetFormat(
    name="two-camera",
    layout="images such as car_0003_cam1.jpg and car_0003_cam2.jpg",
    recognises=recognises,
    load=load,
    variants=("", *(f"fold{number + 1}" for number in range(FOLDS))),
    ask_at="https://github.com/Khoa-Nguyen-Truong/Vehicle-Re-ID-Dataset",
)
