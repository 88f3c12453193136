"""Box and mask of every image of a data set, found once (`training.priors.filling`) and kept.

FOLDER/about.json     the data set, its fingerprint, who found the priors, how many images, how many of them a shard
FOLDER/000000.shard   the priors of the first images by name, MessagePack; 000001.shard the next, and so on
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import cv2
import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from detect.masks import Mask
from embed.priors import Prior, box_only, rasterise
from ingest.errors import ConfigError
from ingest.truth import decode_mask, encode_mask
from training.datasets.base import ImageSet
from training.datasets.listing import Listing
from training.datasets.names import decoded, encoded, shown

SHARD = 64
"""A process that is killed loses the work on at most so many images."""

MASK_SIDE_PX = 128
"""Masks are kept at most this long; a network of 256x256 looks at them in 64x64."""

METADATA_FILE = "about.json"

PriorMode = Literal["with-prior", "box-only", "no-prior", "shuffled-prior"]
"""The prior that an encoder gets. `shuffled-prior` gives every image the prior of another one: the control."""


class StoredPrior(msgspec.Struct, frozen=True, array_like=True):
    """One image: its box as shares of its sides, or None; run lengths of the mask, uint16, and its (width, height).

    name_bytes: of a name that is no UTF-8; `name` is then as people are shown it.
    """

    name: str
    box: tuple[float, float, float, float] | None
    mask_size: tuple[int, int] = (0, 0)
    runs: bytes = b""
    unreadable: bool = False
    name_bytes: bytes = b""


class PriorCacheMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of a cache; a shard holds the priors of `shard` images."""

    dataset: str
    fingerprint: str
    maker: str
    images: int
    shard: Annotated[int, msgspec.Meta(ge=1)] = SHARD


def shard_path(folder: Path, number: int) -> Path:
    """Path of the shard with the priors of the `number`-th images."""
    return folder / f"{number:06d}.shard"


def read_cache_metadata(path: Path) -> PriorCacheMetadata:
    """Read the metadata of a cache from its about.json; raises ConfigError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=PriorCacheMetadata)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{path.parent} is not a folder of priors: {error}") from error


def stored(name: str, prior: Prior | None) -> StoredPrior:
    """The prior of an image as it is kept; raises ConfigError for a box that is not finite."""
    shell = _shell(name)
    if prior is None:
        return shell
    if not np.isfinite(prior.box).all():
        raise ConfigError(
            f"the box found in '{shown(name)}' is not finite: {prior.box.tolist()} (is the detector right?)"
        )
    left, top, right, bottom = (round(float(side), 5) for side in prior.box)
    if prior.mask is None:
        return replace(shell, box=(left, top, right, bottom))
    mask = _shrink(prior.mask)
    runs = np.array(encode_mask(mask), "<u2").tobytes()
    return replace(shell, box=(left, top, right, bottom), mask_size=(mask.shape[1], mask.shape[0]), runs=runs)


def unreadable(name: str) -> StoredPrior:
    """Make the entry of a file that is not a readable image."""
    return replace(_shell(name), unreadable=True)


def _shell(name: str) -> StoredPrior:
    """An entry without a box."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return StoredPrior(shown(name), None, name_bytes=encoded(name))
    return StoredPrior(name, None)


def _shrink(mask: Mask) -> Mask:
    scale = MASK_SIDE_PX / max(mask.shape)
    if scale >= 1:
        return mask
    size = max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))
    return np.asarray(cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) >= 128, np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class PriorCache:
    """The priors of a data set by image name, in memory as they are stored."""

    metadata: PriorCacheMetadata
    stored: Mapping[str, StoredPrior]

    @classmethod
    def open(cls, folder: Path) -> "PriorCache":
        """Read a finished cache; raises ConfigError for one that is not, or cannot be read."""
        metadata = read_cache_metadata(folder / METADATA_FILE)
        stored: dict[str, StoredPrior] = {}
        for path in sorted(folder.glob("*.shard")):
            try:
                entries = msgspec.msgpack.decode(path.read_bytes(), type=list[StoredPrior])
            except (OSError, msgspec.MsgspecError) as error:
                raise ConfigError(f"{path} cannot be read: {error} (delete it and find its priors again)") from error
            for entry in entries:
                stored[decoded(entry.name_bytes) or entry.name] = entry
        if len(stored) != metadata.images:
            raise ConfigError(
                f"{folder} has priors of {len(stored)} of {metadata.images} images (finish it: corridor encoder priors)"
            )
        return cls(metadata, stored)

    def __getitem__(self, name: str) -> Prior | None:
        """The prior of an image, None where no vehicle was found; raises ConfigError for an image not in the cache."""
        entry = self.stored.get(name)
        if entry is None:
            raise ConfigError(
                f"there is no prior of '{shown(name)}': those kept are of {self.metadata.dataset}, other files"
            )
        if entry.box is None:
            return None
        mask = decode_mask(np.frombuffer(entry.runs, "<u2").tolist(), entry.mask_size) if entry.runs else None
        return Prior(np.array(entry.box, np.float32), mask)

    def check(self, listing: Listing) -> None:
        """Raise ConfigError where the priors are not those of the data set's files."""
        if self.metadata.fingerprint != listing.fingerprint().sha256:
            raise ConfigError(
                f"the priors are of other files than {listing.name}'s (find them again: corridor encoder priors)"
            )

    @property
    def missed(self) -> list[str]:
        """Images in which no vehicle was found."""
        return [name for name, entry in self.stored.items() if entry.box is None and not entry.unreadable]

    @property
    def unreadable(self) -> list[str]:
        """Images that are none."""
        return [name for name, entry in self.stored.items() if entry.unreadable]


def prior_source(
    cache: PriorCache, images: ImageSet, row: PriorMode, size: tuple[int, int], rng: np.random.Generator
) -> Callable[[int], NDArray[np.float32]]:
    """Make the source of priors of a table's row: an image's row number to planes (2, h, w) over the whole image.

    `size` is (w, h); that of the network's input leaves nothing to be resized. `rng` is for `shuffled-prior` alone.
    """
    names = images.names.tolist()
    # Everybody's is somebody else's: neighbours on a random circle.
    order = rng.permutation(len(names))
    other = np.empty_like(order)
    other[order] = np.roll(order, 1)

    def of(image: int) -> NDArray[np.float32]:
        if row == "no-prior":
            return rasterise(None, size)
        prior = cache[names[other[image] if row == "shuffled-prior" else image]]
        return rasterise(box_only(prior) if row == "box-only" else prior, size)

    return of
