"""A re-identification data set: three lists of images as columns, and how it is to be evaluated."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ConfigError
from training.datasets.names import encoded, shown

UNKNOWN_CAMERA = ""
"""The camera of an image nobody knows the camera of; it is the same camera as no other."""

UNKNOWN_IDENTITY = ""
"""Identity of an image whose vehicle is not labelled."""

UNLABELLED = -1
"""The label of an image without an identity."""


class Protocol(StrEnum):
    """Protocol by which query and gallery are compared.

    IMAGE_TO_IMAGE: every query against the whole gallery, images of the same vehicle by the same camera left out.
    TEN_TRIALS: VehicleID's: of each identity one image at random is the gallery and the rest are queries, ten times;
    query and gallery of the data set are then the same images.
    """

    IMAGE_TO_IMAGE = "image-to-image"
    TEN_TRIALS = "ten-trials"


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """N images of vehicles below one folder.

    `names` (N,) paths below `root` with '/' in them; `identities` (N,) whose image it is; `cameras` (N,), which may
    be UNKNOWN_CAMERA; all three strings. `extra` has further columns of N by name, as the data set has them.
    """

    root: Path
    names: NDArray[np.str_]
    identities: NDArray[np.str_]
    cameras: NDArray[np.str_]
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(column) for column in (self.names, self.identities, self.cameras, *self.extra.values())}
        if len(lengths) > 1:
            raise ValueError(f"columns of different length: {sorted(lengths)}")

    @classmethod
    def of(cls, root: Path, rows: Iterable[tuple[str, str, str]]) -> Self:
        """Build from rows of (name, identity, camera), sorted by name."""
        ordered = sorted(rows)
        names, identities, cameras = zip(*ordered, strict=True) if ordered else ((), (), ())
        return cls(root, np.array(names, np.str_), np.array(identities, np.str_), np.array(cameras, np.str_))

    def __len__(self) -> int:
        return len(self.names)

    def path(self, row: int) -> Path:
        """The file of an image."""
        return self.root / str(self.names[row])

    def select(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> "ImageSet":
        """The images of a boolean mask or of row numbers, in that order."""
        extra = {name: column[rows] for name, column in self.extra.items()}
        return ImageSet(self.root, self.names[rows], self.identities[rows], self.cameras[rows], extra)


def concatenated(sets: Sequence[ImageSet]) -> ImageSet:
    """The images of several sets below the same folder, one after another, without their further columns."""
    return ImageSet(
        sets[0].root,
        np.concatenate([images.names for images in sets]),
        np.concatenate([images.identities for images in sets]),
        np.concatenate([images.cameras for images in sets]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class ReidData:
    """A data set as it is trained on and evaluated.

    `version` tells releases and splits of the same name apart ("v1 train+val"). `subsets` are rows of `query` to be
    evaluated each on its own as well, by name: all of them against the whole gallery, or in TEN_TRIALS among
    themselves. `notes` are lines about what was found, for reports.
    """

    name: str
    train: ImageSet
    query: ImageSet
    gallery: ImageSet
    protocol: Protocol = Protocol.IMAGE_TO_IMAGE
    version: str = ""
    subsets: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def fingerprint(self) -> "Fingerprint":
        """Fingerprint of all its files."""
        return fingerprint(self.train, self.query, self.gallery)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Files that a figure was computed on: their number, and a hash of their names and sizes."""

    files: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.files} files, {self.sha256[:12]}"


def fingerprint(*sets: ImageSet) -> Fingerprint:
    """Fingerprint the files of some sets, each counted once, whatever their root; raises ConfigError if one is gone."""
    digest = hashlib.sha256()
    sizes: dict[str, int] = {}
    for images in sets:
        for name in images.names.tolist():
            if name not in sizes:
                sizes[name] = _size(images.root / name)
    for name, size in sorted(sizes.items()):
        digest.update(encoded(f"{name}\t{size}\n"))
    return Fingerprint(len(sizes), digest.hexdigest())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise ConfigError(f"{shown(path)} of the data set cannot be read: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class IdentityMap:
    """Identities and the labels 0, 1, ... that a network is trained with: sorted, so that every machine agrees."""

    identities: tuple[str, ...]

    @classmethod
    def of(cls, images: ImageSet) -> Self:
        """The identities of a training set."""
        return cls(tuple(name for name in np.unique(images.identities).tolist() if name != UNKNOWN_IDENTITY))

    def __len__(self) -> int:
        return len(self.identities)

    def labels(self, images: ImageSet) -> NDArray[np.int64]:
        """(N,) labels of images, UNLABELLED without identity; raises ConfigError for one that the map does not have."""
        known = np.array(self.identities, np.str_)
        places = np.searchsorted(known, images.identities)
        found = images.identities == UNKNOWN_IDENTITY
        places[found] = UNLABELLED
        inside = (places >= 0) & (places < len(known))
        found[inside] = known[places[inside]] == images.identities[inside]
        if not found.all():
            stranger = images.identities[~found][0]
            raise ConfigError(
                f"identity '{shown(stranger)}' is not one of the {len(known)} that the network was trained on"
            )
        return places.astype(np.int64)


def need_images(images: ImageSet, what: str) -> ImageSet:
    """The set itself; raises ConfigError where it is empty. `what` names it for the operator."""
    if not len(images):
        raise ConfigError(f"{what} is empty: no usable image below {shown(images.root)}")
    return images
