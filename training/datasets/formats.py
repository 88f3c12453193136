"""What is known of a published data set beside its files, and what every loader does with names and counts."""

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.errors import ConfigError
from training.datasets.base import UNKNOWN_IDENTITY, ImageSet, ReidData

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DatasetFormat:
    """A kind of data set: how its folder looks, who gives it out, and how it is read.

    `load` is called with the folder and a variant, one of `variants`; the first of them is what a user gets who names
    none. `recognises` tells the folder by its layout. `layout` and `ask_at` are words for the operator.
    """

    name: str
    layout: str
    recognises: Callable[[Path], bool]
    load: Callable[[Path, str], ReidData]
    variants: tuple[str, ...] = ("",)
    ask_at: str = ""


def by_name_pattern(root: Path, names: Iterable[str], pattern: re.Pattern[str], what: str) -> ImageSet:
    """Images whose file name tells `identity` and `camera` (groups of the pattern); others are told of and left out."""
    rows, odd = [], []
    for name in names:
        match = pattern.match(name.rpartition("/")[2])
        if match is None:
            odd.append(name)
        else:
            rows.append((name, match["identity"], match["camera"]))
    if odd:
        logger.warning("%s: left out %d files with names of another form, such as '%s'", what, len(odd), odd[0])
    return ImageSet.of(root, rows)


def read_lines(path: Path) -> list[list[str]]:
    """The words of every line that has some; raises ConfigError where the file cannot be read."""
    try:
        return [words for line in path.read_text().splitlines() if (words := line.split())]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the list {path} cannot be read: {error}") from error


def existing(root: Path, rows: Iterable[tuple[str, str, str]], what: str) -> list[tuple[str, str, str]]:
    """The rows of a list whose files are there; the others are told of once. One look at every folder, not file."""
    listed = list(rows)
    folders = {name.rpartition("/")[0] for name, _, _ in listed}
    there = {
        f"{folder}/{entry.name}" if folder else entry.name
        for folder in folders
        if (root / folder).is_dir()
        for entry in (root / folder).iterdir()
    }
    gone = [name for name, _, _ in listed if name not in there]
    if gone:
        logger.warning("%s: left out %d listed images that are not there, such as '%s'", what, len(gone), gone[0])
    return [row for row in listed if row[0] in there]


def compare_counts(what: str, images: ImageSet, published: tuple[int, int]) -> tuple[str, ...]:
    """A note, and a warning, where (images, identities) differ from the published ones; releases do differ."""
    found = (len(images), len(np.unique(images.identities)))
    if found == published:
        return ()
    note = f"{what}: {found[0]} images of {found[1]} identities; published are {published[0]} of {published[1]}"
    logger.warning("%s", note)
    return (note,)


def single_image_identities(name: str, train: ImageSet) -> tuple[str, ...]:
    """A note, and a warning, where identities to be trained on have one image only."""
    identities, counts = np.unique(train.identities, return_counts=True)
    alone = identities[(counts == 1) & (identities != UNKNOWN_IDENTITY)]
    if not len(alone):
        return ()
    note = f"{name}: {len(alone)} of {len(identities)} identities to train on have one image only, such as '{alone[0]}'"
    logger.warning("%s", note)
    return (note,)
