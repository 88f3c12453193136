"""Images as files that have their name only when they are whole."""

from pathlib import Path

import cv2
import numpy as np

from ingest.errors import ConfigError
from ingest.frame import Image


def save_image(path: Path, image: Image) -> None:
    """Write an image, BGR, in the format of the file's ending, .png or .jpg; raises ConfigError where it cannot be."""
    _, encoded = cv2.imencode(path.suffix, image)
    unfinished = path.with_name(f"{path.stem}.unfinished{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(np.asarray(encoded, np.uint8).tobytes())
        unfinished.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write the image {path}: {error.strerror}") from error
