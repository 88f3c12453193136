"""The images of a data set that can be used: those that decode, each of one vehicle."""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from posixpath import normpath

import cv2
import numpy as np

from ingest.errors import ConfigError, SourceError
from training.datasets.base import ImageSet
from training.datasets.images import decode, read_file
from training.datasets.left_out import LeftOut, Reason
from training.datasets.listing import Listing
from training.datasets.names import shown

logger = logging.getLogger(__name__)

READERS = 4

Labelled = tuple[str, str]
"""Name and identity of an image."""


def each_once(listing: Listing) -> dict[str, ImageSet]:
    """The parts without what they list a second time; raises ConfigError for an image of two vehicles."""
    two = _of_two_vehicles(listing.parts.values(), {name: normpath(name) for name in listing.paths()})
    if two:
        (one, of_one), (other, of_other) = two[0]
        raise ConfigError(
            f"{listing.name}: {len(two)} images are of two vehicles at once, such as '{shown(one)}' of "
            f"'{shown(of_one)}' and '{shown(other)}' of '{shown(of_other)}' (mend the list below {shown(listing.root)})"
        )
    parts, left_out = {}, LeftOut(listing.name)
    for part, images in listing.parts.items():
        _, firsts = np.unique(images.names, return_index=True)
        again = np.ones(len(images), np.bool_)
        again[firsts] = False
        left_out.add(Reason.TWICE, images.names[again].tolist())
        parts[part] = images.select(~again) if again.any() else images
    for note in left_out.notes():
        logger.warning("%s", note)
    return parts


def without_unreadable(listing: Listing) -> Listing:
    """The listing without images that do not decode, each of which is warned of; every file is read once.

    Files that are the same byte for byte and two vehicles' are warned of as well. Raises ConfigError where no image is
    left.
    """
    paths = listing.paths()
    with ThreadPoolExecutor(READERS) as pool:
        found = dict(zip(paths, pool.map(_look, paths.values()), strict=True))
    reasons = {name: look for name, look in found.items() if isinstance(look, str)}
    if reasons:
        if len(reasons) == len(paths):
            raise ConfigError(
                f"{listing.name}: none of the {len(paths)} images below {shown(listing.root)} can be read: "
                f"{next(iter(reasons.values()))}"
            )
        logger.warning("%s: %d images are left out because they cannot be read", listing.name, len(reasons))
        for why in reasons.values():
            logger.warning("  %s", why)
        listing = listing.without(frozenset(reasons))
    two = [pair for images in listing.parts.values() for pair in _of_two_vehicles([images], found)]
    if two:
        (one, of_one), (other, of_other) = two[0]
        logger.warning(
            "%s: %d files are copies of another vehicle's, such as '%s' of '%s' of '%s' of '%s' (one label is wrong)",
            *(listing.name, len(two), shown(other), shown(of_other), shown(one), shown(of_one)),
        )
    return listing


def _look(path: Path) -> str | bytes:
    """The reason why an image cannot be read, or a digest of its file; it is decoded at an eighth of its size."""
    try:
        data = read_file(path)
        decode(data, path, cv2.IMREAD_REDUCED_GRAYSCALE_8)
    except SourceError as error:
        return str(error)
    return hashlib.blake2b(data, digest_size=16).digest()


def _of_two_vehicles(
    parts: Iterable[ImageSet], key_of: Mapping[str, str] | Mapping[str, str | bytes]
) -> list[tuple[Labelled, Labelled]]:
    """Images that have the key of an earlier one and another identity, behind that one."""
    first: dict[str | bytes, Labelled] = {}
    found = []
    for images in parts:
        for name, identity in zip(images.names.tolist(), images.identities.tolist(), strict=True):
            before = first.setdefault(key_of[name], (name, identity))
            if before[1] != identity:
                found.append((before, (name, identity)))
    return found
