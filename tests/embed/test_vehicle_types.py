"""Types read from vectors: the file, the head, the label of an observation, and the wiring."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deploy.site.wiring import make_encoder, make_types
from detect.detections import Detections
from detect.masks import BoxMasker
from embed.attributes import VehicleAttributes
from embed.colour import ColourEncoder
from embed.observation import CameraEpoch, Observation
from embed.settings import SHIPPED_FILE, EmbedSettings
from embed.tracklets import TrackletBuilder
from embed.vehicle_types import VEHICLE_TYPES, TypeHead, head_file, read_head, write_head
from ingest.clock import NS
from ingest.errors import ConfigError, WeightsError
from ingest.frame import ClockQuality, Frame
from tests.embed.test_attributes import Fixed

OF = "grl@00000000"


def sure_of(name: str, dim: int, bias: float = 9.0) -> TypeHead:
    """A head that says the same of everything."""
    of_types = np.where(np.array(VEHICLE_TYPES) == name, bias, 0.0).astype(np.float32)
    return TypeHead(OF, np.zeros((len(VEHICLE_TYPES), dim), np.float32), of_types)


def random_head(dim: int = 6) -> TypeHead:
    rng = np.random.default_rng(5)
    weights = rng.normal(size=(len(VEHICLE_TYPES), dim)).astype(np.float16).astype(np.float32)
    return TypeHead(OF, weights, rng.normal(size=len(VEHICLE_TYPES)).astype(np.float32))


def test_a_head_is_read_as_it_was_written_and_equal_heads_are_equal_files(tmp_path: Path) -> None:
    one, other = tmp_path / "one.types.npz", tmp_path / "other.types.npz"
    for path in (one, other):
        write_head(path, random_head())
    assert one.read_bytes() == other.read_bytes()
    head = read_head(one, OF)
    assert (head.weights == random_head().weights).all()
    assert (head.bias == random_head().bias).all()


def test_probabilities_are_those_of_each_vector_alone() -> None:
    vectors = np.random.default_rng(6).normal(size=(7, 6)).astype(np.float32)
    head = random_head()
    rows = head.probabilities(vectors)
    assert rows.sum(axis=1) == pytest.approx(np.ones(7), abs=1e-6)
    for vector, row in zip(vectors, rows, strict=True):
        name, probability = head(vector)
        assert name == VEHICLE_TYPES[int(row.argmax())]
        assert probability == pytest.approx(float(row.max()), abs=1e-6)
    assert head.probabilities(vectors[:0]).shape == (0, len(VEHICLE_TYPES))


def other_types(path: Path) -> None:
    np.savez(path, encoder=np.array(OF), types=np.array(["tram"]), weights=np.zeros((1, 6)), bias=np.zeros(1))


def cut_short(path: Path) -> None:
    write_head(path, random_head())
    path.write_bytes(path.read_bytes()[:200])


def not_finite(path: Path) -> None:
    write_head(path, replace(random_head(), bias=np.full(len(VEHICLE_TYPES), np.nan, np.float32)))


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "cannot read"),
    "no archive": (lambda path: path.write_bytes(b"types"), "cannot read"),
    "cut short": (cut_short, "cannot read"),
    "lacking": (lambda path: np.savez(path, encoder=np.array(OF)), "cannot read"),
    "of another export": (
        lambda path: write_head(path, replace(random_head(), encoder="grl@1")),
        "is of the encoder grl@1",
    ),
    "of other types": (other_types, "other types"),
    "not finite": (not_finite, "not finite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_head_of_the_encoder_is_refused(tmp_path: Path, name: str) -> None:
    write, reason = REFUSED[name]
    path = tmp_path / "x.types.npz"
    write(path)
    with pytest.raises(WeightsError, match=reason):
        read_head(path, OF)


def reported(
    types: TypeHead | None, *, label: str = "vehicle", attributes: VehicleAttributes | None = None
) -> list[Observation]:
    """The observations of one vehicle in view for two seconds."""
    classifier = None if attributes is None else Fixed(attributes)
    encoder = ColourEncoder()
    builder = TrackletBuilder(
        "a", CameraEpoch(1, 0), encoder, BoxMasker(), settings=EmbedSettings(), classifier=classifier, types=types
    )  # fmt: skip
    image = np.random.default_rng(1).integers(0, 255, (200, 400, 3), dtype=np.uint8)
    messages = []
    for index in range(16):
        found = Detections.of([[10 + 5 * index, 20, 90 + 5 * index, 80]], [0.75], label)
        found = replace(found, track_ids=np.array([1], np.int64))
        messages += builder.step(Frame("a", index, index * NS // 8, ClockQuality.FILE, image), found, ())
    return messages + builder.finish()


BUS, UNSURE = sure_of("bus", ColourEncoder().dim), sure_of("bus", ColourEncoder().dim, 0.3)
RED_VAN = VehicleAttributes("red", 0.9, "van", 0.8)
LABELS = {
    "no head": (None, "vehicle", None, "vehicle"),
    "a sure head": (BUS, "vehicle", None, "bus"),
    "an unsure head": (UNSURE, "vehicle", None, "vehicle"),
    "the detector knows the type": (BUS, "car", None, "car"),
    "before the attributes": (BUS, "vehicle", RED_VAN, "bus"),
    "the attributes where it is unsure": (UNSURE, "vehicle", RED_VAN, "van"),
}


@pytest.mark.parametrize("name", LABELS)
def test_the_label(name: str) -> None:
    types, found, attributes, expected = LABELS[name]
    messages = reported(types, label=found, attributes=attributes)
    assert len(messages) >= 2
    assert {each.label for each in messages} == {expected}
    assert {each.score for each in messages} == {0.75}, "the score stays that of the detector"


def test_the_shipped_head_is_of_the_shipped_encoder_and_small() -> None:
    settings = EmbedSettings(threads=1, types=True)
    head = make_types(settings, make_encoder(settings, "ellipse").id)
    assert head is not None
    assert head_file(SHIPPED_FILE).stat().st_size < 20_000


def test_types_are_off_by_default() -> None:
    assert make_types(EmbedSettings(), OF) is None


def test_the_head_lies_beside_its_encoder(tmp_path: Path) -> None:
    settings = EmbedSettings(encoder=str(tmp_path / "mine.onnx"), types=True)
    with pytest.raises(WeightsError, match=r"mine\.types\.npz: No such file"):
        make_types(settings, OF)
    write_head(tmp_path / "mine.types.npz", random_head())
    assert make_types(settings, OF) is not None
    with pytest.raises(WeightsError, match="train it again"):
        make_types(settings, "grl@11111111")


def test_colours_have_no_types() -> None:
    with pytest.raises(ConfigError, match="needs a trained encoder"):
        make_types(EmbedSettings(encoder="colour", types=True), OF)
