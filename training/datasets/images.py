"""Reading the images of a data set, and finding those that cannot be used before hours have gone by."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from ingest.errors import SourceError
from ingest.frame import Image
from training.datasets.base import ImageSet, ReidData

logger = logging.getLogger(__name__)

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})
ENDS = {b"\xff\xd8": b"\xff\xd9", b"\x89P": b"IEND"}
"""By how a file begins (JPEG, PNG): what must stand close to its end, or it has been cut short."""

END_BYTES = 1024
READERS = 4


def is_image(name: str) -> bool:
    """Whether a file is one by its name."""
    return Path(name).suffix.lower() in SUFFIXES


def list_images(folder: Path) -> list[str]:
    """The names of the images right in a folder, sorted; none where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if is_image(entry.name))


def read_image(path: Path) -> Image:
    """(H, W, 3) uint8 BGR; raises SourceError for a file that is gone, cut short or no image."""
    return _decode(path, cv2.IMREAD_COLOR)


def _decode(path: Path, how: int) -> Image:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    # OpenCV fills what is missing of a JPEG with gray and reports nothing.
    end = ENDS.get(data[:2])
    if end is not None and end not in data[-END_BYTES:]:
        raise SourceError(f"{path} has been cut short after {len(data)} bytes")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), how) if data else None
    if image is None:
        raise SourceError(f"{path} is no image that can be decoded ({len(data)} bytes)")
    return np.asarray(image, np.uint8)


def find_corrupt(images: ImageSet) -> dict[str, str]:
    """Names of the images that cannot be read, and why; every file is read once, at an eighth of its size."""

    def reason(row: int) -> str | None:
        try:
            _decode(images.path(row), cv2.IMREAD_REDUCED_GRAYSCALE_8)
        except SourceError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(READERS) as pool:
        reasons = pool.map(reason, range(len(images)))
        return {str(name): why for name, why in zip(images.names, reasons, strict=True) if why is not None}


def without_corrupt(data: ReidData) -> ReidData:
    """The data set without the images that cannot be read; logged once, here."""
    corrupt: dict[str, str] = {}
    seen: set[str] = set()
    for images in (data.train, data.query, data.gallery):
        corrupt.update(find_corrupt(images.select(~np.isin(images.names, list(seen)))))
        seen.update(images.names.tolist())
    if not corrupt:
        return data
    logger.warning("%s: %d images are left out because they cannot be read", data.name, len(corrupt))
    for why in corrupt.values():
        logger.warning("  %s", why)
    return data.without(frozenset(corrupt))
