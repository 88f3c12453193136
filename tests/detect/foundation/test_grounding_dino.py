"""Frames of many cameras to boxes, with planted networks: where boxes land, who shares a batch, what memory does."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("groundingdino")

import torch
from groundingdino.datasets import transforms
from PIL import Image as Pillow

from detect.detections import Detections
from detect.detector import BatchDetector
from detect.foundation import grounding_dino
from detect.foundation.grounding_dino import PADDING_BGR, QUERIES, GroundingDino, ResizePad
from detect.foundation.grounding_dino_network import DEVIATION, MEAN, EncodedPrompt
from detect.foundation.prompts import NO_NOUN, Prompt
from ingest.errors import ConfigError, TooLargeError
from ingest.frame import ClockQuality, Frame, Image

pytestmark = pytest.mark.torch

Images = NDArray[np.uint8]
Output = tuple[NDArray[np.float32], NDArray[np.float32]]

WHITE = 255


class Planted:
    """Stands in for the network: `look` makes (Q, T) scores and (Q, 4) boxes of each image; batches are counted."""

    def __init__(self, look: Callable[[Image], Output], memory: int = 99) -> None:
        self._look = look
        self._memory = memory
        self.batches: list[tuple[str, tuple[int, ...]]] = []

    def encode_prompt(self, prompt: Prompt) -> EncodedPrompt:
        """A token for each noun, and one at each end."""
        nouns = range(len(prompt.nouns))
        return EncodedPrompt(prompt, np.array([NO_NOUN, *nouns, NO_NOUN]), {})

    def __call__(self, batch: Images, text: EncodedPrompt) -> Output:
        self.batches.append((text.prompt.caption, batch.shape))
        if len(batch) > self._memory:
            raise torch.OutOfMemoryError("CUDA out of memory")
        scores, boxes = zip(*map(self._look, batch), strict=True)
        return np.stack(scores), np.stack(boxes)


def output(*found: tuple[list[float], list[float]]) -> Output:
    """Of boxes (centre, width and height as shares) with their scores for two nouns."""
    boxes = np.array([box for box, _ in found], np.float32).reshape(-1, 4)
    return np.array([[0.1, *scores, 0.1] for _, scores in found], np.float32).reshape(-1, 4), boxes


def nothing(resized: Image) -> Output:
    return output(([0.5, 0.5, 0.1, 0.1], [0.1, 0.1]))


def bright_part(resized: Image) -> Output:
    """The box around what is bright, as shares of the image."""
    rows, columns = np.nonzero(resized.min(axis=2) > 140)
    height, width = resized.shape[:2]
    left, right = columns.min() / width, (columns.max() + 1) / width
    top, bottom = rows.min() / height, (rows.max() + 1) / height
    return output(([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], [0.2, 0.8]))


def brightness(resized: Image) -> Output:
    """A box as wide as the image is bright."""
    share = float(resized.mean()) / 255
    return output(([share / 2, 0.5, share, 1.0], [0.9, 0.1]))


def detector(network: Planted, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> GroundingDino:
    monkeypatch.setattr(grounding_dino, "load_network", lambda *_: network)
    settings = {"prompt_of": lambda _: "car . bus .", "device": "cpu", **settings}
    return GroundingDino(Path("checkpoint"), Path("bert"), "swin-t", **settings)


def frame(image: Image, camera_id: str = "north") -> Frame:
    return Frame(camera_id, 0, 0, ClockQuality.SYNTHETIC, image)


def black(width: int, height: int) -> Image:
    return np.zeros((height, width, 3), np.uint8)


def one(found: list[Detections]) -> Detections:
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("size", "box_xyxy"),
    [
        ((1920, 1080), [300, 200, 700, 500]),
        ((1080, 1920), [300, 200, 700, 500]),
        ((640, 480), [0, 0, 120, 100]),
        ((352, 288), [300, 250, 352, 288]),
        ((3000, 300), [1000, 100, 1200, 200]),
        ((4000, 40), [1000, 0, 2000, 40]),
        ((10000, 6000), [4000, 3000, 5000, 3600]),
        ((20, 2000), [0, 500, 20, 900]),
        ((33, 33), [3, 3, 30, 30]),
    ],
)
def test_boxes_land_where_the_network_saw_them(
    size: tuple[int, int], box_xyxy: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = black(*size)
    left, top, right, bottom = box_xyxy
    image[top:bottom, left:right] = WHITE
    found = one(detector(Planted(bright_part), monkeypatch)([frame(image)]))
    tolerance_px = max(ResizePad.of(size, 800).size) / max(ResizePad.of(size, 800).scaled) + 0.5  # a pixel of the input
    assert np.abs(found.boxes - [box_xyxy]).max() <= tolerance_px
    assert found.labels == ("bus",)
    assert found.scores.tolist() == pytest.approx([0.8])


def test_shares_become_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Planted(lambda _: output(([0.5, 0.5, 0.25, 0.5], [0.9, 0.1])))
    found = one(detector(network, monkeypatch)([frame(black(1920, 1080))]))
    assert np.allclose(found.boxes, [[720, 270, 1200, 810]], atol=1e-3)
    assert network.batches == [("car . bus .", (1, 750, 1333, 3))]


@pytest.mark.parametrize("size", [(1, 1), (1, 1080), (1920, 1), (1, 10000), (10000, 1), (3, 7)])
def test_degenerate_images_are_looked_at(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    network = Planted(lambda _: output(([0.5, 0.5, 1.0, 1.0], [0.9, 0.1])))
    found = one(detector(network, monkeypatch)([frame(black(*size))]))
    assert (found.boxes <= np.array([*size, *size])).all()
    ((_, (_, height, width, _)),) = network.batches
    assert min(height, width) >= 1
    assert max(height, width) <= 2 * 1333
    assert grounding_dino._places(width, height) >= QUERIES


@pytest.mark.parametrize(
    "size", [(1920, 1080), (1080, 1920), (640, 480), (352, 288), (1333, 800), (801, 799), (2592, 1944), (3000, 300)]
)
def test_images_are_those_of_the_library(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    library = transforms.Compose(
        [transforms.RandomResize([800], max_size=1333), transforms.ToTensor(), transforms.Normalize(MEAN, DEVIATION)]
    )
    expected, _ = library(Pillow.fromarray(image[:, :, ::-1].copy()), None)
    resized = ResizePad.of(size, 800).apply(image)[:, :, ::-1].transpose(2, 0, 1) / 255
    normal = (resized - np.array(MEAN)[:, None, None]) / np.array(DEVIATION)[:, None, None]
    assert normal.shape == tuple(expected.shape)
    assert np.abs(normal - expected.numpy()).max() < 1e-5


def test_what_a_narrow_image_leaves_free_is_nothing_to_the_network() -> None:
    fit = ResizePad.of((20, 2000), 800)
    resized = fit.apply(np.full((2000, 20, 3), WHITE, np.uint8))
    assert resized.shape == (fit.canvas[1], fit.canvas[0], 3)
    assert (resized[: fit.scaled[1], : fit.scaled[0]] == WHITE).all()
    assert (resized[:, fit.scaled[0] :] == PADDING_BGR).all()
    assert np.abs(np.array(PADDING_BGR)[::-1] / 255 - MEAN).max() < 0.5 / 255 + 1e-6


def test_a_batch_has_one_prompt_and_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = {"north": "car . bus .", "south": "Car. Bus", "east": "bus . car ."}
    network = Planted(brightness)
    finder: BatchDetector = detector(network, monkeypatch, prompt_of=prompts.__getitem__, max_batch=3)
    sizes = [(1920, 1080), (640, 480), (1280, 720)]  # the first and the last are resized to the same
    order = np.random.default_rng(3).permutation(18)
    cases = [(camera, size, level) for camera in prompts for size in sizes for level in (51, 204)]
    frames = [frame(black(*cases[row][1]) + np.uint8(cases[row][2]), cases[row][0]) for row in order]
    found = finder(frames)
    for row, each in zip(order, found, strict=True):
        camera, (width, height), level = cases[row]
        assert np.allclose(each.boxes, [[0, 0, width * level / 255, height]], atol=1e-2)
        assert each.labels == ("bus" if camera == "east" else "car",)
    # Two cameras ask for the same, with two sizes of image, four and eight of each; three at once.
    assert sorted((caption, shape[0], shape[1]) for caption, shape in network.batches) == sorted(
        [("car . bus .", n, 750) for n in (3, 3, 2)]
        + [("car . bus .", n, 800) for n in (3, 1)]
        + [("bus . car .", n, 750) for n in (3, 1)]
        + [("bus . car .", 2, 800)]
    )


def test_nothing_in_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    finder = detector(Planted(nothing), monkeypatch)
    assert finder([]) == []
    assert len(one(finder([frame(black(640, 480))]))) == 0


def test_boxes_end_at_the_frame_and_have_an_area(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = output(
        ([0.0, 0.5, 0.2, 0.2], [0.6, 0.1]),
        ([1.0, 1.0, 0.5, 0.5], [0.7, 0.1]),
        ([0.5, 0.5, 0.0, 0.3], [0.9, 0.1]),
        ([0.5, 0.5, 0.1, 0.1], [0.3, 0.1]),
    )
    found = one(detector(Planted(lambda _: planted), monkeypatch)([frame(black(1000, 500))]))
    assert np.allclose(found.boxes, [[750, 375, 1000, 500], [0, 200, 100, 300]], atol=1e-3)
    assert found.scores.tolist() == pytest.approx([0.7, 0.6])


def test_a_vehicle_under_two_nouns_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = output(
        ([0.50, 0.5, 0.2, 0.2], [0.6, 0.1]),
        ([0.51, 0.5, 0.2, 0.2], [0.1, 0.7]),
        ([0.58, 0.5, 0.2, 0.2], [0.5, 0.1]),
    )
    images = [frame(black(1000, 500))]
    found = one(detector(Planted(lambda _: planted), monkeypatch)(images))
    assert found.labels == ("bus", "car")
    assert found.scores.tolist() == pytest.approx([0.7, 0.5])
    assert len(one(detector(Planted(lambda _: planted), monkeypatch, max_iou=1.0)(images))) == 3


def test_a_full_gpu_gets_smaller_batches_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    network = Planted(brightness, memory=2)
    finder = detector(network, monkeypatch, max_batch=8)
    frames = [frame(black(640, 480) + np.uint8(20 * row), f"camera-{row}") for row in range(11)]
    with caplog.at_level(logging.WARNING):
        first, second = finder(frames), finder(frames)
    for found in (first, second):
        widths = [each.boxes[0, 2] if len(each) else 0 for each in found]
        assert np.allclose(widths, [640 * 20 * row / 255 for row in range(11)], atol=1e-2)
    assert [shape[0] for _, shape in network.batches] == [8, 4, *[2] * 5, 1, *[2] * 5, 1]
    assert [record.getMessage() for record in caplog.records] == [
        "Out of GPU memory with batches of 8 images; from now on 2"
    ]


def test_a_gpu_too_full_for_one_image_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    finder = detector(Planted(brightness, memory=0), monkeypatch)
    with pytest.raises(TooLargeError, match=r"one image of 1333x750 pixels .*short_side_px"):
        finder([frame(black(1920, 1080))])


def test_prompts_are_refused_before_the_first_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    finder = detector(Planted(nothing), monkeypatch, prompt_of={"north": "car .", "south": " . "}.__getitem__)
    finder.prepare(["north"])
    with pytest.raises(ConfigError, match="names nothing"):
        finder.prepare(["north", "south"])


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="there is no device 'gpu'"):
        detector(Planted(nothing), monkeypatch, device="gpu")
