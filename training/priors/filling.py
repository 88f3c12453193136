"""Finding the priors of a data set: by one process or several that share the work, any of which may be killed.

What is shared out are the shards of the cache. Each is made by one process on its own, images are put together in
batches only within it, and it appears whole. So the cache is the same byte for byte whoever makes which shard, and
however often they are killed; and nothing has to be put together: the cache is whole when its last shard is there.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import msgspec

from embed.priors import Prior
from ingest.errors import ConfigError, SourceError
from ingest.frame import Image
from training.datasets.images import read_image
from training.datasets.listing import Listing
from training.priors.cache import (
    METADATA_FILE,
    PriorCache,
    PriorCacheMetadata,
    StoredPrior,
    read_cache_metadata,
    shard_path,
    stored,
    unreadable,
)

OnProgress = Callable[[int, int], None]
"""Called with the number of images done, and their total."""


class PriorMaker(Protocol):
    """Maker of priors: it finds the vehicle that each image of a re-identification set is about.

    `name` says all that decides the result: for the report, and so that priors of different makers are not mixed. A
    call gets images by their names in the data set, and yields the name of each with its prior, None where no vehicle
    is found, as it gets there.
    """

    @property
    def name(self) -> str: ...

    def __call__(self, images: Mapping[str, Image]) -> Iterator[tuple[str, Prior | None]]: ...


@dataclass(frozen=True, slots=True)
class WorkShare:
    """The work of one of several processes: every `of`-th shard of the cache, from the `number`-th on."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> "WorkShare":
        """Read `2/4`; raises ConfigError."""
        match = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text)
        if match is None or int(match[1]) > int(match[2]):
            raise ConfigError(f"'{text}' is no share of the work (expected K/N, K from 1 to N, as in 2/4)")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


EVERYTHING = WorkShare()


def fill(listing: Listing, maker: PriorMaker, folder: Path, on_progress: OnProgress) -> PriorCache:
    """Find all priors that are missing; raises ConfigError as `fill_share`."""
    fill_share(listing, maker, folder, on_progress, EVERYTHING)
    return PriorCache.open(folder)


def fill_share(listing: Listing, maker: PriorMaker, folder: Path, on_progress: OnProgress, share: WorkShare) -> bool:
    """Find the priors that are missing of a share; True where the cache is whole afterwards.

    `on_progress` gets the images done of the share, first those done before. Raises ConfigError where the folder
    cannot be written, or holds the priors of other images or another maker.
    """
    places = listing.paths()
    names = sorted(places)
    metadata = PriorCacheMetadata(
        dataset=listing.name, fingerprint=listing.fingerprint().sha256, maker=maker.name, images=len(names)
    )
    try:
        # Step 1: the folder's metadata, which must be these, and the shards that follow from them
        size = _agree(folder, metadata).shard
        shards = {
            shard_path(folder, start // size): names[start : start + size] for start in range(0, len(names), size)
        }
        # Step 2: find the priors of this share's shards
        mine = dict(list(shards.items())[share.number - 1 :: share.of])
        _fill(mine, places, maker, on_progress)
        # Step 3: with all shards there, what broken-off processes left is deleted
        whole = all(path.exists() for path in shards)
        if whole:
            for left in folder.glob("*.part"):
                left.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"priors cannot be kept in {folder}: {error.strerror} (is the disk full?)") from error
    return whole


def _fill(
    shards: Mapping[Path, Sequence[str]], places: Mapping[str, Path], maker: PriorMaker, on_progress: OnProgress
) -> None:
    missing = [path for path in shards if not path.exists()]
    total = sum(map(len, shards.values()))
    done = total - sum(len(shards[path]) for path in missing)
    on_progress(done, total)
    for path in missing:
        if not path.exists():  # nobody else has made it meanwhile
            found: dict[str, StoredPrior] = {}
            for name, entry in _find(shards[path], places, maker):
                found[name] = entry
                on_progress(done + len(found), total)
            _keep(path, msgspec.msgpack.encode([found[name] for name in shards[path]]))
        done += len(shards[path])
    on_progress(done, total)


def _find(names: Sequence[str], places: Mapping[str, Path], maker: PriorMaker) -> Iterator[tuple[str, StoredPrior]]:
    images: dict[str, Image] = {}
    for name in names:
        try:
            images[name] = read_image(places[name])
        except SourceError:
            yield name, unreadable(name)
    for name, prior in maker(images):
        yield name, stored(name, prior)


def _agree(folder: Path, metadata: PriorCacheMetadata) -> PriorCacheMetadata:
    """Write the folder's metadata unless it has some; raises ConfigError where they are of something else."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / METADATA_FILE
    if not path.exists():
        _keep(path, msgspec.json.format(msgspec.json.encode(metadata)) + b"\n")
    there = read_cache_metadata(path)
    changed = [
        field
        for field in ("dataset", "fingerprint", "maker", "images")
        if getattr(there, field) != getattr(metadata, field)
    ]
    if changed:
        raise ConfigError(
            f"{folder} holds priors of another {changed[0]}: '{getattr(there, changed[0])}', not "
            f"'{getattr(metadata, changed[0])}' (name another folder, or delete it)"
        )
    return there


def _keep(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all; what another process has put there meanwhile stays."""
    unfinished = path.with_name(f"{path.name}.{uuid4().hex}.part")
    unfinished.write_bytes(data)
    try:
        path.hardlink_to(unfinished)  # unlike a rename, it never takes another file's place
    except OSError:
        if not path.exists():  # a file system without links
            unfinished.replace(path)
    unfinished.unlink(missing_ok=True)
