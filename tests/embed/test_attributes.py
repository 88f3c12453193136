"""Colour and type: what the network tells, how crops agree, and what becomes of it in an observation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from deploy.site.wiring import make_attributes
from deploy.weights import catalogue
from detect.detections import Detections
from detect.masks import BoxMasker
from embed.attributes import (
    AttributeClassifier,
    BarrierAttributeClassifier,
    VehicleAttributes,
    combine_attributes,
    vehicle_pixels,
)
from embed.colour import ColourEncoder
from embed.crops import Crop
from embed.observation import CameraEpoch, Observation, decode, encode
from embed.settings import EmbedSettings
from embed.tracklets import TrackletBuilder
from ingest.clock import NS
from ingest.errors import WeightsError
from ingest.frame import ClockQuality, Frame, Image
from ingest.video import RecordedVideo
from tests.embed.samples import observation
from tests.embed.test_colour import crop as painted
from training.scoring.truth import read_mot

PAINTS = {
    "white": (240, 240, 240),
    "yellow": (30, 220, 230),
    "red": (30, 30, 200),
    "green": (40, 160, 40),
    "blue": (200, 60, 30),
}


@pytest.fixture(scope="module")
def barrier(shared_data: Path) -> BarrierAttributeClassifier:
    main = catalogue.load_catalogue().network("vehicle-attributes-0039").published.files[0].name
    return BarrierAttributeClassifier(shared_data / "weights" / main)


def whole(image: Image, quality: float = 0.8) -> Crop:
    height, width = image.shape[:2]
    return Crop(image, np.array([0, 0, width, height], np.float32), quality, 0)


@pytest.mark.parametrize("colour", PAINTS)
def test_paint_is_named(barrier: BarrierAttributeClassifier, colour: str) -> None:
    """Blue is not red: the channels are in the order that the network was trained with."""
    (traits,) = barrier([painted(PAINTS[colour])])
    assert traits.colour == colour


def test_crops_are_told_one_by_one(barrier: BarrierAttributeClassifier) -> None:
    crops = [painted(paint, seed=seed) for seed, paint in enumerate(PAINTS.values())]
    told = barrier(crops)
    assert told == [barrier([each])[0] for each in crops]
    assert all(0 < score <= 1 for traits in told for score in (traits.colour_score, traits.vehicle_type_score))
    assert barrier([]) == []


def test_surroundings_do_not_count(barrier: BarrierAttributeClassifier) -> None:
    crop = painted(PAINTS["red"])
    image = np.full_like(crop.image, 255)
    image[8:-8, 10:-10] = crop.image[8:-8, 10:-10]
    bare = whole(np.ascontiguousarray(crop.image[8:-8, 10:-10]))
    assert barrier([replace(crop, image=image)]) == barrier([bare])


@pytest.mark.parametrize(
    ("box", "shape"),
    [
        ([2.4, 3.6, 8.2, 9.9], (7, 7)),
        ([-5, -5, 50, 50], (20, 30)),
        ([29.5, 19.5, 31, 22], (1, 1)),
        ([9, 9, 9, 9], (1, 1)),
    ],
)
def test_the_vehicle_in_a_crop_is_never_empty(box: list[float], shape: tuple[int, int]) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    assert vehicle_pixels(Crop(image, np.array(box, np.float32), 0.5, 0)).shape[:2] == shape


def test_types_on_real_crops_from_behind(barrier: BarrierAttributeClassifier, shared_data: Path) -> None:
    """Rear views are not what the network was trained on: it does little more than tell trucks from cars."""
    told: dict[str, Counter[str]] = {"car": Counter(), "bus": Counter(), "truck": Counter()}
    for path in sorted((shared_data / "reid" / "hcmc_two_camera").glob("*.jpg")):
        vehicle_type = path.name.split("_")[0]
        if vehicle_type in told:
            image = np.asarray(cv2.imread(str(path)), np.uint8)
            told[vehicle_type][barrier([whole(image)])[0].vehicle_type] += 1
    agreement = _print_agreement("from behind", told)
    assert agreement >= 0.35
    assert told["truck"]["truck"] / told["truck"].total() > told["car"]["truck"] / told["car"].total() + 0.1


def test_types_in_real_traffic(barrier: BarrierAttributeClassifier, shared_data: Path) -> None:
    """A road with vehicles from the front and from behind, boxes of the truth, three frames a second."""
    names = {1: "car", 2: "truck", 3: "bus"}
    told: dict[str, Counter[str]] = {vehicle_type: Counter() for vehicle_type in names.values()}
    for clip in ("jamcam_06514", "jamcam_03604"):
        truth = read_mot(shared_data / "video" / "gt_mot" / f"{clip}.gt.txt")
        for frame in list(RecordedVideo(shared_data / "video" / f"{clip}.mp4", clip).frames())[::8]:
            for row in np.flatnonzero(truth.frames == frame.sequence + 1):
                box, number = truth.boxes[row], int(truth.classes[row])
                if number in names and (box[2:] - box[:2]).min() >= 24:
                    told[names[number]][barrier([Crop(frame.image, box, 0.8, 0)])[0].vehicle_type] += 1
    _print_agreement("in traffic", told)
    assert told["car"]["car"] / told["car"].total() >= 0.7


def _print_agreement(what: str, told: dict[str, Counter[str]]) -> float:
    right, total = (
        sum(votes[vehicle_type] for vehicle_type, votes in told.items()),
        sum(votes.total() for votes in told.values()),
    )
    parts = ", ".join(f"{vehicle_type} {votes[vehicle_type]}/{votes.total()}" for vehicle_type, votes in told.items())
    print(f"type agreement {what}: {right / total:.2f} of {total} ({parts})")
    return right / total


RED, GRAY = VehicleAttributes("red", 0.9, "car", 0.8), VehicleAttributes("gray", 0.6, "van", 0.7)


def test_the_better_crop_decides() -> None:
    agreed = combine_attributes([(RED, 0.3), (GRAY, 0.9)])
    assert (agreed.colour, agreed.vehicle_type) == ("gray", "van")
    assert agreed.colour_score == pytest.approx(0.6 * 0.901 / 1.202)


def test_one_crop_agrees_with_itself() -> None:
    agreed = combine_attributes([(RED, 0.0)])
    assert (agreed.colour, agreed.vehicle_type) == ("red", "car")
    assert (agreed.colour_score, agreed.vehicle_type_score) == pytest.approx((0.9, 0.8))


def test_order_does_not_matter() -> None:
    told = [(RED, 0.5), (GRAY, 0.5), (RED, 0.2)]
    there, back = combine_attributes(told), combine_attributes(told[::-1])
    assert (there.colour, there.vehicle_type) == (back.colour, back.vehicle_type) == ("red", "car")
    assert (there.colour_score, there.vehicle_type_score) == pytest.approx((back.colour_score, back.vehicle_type_score))


class Fixed:
    """Tells the same of every crop, and counts."""

    def __init__(self, traits: VehicleAttributes) -> None:
        self.traits = traits
        self.crops = 0

    def __call__(self, crops: Sequence[Crop]) -> list[VehicleAttributes]:
        self.crops += len(crops)
        return [self.traits] * len(crops)


def said(attributes: AttributeClassifier | None, label: str = "vehicle") -> list[Observation]:
    """The observations of one vehicle in view for four seconds."""
    builder = TrackletBuilder(
        "a",
        CameraEpoch(1, 0),
        ColourEncoder(),
        BoxMasker(),
        settings=EmbedSettings(),
        classifier=attributes,
    )
    image = np.random.default_rng(1).integers(0, 255, (200, 400, 3), dtype=np.uint8)
    messages = []
    for index in range(32):
        found = Detections.of([[10 + 5 * index, 20, 90 + 5 * index, 80]], [0.75], label)
        found = replace(found, track_ids=np.array([1], np.int64))
        messages += builder.step(Frame("a", index, index * NS // 8, ClockQuality.FILE, image), found, ())
    return messages + builder.finish()


def test_an_observation_carries_colour_and_type() -> None:
    attributes = Fixed(RED)
    messages = said(attributes)
    assert len(messages) >= 3
    assert {(each.label, each.colour, each.score) for each in messages} == {("car", "red", 0.75)}
    assert all(each.colour_score == pytest.approx(0.9) for each in messages)
    assert 0 < attributes.crops < 32


LABELS = {
    "the detector knows better": (RED, "bus", "bus"),
    "the type is doubtful": (replace(RED, vehicle_type_score=0.4), "vehicle", "vehicle"),
    "the type is told": (GRAY, "vehicle", "van"),
}


@pytest.mark.parametrize("name", LABELS)
def test_the_label(name: str) -> None:
    traits, found, expected = LABELS[name]
    assert {each.label for each in said(Fixed(traits), found)} == {expected}


def test_nobody_is_asked_by_default() -> None:
    assert make_attributes(EmbedSettings()) is None
    assert all((each.colour, each.colour_score, each.label) == (None, None, "vehicle") for each in said(None))


def test_missing_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="corridor weights pull vehicle-attributes-0039"):
        make_attributes(EmbedSettings(attributes=True))


def test_traits_on_the_wire() -> None:
    """They are optional: who was not asked says nothing, and the bytes are those of before."""
    import msgspec

    plain = observation()
    assert not {"colour", "colour_score"} & msgspec.msgpack.decode(encode(plain)).keys()
    coloured = msgspec.structs.replace(plain, colour="red", colour_score=0.9)
    assert decode(encode(coloured)) == coloured
    assert msgspec.msgpack.decode(encode(coloured))["colour"] == "red"
