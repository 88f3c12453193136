"""Makers of priors: a detector with a masker, and the city's truth."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detect.boxes import areas
from detect.detections import Detections
from detect.detector import BatchDetector
from detect.masks import Masker
from embed.priors import Prior
from ingest.errors import ConfigError
from ingest.frame import ClockQuality, Frame, Image
from ingest.truth import decode_mask
from training.datasets.city.layout import BOXES_AND_MASKS
from training.datasets.names import shown

Size = tuple[int, int]
"""Width and height in pixels."""


def _as_it_is(size: Size) -> Size:
    return size


@dataclass(frozen=True, slots=True)
class DetectedPriors:
    """The box of a detector, and a masker's mask in it.

    Up to `batch` images share a call of the detector where `shown_size` is the same of their sizes: the size in
    which the detector's network sees them.
    """

    name: str
    detector: BatchDetector
    masker: Masker
    batch: int = 1
    shown_size: Callable[[Size], Size] = _as_it_is

    def __call__(self, images: Mapping[str, Image]) -> Iterator[tuple[str, Prior | None]]:
        frames = [Frame(name, 0, 0, ClockQuality.FILE, image) for name, image in images.items()]
        alike: dict[Size, list[Frame]] = {}
        for frame in frames:
            alike.setdefault(self.shown_size(frame.size), []).append(frame)
        for group in alike.values():
            for start in range(0, len(group), self.batch):
                together = group[start : start + self.batch]
                for frame, found in zip(together, self.detector(together), strict=True):
                    yield frame.camera_id, self._prior(frame, found)

    def _prior(self, frame: Frame, found: Detections) -> Prior | None:
        row = choose(found, frame.size)
        if row is None:
            return None
        box = found.boxes[row]
        mask = self.masker(frame.image, box) if found.masks is None else found.masks[row]
        return Prior.of(box, mask, frame.size)


def choose(found: Detections, size: Size) -> int | None:
    """The detection that a crop of (width, height) is about: large, sure, close to the middle; None if there is none.

    Area times score, times 1 in the middle of the crop to 0 in its corners. A box beside the middle is another vehicle.
    """
    middle = np.array(size, np.float32) / 2
    covers_middle = (found.boxes[:, :2] <= middle).all(axis=1) & (found.boxes[:, 2:] >= middle).all(axis=1)
    if not covers_middle.any():
        return None
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    off = np.linalg.norm(centres - middle, axis=1) / np.linalg.norm(middle)
    return int(np.argmax(np.where(covers_middle, areas(found.boxes) * found.scores * (1 - off), -1)))


class CityPriors:
    """Priors of crops of the city: the box as of a detector that it wrote beside them, and a mask.

    The mask is that of the visible pixels, which are written there too, or what a masker, given with its name, makes
    of the box.
    """

    def __init__(self, folder: Path, masker: tuple[Masker, str] | None = None) -> None:
        self.name = "city truth" if masker is None else f"city boxes, {masker[1]}"
        self._masker = None if masker is None else masker[0]
        path = folder / BOXES_AND_MASKS
        try:
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            self._rows = {str(row["image"]): row for row in rows}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"the boxes and masks of {path} cannot be read: {error}") from error

    def __call__(self, images: Mapping[str, Image]) -> Iterator[tuple[str, Prior | None]]:
        for name, image in images.items():
            yield name, self._prior(name, image)

    def _prior(self, name: str, image: Image) -> Prior | None:
        row = self._rows.get(name.rpartition("/")[2])  # a query is in two folders
        if row is None:
            return None
        size = image.shape[1], image.shape[0]
        try:
            box, mask = np.array(row["detected_xyxy"], np.float32), decode_mask(row["mask"], size)
        except (KeyError, ValueError, TypeError) as error:
            raise ConfigError(f"the city's box and mask of '{shown(name)}' cannot be read: {error!r}") from error
        if box.shape != (4,) or not np.isfinite(box).all():
            raise ConfigError(
                f"the city's box of '{shown(name)}' is none: {box.tolist()} (expected four finite numbers)"
            )
        return Prior.of(box, mask if self._masker is None else self._masker(image, box), size)
