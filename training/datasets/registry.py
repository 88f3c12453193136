"""`veri:/data/VeRi`, `msmt17/train:/data/MSMT17_V1`, or just a folder: words to a data set."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ingest.errors import ConfigError
from training.datasets import folder, market1501, msmt17, two_camera, unnamed, vehicleid, veri776
from training.datasets.base import ReidData
from training.datasets.format import DatasetFormat, single_image_identities
from training.datasets.images import images_anywhere
from training.datasets.left_out import LeftOut
from training.datasets.listing import Listing
from training.datasets.names import shown
from training.datasets.sound import each_once, without_unreadable

logger = logging.getLogger(__name__)

# In the order in which a folder's layout is tried.
FORMATS: dict[str, DatasetFormat] = {
    kind.name: kind
    for kind in (
        veri776.FORMAT,
        vehicleid.FORMAT,
        market1501.FORMAT,
        msmt17.FORMAT,
        two_camera.FORMAT,
        folder.FORMAT,
        unnamed.FORMAT,
    )
}
GUESSED = [kind for kind in FORMATS.values() if kind is not unnamed.FORMAT]


def open_dataset(spec: str) -> ReidData:
    """The data set of `PATH`, `KIND:PATH` or `KIND/VARIANT:PATH`, without images that cannot be read.

    Raises ConfigError as `list_dataset` and `decided`.
    """
    return decided(list_dataset(spec))


def list_dataset(spec: str) -> Listing:
    """The images of a data set, of which none has been read yet; for what needs no split.

    Without a kind the folder's layout decides. What is left out is warned of. Raises ConfigError for a kind or variant
    that does not exist, for a folder that is not there, looks otherwise or has no image, and for an image of two
    vehicles.
    """
    kind, variant, path = _kind_of(spec)
    listing = kind.load(path, variant or kind.variants[0])
    _warn(listing.notes)
    if not listing.paths():
        raise ConfigError(
            f"{shown(path)}: there is no usable image for '{kind.name}': expected {kind.layout}{_ask(kind)}"
        )
    return replace(listing, parts=each_once(listing))


def decided(listing: Listing) -> ReidData:
    """The data set of a listing: who asks, who is held out and who stands alone, by the images that can be read.

    Odd counts and identities with one image only are warned of. Raises ConfigError where no image can be read, and
    where too few are left.
    """
    listing = without_unreadable(listing)
    data = listing.decide(listing.parts)
    notes = data.notes + single_image_identities(data.name, data.train)
    _warn(notes)
    return replace(data, notes=listing.notes + notes)


def _warn(notes: Iterable[str]) -> None:
    for note in notes:
        logger.warning("%s", note)


def _kind_of(spec: str) -> tuple[DatasetFormat, str, Path]:
    """Kind, variant and path of a specification; raises ConfigError."""
    kind, variant, path = _parse(spec)
    if not path.exists():
        raise ConfigError(f"there is no {shown(path)}{_ask(kind)}")
    if kind is None:
        kind = next((kind for kind in GUESSED if kind.recognises(path)), None)
        if kind is None:
            _warn(_of_other_formats(path))
            layouts = "; ".join(f"{kind.name}: {kind.layout}" for kind in GUESSED)
            raise ConfigError(f"{shown(path)} looks like none of the data sets known here ({layouts})")
    elif not kind.recognises(path):
        _warn(_of_other_formats(path))
        raise ConfigError(f"{shown(path)} does not look like '{kind.name}': expected {kind.layout}{_ask(kind)}")
    return kind, variant, path


def _of_other_formats(path: Path) -> tuple[str, ...]:
    """Notes about what is in a folder that looks like no data set: its images may be of a format that is not read."""
    left_out = LeftOut(shown(path.name))
    if path.is_dir():
        for _ in images_anywhere(path, "", left_out):
            pass
    return left_out.notes()


def _parse(spec: str) -> tuple[DatasetFormat | None, str, Path]:
    head, colon, rest = spec.partition(":")
    if not colon or Path(spec).exists():
        return None, "", Path(spec)
    name, _, variant = head.partition("/")
    kind = FORMATS.get(name)
    if kind is None:
        raise ConfigError(f"there is no kind of data set '{name}' (in '{spec}'); there are {', '.join(FORMATS)}")
    if variant and variant not in kind.variants:
        raise ConfigError(f"'{name}' has no variant '{variant}'; there are {', '.join(filter(None, kind.variants))}")
    return kind, variant, Path(rest)


def _ask(kind: DatasetFormat | None) -> str:
    return f"; it is given out at {kind.ask_at}" if kind is not None and kind.ask_at else ""
