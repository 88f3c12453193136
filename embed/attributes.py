"""Colour and type of a vehicle, classified from its crops."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embed.crops import Crop
from ingest.frame import Image

COLOUR_NAMES = ("white", "gray", "yellow", "red", "green", "blue", "black")
VEHICLE_TYPES = ("car", "bus", "truck", "van")
MIN_TYPE_SCORE = 0.5
"""Score of the type, combined over crops, from which it replaces the label `vehicle`."""


@dataclass(frozen=True, slots=True)
class VehicleAttributes:
    """Colour and type of a vehicle; scores in [0, 1]."""

    colour: str
    colour_score: float
    vehicle_type: str
    vehicle_type_score: float


class AttributeClassifier(Protocol):
    """Classify crops: N attributes in their order; the result of a crop depends on it alone."""

    def __call__(self, crops: Sequence[Crop]) -> list[VehicleAttributes]: ...


class BarrierAttributeClassifier:
    """`vehicle-attributes-recognition-barrier-0039`: input (1, 3, 72, 72) BGR, outputs `color` and `type`.

    It was trained on the fronts of cars before a barrier. It is as sure of itself where it is wrong: from behind it
    takes cars for trucks and lit tail lights for red paint. Reading the files raises WeightsError.
    """

    def __init__(self, model_xml: Path, *, threads: int = 1) -> None:
        # OpenVINO takes its time to load: without attributes nobody waits for it.
        from detect.openvino_network import OpenVinoNetwork

        self._network = OpenVinoNetwork(model_xml, threads=threads)

    def __call__(self, crops: Sequence[Crop]) -> list[VehicleAttributes]:
        return [self._classify(crop) for crop in crops]

    def _classify(self, crop: Crop) -> VehicleAttributes:
        outputs = self._network(self._network.stretch(vehicle_pixels(crop)))
        return VehicleAttributes(
            *_most_probable(outputs["color"], COLOUR_NAMES), *_most_probable(outputs["type"], VEHICLE_TYPES)
        )


def vehicle_pixels(crop: Crop) -> Image:
    """Cut a crop to the pixels that its box touches, at least one."""
    height, width = crop.image.shape[:2]
    left, top = np.clip(np.floor(crop.box_xyxy[:2]).astype(int), 0, (width - 1, height - 1))
    right, bottom = np.clip(np.ceil(crop.box_xyxy[2:]).astype(int), (left + 1, top + 1), (width, height))
    return crop.image[top:bottom, left:right]


def combine_attributes(votes: Sequence[tuple[VehicleAttributes, float]]) -> VehicleAttributes:
    """Combine the attributes of a vehicle's crops, each with its quality, of which there is at least one.

    Every crop votes for its colour and its type with its score times its quality; the score of what wins is its share
    of what could have been given.
    """
    weights = [quality + 1e-3 for _, quality in votes]
    colours = [(attributes.colour, attributes.colour_score) for attributes, _ in votes]
    types = [(attributes.vehicle_type, attributes.vehicle_type_score) for attributes, _ in votes]
    return VehicleAttributes(*_vote(colours, weights), *_vote(types, weights))


def _vote(votes: Sequence[tuple[str, float]], weights: Sequence[float]) -> tuple[str, float]:
    totals: dict[str, float] = {}
    for (name, score), weight in zip(votes, weights, strict=True):
        totals[name] = totals.get(name, 0.0) + score * weight
    winner = max(totals, key=lambda name: (totals[name], name))
    return winner, totals[winner] / sum(weights)


def _most_probable(probabilities: NDArray[np.float32], names: tuple[str, ...]) -> tuple[str, float]:
    row = probabilities.reshape(len(names))
    best = int(row.argmax())
    return names[best], float(row[best])
