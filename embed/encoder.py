"""The interface of an encoder: crops in, one comparable vector each out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embed.crops import Crop


class Encoder(Protocol):
    """An encoder of vehicles' crops.

    `id` is `name@hash`: vectors of encoders whose ids differ are never compared. A call returns (N, dim) float32
    rows of L2 norm 1, so that a dot product is the cosine; N may be 0. Every crop has its mask.
    """

    @property
    def id(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def __call__(self, crops: Sequence[Crop]) -> NDArray[np.float32]: ...
