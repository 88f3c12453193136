"""Facts of a published data set beside its files, and what every loader does with names and counts."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.errors import ConfigError
from training.datasets.base import UNKNOWN_IDENTITY, ImageSet
from training.datasets.left_out import LeftOut, Reason
from training.datasets.listing import Listing
from training.datasets.names import shown

ImageRow = tuple[str, str, str]
"""Name, identity, camera."""


@dataclass(frozen=True, slots=True)
class DatasetFormat:
    """A kind of data set: how its folder looks, who gives it out, and how it is read.

    `load` is called with the folder and a variant, one of `variants`; the first of them is what a user gets who names
    none. `recognises` tells the folder by its layout. `layout` and `ask_at` are words for the operator.
    """

    name: str
    layout: str
    recognises: Callable[[Path], bool]
    load: Callable[[Path, str], Listing]
    variants: tuple[str, ...] = ("",)
    ask_at: str = ""


def by_name_pattern(root: Path, names: Iterable[str], pattern: re.Pattern[str], left_out: LeftOut) -> ImageSet:
    """Images whose file name tells `identity` and `camera` (groups of the pattern); others are counted."""
    rows = []
    for name in names:
        match = pattern.match(name.rpartition("/")[2])
        if match is None:
            left_out.add(Reason.NAME, [name])
        else:
            rows.append((name, match["identity"], match["camera"]))
    return ImageSet.of(root, rows)


def split_lines(text: str, left_out: LeftOut) -> list[tuple[str, str]]:
    """Name and identity of every line `NAME IDENTITY`, the name with its blanks; others but blank lines are counted."""
    rows = []
    for line in text.splitlines():
        words = line.rsplit(maxsplit=1)
        if len(words) == 2:
            rows.append((words[0].strip(), words[1]))
        elif words:
            left_out.add(Reason.LINE, [line])
    return rows


def existing(root: Path, rows: Iterable[ImageRow], left_out: LeftOut) -> list[ImageRow]:
    """The rows of a list whose files are there; others are counted. One look at every folder, not file.

    A name that is not there is tried without the blanks around it.
    """
    listed = list(rows)
    folders = {name.rpartition("/")[0] for name in {spelt for row in listed for spelt in (row[0], row[0].strip())}}
    there = {f"{folder}/{name}" if folder else name for folder in folders for name in _entries(root / folder)}
    found = []
    for name, identity, camera in listed:
        spelt = name if name in there else name.strip()
        if spelt in there:
            found.append((spelt, identity, camera))
        else:
            left_out.add(Reason.GONE, [name])
    return found


def _entries(folder: Path) -> list[str]:
    """The names in a folder; none where there is no such folder, raises ConfigError where it may not be looked into."""
    try:
        return [entry.name for entry in folder.iterdir()]
    except PermissionError as error:
        raise ConfigError(f"the folder {shown(folder)} cannot be read: {error.strerror}") from error
    except OSError:
        return []


def compare_counts(what: str, images: ImageSet, published: tuple[int, int]) -> tuple[str, ...]:
    """A note where (images, identities) differ from the published ones; releases do differ."""
    found = (len(images), len(np.unique(images.identities)))
    if found == published:
        return ()
    return (f"{what}: {found[0]} images of {found[1]} identities; published are {published[0]} of {published[1]}",)


def single_image_identities(name: str, train: ImageSet) -> tuple[str, ...]:
    """A note where identities to be trained on have one image only."""
    identities, counts = np.unique(train.identities, return_counts=True)
    alone = identities[(counts == 1) & (identities != UNKNOWN_IDENTITY)]
    if not len(alone):
        return ()
    example = shown(alone[0])
    return (
        f"{name}: {len(alone)} of {len(identities)} identities to train on have one image only, such as '{example}'",
    )
