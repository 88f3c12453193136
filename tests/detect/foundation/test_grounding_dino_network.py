"""The real architecture with random weights, through the real files: the same as the library's own predictor.

Swin-T with a small text encoder, at a short side of 192 pixels so that an image takes a second or two.
"""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("groundingdino")

import torch
from groundingdino.datasets import transforms
from groundingdino.util.inference import predict
from groundingdino.util.utils import get_phrases_from_posmap
from PIL import Image as Pillow

from detect.boxes import areas, iou
from detect.detections import Detections
from detect.foundation import grounding_dino_network
from detect.foundation.grounding_dino import GroundingDino, ResizePad
from detect.foundation.grounding_dino_network import DEVIATION, MEAN, GroundingDinoNetwork, build, load_network
from detect.foundation.prompts import Prompt
from ingest.errors import ConfigError, WeightsError
from ingest.frame import ClockQuality, Frame, Image
from tests.detect.foundation.grounding_dino_files import write_checkpoint, write_text_encoder

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")
SHORT_SIDE_PX = 192
PROMPT = "car . fire truck . bus . motorcycle ."
TURNED = "motorcycle . bus . car . fire truck ."
BOX_SCORE, PHRASE_SCORE = 0.6, 0.6


@dataclass(frozen=True)
class Files:
    """Where the random weights lie."""

    checkpoint: Path
    text_encoder: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("grounding-dino")
    text_encoder = write_text_encoder(folder / "bert")
    return Files(write_checkpoint(folder / "swin-t.pth", text_encoder), text_encoder)


@pytest.fixture(scope="module")
def detector(files: Files) -> GroundingDino:
    prompts = {"north": PROMPT, "south": PROMPT, "east": TURNED, "long": " . ".join(f"car {n}" for n in range(90))}
    return GroundingDino(
        files.checkpoint,
        files.text_encoder,
        "swin-t",
        prompt_of=prompts.__getitem__,
        box_score=BOX_SCORE,
        phrase_score=PHRASE_SCORE,
        max_iou=1.0,
        device="cpu",
        precision="fp32",
        short_side_px=SHORT_SIDE_PX,
    )


@pytest.fixture(scope="module")
def network(detector: GroundingDino) -> GroundingDinoNetwork:
    return detector._network


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The same sums in the same order, whatever the machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def street(seed: int) -> Image:
    noise = np.random.default_rng(seed).integers(0, 256, (270, 480, 3), np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 5)
    return np.asarray(cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX), np.uint8)  # type: ignore[call-overload]


def frame(image: Image, camera_id: str) -> Frame:
    return Frame(camera_id, 0, 0, ClockQuality.FILE, image)


def by_library(model: Any, image: Image) -> Detections:
    """Boxes of at least a pixel by the library's predictor, in pixels of the image, labelled with its phrases."""
    prepare = transforms.Compose(
        [
            transforms.RandomResize([SHORT_SIDE_PX], max_size=round(SHORT_SIDE_PX * 1333 / 800)),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, DEVIATION),
        ]
    )
    pixels, _ = prepare(Pillow.fromarray(image[:, :, ::-1].copy()), None)
    boxes, scores, phrases = predict(model, pixels, PROMPT, BOX_SCORE, PHRASE_SCORE, device="cpu")
    height, width = image.shape[:2]
    centres, halves = boxes.numpy()[:, :2], boxes.numpy()[:, 2:] / 2
    corners = np.hstack([centres - halves, centres + halves]) * [width, height, width, height]
    found = Detections.of(np.clip(corners, 0, [width, height, width, height]), scores.numpy(), tuple(phrases))
    return found.select(areas(found.boxes) >= 1)


def assert_same(found: Detections, expected: Detections) -> list[int]:
    """The same boxes, in whatever order those of nearly equal scores are; which is which."""
    assert len(found) == len(expected) > 20
    pairs = iou(found.boxes, expected.boxes) - np.abs(found.scores[:, None] - expected.scores[None])
    partner = pairs.argmax(axis=1)
    assert len(set(partner.tolist())) == len(found)
    assert np.abs(found.boxes - expected.boxes[partner]).max() < 0.01
    assert np.abs(found.scores - expected.scores[partner]).max() < 1e-4
    return [int(row) for row in partner]


def assert_same_nouns(labels: Sequence[str], phrases: Sequence[str]) -> None:
    """The same names where the library's phrase is a noun: with random weights it is often a medley of several."""
    words = [phrase.replace("[CLS]", "").replace("[SEP]", "").strip() for phrase in phrases]
    clear = [(label, word) for label, word in zip(labels, words, strict=True) if word in Prompt.of(PROMPT).nouns]
    assert len({word for _, word in clear}) > 1, "always the same name would prove little"
    assert [label for label, _ in clear] == [word for _, word in clear]


def test_a_batch_of_cameras_is_what_the_library_finds_in_each(
    detector: GroundingDino, network: GroundingDinoNetwork, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also: neither a neighbour in the batch, nor its prompt, nor the order of a prompt's nouns changes a box."""
    first, second = street(0), street(1)
    frames = [frame(first, "north"), frame(first, "east"), frame(second, "south")]
    found = detector(frames)
    (alone,) = detector(frames[2:])
    assert capfd.readouterr().out == ""
    expected = by_library(network._model, first)
    partners = assert_same(found[0], expected)
    assert_same_nouns(found[0].labels, [expected.labels[row] for row in partners])
    assert_same(found[1], expected)
    assert_same(found[2], alone)
    assert found[0].labels == found[1].labels
    assert not np.array_equal(found[2].boxes[:20], found[0].boxes[:20])
    assert {label for each in found for label in each.labels} <= set(Prompt.of(PROMPT).nouns)


def test_names_are_the_phrases_of_the_library(network: GroundingDinoNetwork) -> None:
    text = network.encode_prompt(Prompt.of(PROMPT))
    tokenizer = network._model.tokenizer
    tokens = tokenizer(text.prompt.caption)
    rng = np.random.default_rng(0)
    noun = rng.integers(0, len(text.prompt.nouns), 50)
    scores = rng.uniform(0, 0.25, (50, len(text.token_nouns))).astype(np.float32)
    of_noun = text.token_nouns[None, :] == noun[:, None]
    scores[of_noun] = rng.uniform(0.26, 1, of_noun.sum())
    phrases = [get_phrases_from_posmap(torch.from_numpy(row > 0.25), tokens, tokenizer) for row in scores]
    assert text.prompt.name(scores, text.token_nouns, 0.25) == tuple(phrases)
    assert set(phrases) == set(text.prompt.nouns)
    merged = np.where(text.token_nouns >= 0, 0.5, 0.1).astype(np.float32)[None]
    assert text.prompt.name(merged, text.token_nouns, 0.25) == ("car",)


def in_bfloat16(network: GroundingDinoNetwork, monkeypatch: pytest.MonkeyPatch) -> GroundingDinoNetwork:
    monkeypatch.setattr(grounding_dino_network, "autocast_type", lambda *_: torch.bfloat16)
    return GroundingDinoNetwork(network._model, CPU)


def test_half_precision_moves_boxes_little(network: GroundingDinoNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same starting places: which are best among nearly equal ones is chance where weights are random."""
    text = network.encode_prompt(Prompt.of(PROMPT))
    pixels = ResizePad.of((480, 270), 160).apply(street(2))[None].copy()
    first_guess = network._model.transformer.enc_out_class_embed
    kept: list[torch.Tensor] = []
    with first_guess.register_forward_hook(lambda *call: kept.append(call[2])):
        scores, boxes = network(pixels, text)
    half = in_bfloat16(network, monkeypatch)
    with first_guess.register_forward_hook(lambda *_: kept[0]):
        half_scores, half_boxes = half(pixels, half.encode_prompt(text.prompt))
    assert 0 < np.median(np.abs(half_boxes - boxes)) < 1e-3
    assert 0 < np.median(np.abs(half_scores - scores)) < 0.02


def test_a_network_that_overflows_goes_on_in_float32(
    network: GroundingDinoNetwork, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def overflow(_: object, __: object, boxes: torch.Tensor) -> torch.Tensor:
        return torch.full_like(boxes, float("nan")) if torch.is_autocast_enabled("cpu") else boxes

    pixels = ResizePad.of((480, 270), 160).apply(street(2))[None].copy()
    half = in_bfloat16(network, monkeypatch)
    text = half.encode_prompt(Prompt.of(PROMPT))
    with network._model.bbox_embed[-1].register_forward_hook(overflow):
        _, boxes = half(pixels, text)
    assert np.isfinite(boxes).all()
    assert half._autocast is None
    assert [record.getMessage() for record in caplog.records] == [
        "Grounding DINO leaves the range of torch.bfloat16 with these weights; float32 from now on"
    ]


def test_a_prompt_over_the_token_limit_is_refused(detector: GroundingDino) -> None:
    detector.prepare(["north", "east"])
    with pytest.raises(ConfigError, match="90 nouns in 272 tokens, 256 is the limit"):
        detector.prepare(["long"])


def test_loading_asks_no_network_and_prints_nothing(
    files: Files, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    for way in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, way, refuse)
    load_network(files.checkpoint, files.text_encoder, "swin-t", CPU, "fp32")
    assert capfd.readouterr().out == ""


def test_a_checkpoint_that_cannot_be_read_is_refused(files: Files, tmp_path: Path) -> None:
    content = files.checkpoint.read_bytes()[: 1 << 20]
    cases = {
        "missing.pth": (None, "No such file"),
        "empty.pth": (b"", "no checkpoint, or is damaged"),
        "text.pth": (b"<html>not found</html>", "no checkpoint, or is damaged"),
        "truncated.pth": (content, "no checkpoint, or is damaged"),
    }
    for name, (data, says) in cases.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(WeightsError, match=says) as refusal:
            load_network(tmp_path / name, files.text_encoder, "swin-t", CPU, "fp32")
        assert name in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_a_checkpoint_that_does_not_fit_says_what_does_not(
    files: Files, network: GroundingDinoNetwork, tmp_path: Path
) -> None:
    state = network._model.state_dict()
    name = "feat_map.weight"
    cases = {
        "other.pth": ({"weights": {}}, "has no 'model'"),
        "short.pth": ({"model": {name: state[name]}}, r"\d+ of \d+ tensors are missing"),
        "wide.pth": ({"model": state | {name: torch.zeros(256, 768)}}, r"feat_map.weight: \(256, 768\) instead of"),
    }
    for file, (content, says) in cases.items():
        torch.save(content, tmp_path / file)
        with pytest.raises(WeightsError, match=says):
            load_network(tmp_path / file, files.text_encoder, "swin-t", CPU, "fp32")
    with pytest.raises(WeightsError, match="does not fit Grounding DINO swin-b"):
        load_network(files.checkpoint, files.text_encoder, "swin-b", CPU, "fp32")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"config.json": None}, "lacks config.json"),
        ({"model.safetensors": None}, "lacks model.safetensors or pytorch_model.bin"),
        ({"vocab.txt": None, "tokenizer.json": None}, "lacks vocab.txt or tokenizer.json"),
        ({"config.json": b"{"}, "cannot read the text encoder"),
        ({"model.safetensors": b"cut"}, "cannot read the text encoder"),
    ],
)
def test_a_text_encoder_that_cannot_be_read_is_refused(
    broken: dict[str, bytes | None], says: str, files: Files, tmp_path: Path
) -> None:
    for file in files.text_encoder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    for name, content in broken.items():
        (tmp_path / name).unlink()
        if content is not None:
            (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=says) as refusal:
        build("swin-t", tmp_path)
    assert "\n" not in str(refusal.value)
