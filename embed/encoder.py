"""The interface of an encoder: crops in, one comparable vector each out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embed.crops import Crop

UNNAMED_MASKS = "grabcut"
"""Masks that an id does not name: they were the only ones of networks before ids named any."""


def vectors_id(encoder: str, masks: str) -> str:
    """The id `name@hash+masks` of vectors of crops masked in a way, from the encoder's `name@hash`.

    Vectors of crops that are masked otherwise are never compared (decision 0040).
    """
    return encoder if masks == UNNAMED_MASKS else f"{encoder}+{masks}"


def file_id(vectors: str) -> str:
    """The encoder's `name@hash`, from the id of its vectors."""
    return vectors.partition("+")[0]


class Encoder(Protocol):
    """An encoder of vehicles' crops.

    `id` is `name@hash`, or `name@hash+masks`: vectors of encoders whose ids differ are never compared. A call returns
    (N, dim) float32 rows of L2 norm 1, so that a dot product is the cosine; N may be 0. Every crop has its mask.
    """

    @property
    def id(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def __call__(self, crops: Sequence[Crop]) -> NDArray[np.float32]: ...
