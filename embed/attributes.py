"""Colour and type of a vehicle, told by a network from its crops."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embed.crops import Crop
from ingest.frame import Image

COLOURS = ("white", "gray", "yellow", "red", "green", "blue", "black")
KINDS = ("car", "bus", "truck", "van")
MIN_KIND_SCORE = 0.5
"""Crops that agree less than this on the type do not say what a vehicle is."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a vehicle looks like, in words; scores in [0, 1]."""

    colour: str
    colour_score: float
    kind: str
    kind_score: float


class Attributes(Protocol):
    """Tells the traits of vehicles, one for each crop, in their order; the answer for a crop depends on it alone."""

    def __call__(self, crops: Sequence[Crop]) -> list[Traits]: ...


class BarrierAttributes:
    """`vehicle-attributes-recognition-barrier-0039`: input (1, 3, 72, 72) BGR, outputs `color` and `type`.

    It was trained on the fronts of cars before a barrier. It is as sure of itself where it is wrong: from behind it
    takes cars for trucks and lit tail lights for red paint. Reading the files raises WeightsError.
    """

    def __init__(self, model_xml: Path, *, threads: int = 1) -> None:
        # OpenVINO takes its time to load: whoever does not ask for traits does not wait for it.
        from detect.openvino_network import OpenVinoNetwork

        self._network = OpenVinoNetwork(model_xml, threads=threads)

    def __call__(self, crops: Sequence[Crop]) -> list[Traits]:
        return [self._traits(crop) for crop in crops]

    def _traits(self, crop: Crop) -> Traits:
        outputs = self._network(self._network.stretch(vehicle(crop)))
        return Traits(*_surest(outputs["color"], COLOURS), *_surest(outputs["type"], KINDS))


def vehicle(crop: Crop) -> Image:
    """The crop without its surroundings: the pixels that the box touches, at least one."""
    height, width = crop.image.shape[:2]
    left, top = np.clip(np.floor(crop.box_xyxy[:2]).astype(int), 0, (width - 1, height - 1))
    right, bottom = np.clip(np.ceil(crop.box_xyxy[2:]).astype(int), (left + 1, top + 1), (width, height))
    return crop.image[top:bottom, left:right]


def agree(told: Sequence[tuple[Traits, float]]) -> Traits:
    """The traits of one vehicle from those of its crops, each with its quality, of which there is at least one.

    Every crop votes for its colour and its type with its score times its quality; the score of what wins is its share
    of what could have been given.
    """
    weights = [quality + 1e-3 for _, quality in told]
    colours = [(traits.colour, traits.colour_score) for traits, _ in told]
    kinds = [(traits.kind, traits.kind_score) for traits, _ in told]
    return Traits(*_vote(colours, weights), *_vote(kinds, weights))


def _vote(votes: Sequence[tuple[str, float]], weights: Sequence[float]) -> tuple[str, float]:
    totals: dict[str, float] = {}
    for (name, score), weight in zip(votes, weights, strict=True):
        totals[name] = totals.get(name, 0.0) + score * weight
    winner = max(totals, key=lambda name: (totals[name], name))
    return winner, totals[winner] / sum(weights)


def _surest(probabilities: NDArray[np.float32], names: tuple[str, ...]) -> tuple[str, float]:
    row = probabilities.reshape(len(names))
    best = int(row.argmax())
    return names[best], float(row[best])
