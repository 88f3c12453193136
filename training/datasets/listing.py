"""The images of a data set as its files have them, before anything is decided about them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.datasets.base import Fingerprint, ImageSet, ReidData, fingerprint

Parts = Mapping[str, ImageSet]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """The result of a reader: `parts`, image sets by a name of the layout's, all below one folder.

    `decide` makes the data set of the parts: who is held out, who asks, who stands alone. It is called with what is
    left of them after images that cannot be read have been taken out. `notes` are lines about what was left out.
    """

    name: str
    parts: Parts
    decide: Callable[[Parts], ReidData]
    notes: tuple[str, ...] = ()

    @property
    def root(self) -> Path:
        """The folder that all names are below."""
        return next(iter(self.parts.values())).root

    def paths(self) -> dict[str, Path]:
        """Every image by its name, once."""
        return {name: each.root / name for each in self.parts.values() for name in each.names.tolist()}

    def fingerprint(self) -> Fingerprint:
        """Fingerprint of all its files, also of those that cannot be read."""
        return fingerprint(*self.parts.values())

    def without(self, names: frozenset[str]) -> "Listing":
        """The same without some images."""
        parts = {part: each.select(~np.isin(each.names, list(names))) for part, each in self.parts.items()}
        return replace(self, parts=parts)
