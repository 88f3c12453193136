"""Finding the images of a data set's folders, and reading them."""

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ingest.errors import ConfigError, SourceError
from ingest.frame import Image
from training.datasets.image_end import is_whole
from training.datasets.left_out import BESIDE, ENDINGS, PAPERS, LeftOut, Reason
from training.datasets.names import is_leftover, shown


def is_image(name: str) -> bool:
    """True where a file is an image by its name."""
    return _ending(name) in ENDINGS and not is_leftover(name)


def _ending(name: str) -> str:
    return Path(name).suffix.lower()


def list_images(folder: Path) -> list[str]:
    """The names of the images right in a folder, sorted; none where there is no such folder."""
    return scan(folder, LeftOut(""), "")[0] if folder.is_dir() else []


def scan(folder: Path, left_out: LeftOut, below: str) -> tuple[list[str], list[str]]:
    """The names of the images and of the folders right in a folder, both sorted; what else may be an image is counted.

    `below` stands before a name that is counted. Raises ConfigError for a folder that cannot be read.
    """
    images, folders = [], []
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise ConfigError(f"the folder {shown(folder)} cannot be read: {error.strerror}") from error
    for entry in entries:
        if is_leftover(entry.name):
            if entry.is_dir() or _ending(entry.name) in ENDINGS:
                left_out.add(Reason.LEFTOVER, [f"{below}{entry.name}"])
        elif entry.is_dir() and not is_image(entry.name):
            folders.append(entry.name)
        elif not is_image(entry.name):
            if _ending(entry.name) not in BESIDE and entry.name not in PAPERS:
                left_out.add(Reason.FORMAT, [f"{below}{entry.name}"])
        elif not entry.is_file():
            left_out.add(Reason.NO_FILE, [f"{below}{entry.name}"])
        else:
            images.append(entry.name)
    return images, folders


def images_right_in(root: Path, below: str, left_out: LeftOut) -> list[str]:
    """The images of one folder, `below` included in their names; what is not an image there, or deeper, is counted."""
    images, folders = scan(root / below, left_out, below)
    for folder in folders:
        left_out.add(Reason.ELSEWHERE, images_anywhere(root, f"{below}{folder}/", left_out))
    return [f"{below}{name}" for name in images]


def images_anywhere(root: Path, below: str, left_out: LeftOut) -> Iterator[str]:
    """The images of a folder at any depth, `below` included in their names."""
    images, folders = scan(root / below, left_out, below)
    yield from (f"{below}{name}" for name in images)
    for folder in folders:
        if not (root / below / folder).is_symlink():  # it may lead back up
            yield from images_anywhere(root, f"{below}{folder}/", left_out)


def read_image(path: Path) -> Image:
    """(H, W, 3) uint8 BGR; raises SourceError for a file that is gone, cut short or no image."""
    return decode(read_file(path), path, cv2.IMREAD_COLOR)


def read_file(path: Path) -> bytes:
    """The bytes of an image's file; raises SourceError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{shown(path)} cannot be read: {error.strerror}") from error


def decode(data: bytes, path: Path, how: int) -> Image:
    """The image in some bytes, read as OpenCV's flag says; raises SourceError as `read_image`, `path` names it."""
    # Older OpenCV fills what is missing of a JPEG with gray and says nothing.
    if not is_whole(data):
        raise SourceError(f"{shown(path)} has been cut short after {len(data)} bytes")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), how) if data else None
    except cv2.error:
        image = None
    if image is None:
        raise SourceError(f"{shown(path)} is no image that can be decoded ({len(data)} bytes)")
    return np.asarray(image, np.uint8)
