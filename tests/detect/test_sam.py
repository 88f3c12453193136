"""SAM through its real code path: a small network of its own parts, saved and loaded, and planted networks."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("segment_anything")

import torch
from segment_anything import SamPredictor
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import Tensor, nn

from detect import sam
from detect.accelerator import Precision
from detect.masks import BoxMasker, Masker
from detect.sam import SamMasker
from ingest.errors import ConfigError, TooLargeError, WeightsError

pytestmark = pytest.mark.torch

SIDE = 256
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def small(width: int = 32) -> Sam:
    """SAM with windowed and global attention, relative positions and the real decoder, only narrower and shallower."""
    tokens = SIDE // 16
    encoder = ImageEncoderViT(
        img_size=SIDE,
        embed_dim=width,
        depth=2,
        num_heads=2,
        out_chans=32,
        use_rel_pos=True,
        window_size=14,
        global_attn_indexes=(1,),
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
    )
    prompts = PromptEncoder(32, (tokens, tokens), (SIDE, SIDE), 16)
    transformer = TwoWayTransformer(depth=2, embedding_dim=32, mlp_dim=64, num_heads=4)
    decoder = MaskDecoder(transformer_dim=32, transformer=transformer, iou_head_hidden_dim=32)
    return Sam(encoder, prompts, decoder, MEAN, STD)


class BrightRed(nn.Module):
    """Stands in for the image encoder: a map of where the image as SAM sees it is red."""

    def __init__(self, img_size: int = 1024) -> None:
        super().__init__()
        self.img_size = img_size

    def forward(self, image: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(image[:, :1], 4)


class NoPrompts(PromptEncoder):  # type: ignore[misc]  # segment-anything has no types
    """Boxes as they came, for `SeenImage` and `SeenBox`."""

    def forward(self, points: None, boxes: Tensor, masks: None) -> tuple[Tensor, Tensor]:
        return boxes, boxes


class SeenImage(nn.Module):
    """The mask is what was red in the image, whatever the box."""

    def forward(self, **given: Any) -> tuple[Tensor, Tensor]:
        boxes = given["sparse_prompt_embeddings"]
        return given["image_embeddings"].expand(len(boxes), 1, -1, -1), boxes[:, :1]


class SeenBox(nn.Module):
    """The mask is the box that was asked with, and five pixels of SAM's image around it."""

    def forward(self, **given: Any) -> tuple[Tensor, Tensor]:
        boxes = given["sparse_prompt_embeddings"]
        centres = torch.arange(256) * 4 + 2.0
        left, top, right, bottom = boxes.T[:, :, None]
        across = torch.minimum(centres - left, right - centres) + 5
        down = torch.minimum(centres - top, bottom - centres) + 5
        return torch.minimum(across[:, None, :], down[:, :, None])[:, None], boxes[:, :1]


def planted(decoder: Callable[[], nn.Module]) -> Sam:
    return Sam(BrightRed(), NoPrompts(32, (64, 64), (1024, 1024), 16), cast("MaskDecoder", decoder()), MEAN, STD)


BUILDERS: dict[str, Callable[[], Sam]] = {
    "small": small,
    "wide": partial(small, 64),
    "seen-image": partial(planted, SeenImage),
    "seen-box": partial(planted, SeenBox),
}


@pytest.fixture(autouse=True)
def builders(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, build in BUILDERS.items():
        monkeypatch.setitem(sam.BUILDERS, name, build)


def save(folder: Path, size: str) -> Path:
    torch.manual_seed(3)
    network = BUILDERS[size]()
    for parameter in network.parameters():  # relative positions begin as zeros, and would say nothing
        if parameter.ndim == 2:
            nn.init.normal_(parameter, std=0.3)
    path = folder / f"{size}.pth"
    torch.save(network.state_dict(), path)
    return path


def make(folder: Path, size: str = "small", **settings: Any) -> SamMasker:
    return SamMasker(save(folder, size), cast("sam.Size", size), device="cpu", **settings)


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(8).integers(0, 256, (height, width, 3), np.uint8)


BOXES = np.array([[10, 5, 60, 50], [3.4, 20.2, 88.8, 71.9], [0, 0, 120, 90], [70, 8, 80, 12]], np.float32)


# What the library says


@pytest.mark.parametrize("shape", [(90, 120), (120, 121), (700, 400)])
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 0.0), ("auto", 0.02)])
def test_masks_are_those_of_the_library_s_predictor(
    tmp_path: Path, shape: tuple[int, int], precision: Precision, tolerance: float
) -> None:
    image = picture(*shape)
    masker = make(tmp_path, precision=precision)
    network = small().eval()
    network.load_state_dict(torch.load(tmp_path / "small.pth"))
    predictor = SamPredictor(network)
    predictor.set_image(np.ascontiguousarray(image[..., ::-1]), "RGB")
    inside = np.stack([BoxMasker()(image, box) for box in BOXES])
    theirs = np.concatenate([predictor.predict(box=box, multimask_output=False)[0] for box in BOXES])
    expected = theirs & inside
    assert 0.1 < expected.sum() / inside.sum() < 0.9, "masks of all or nothing would prove little"
    assert (masker.masks(image, BOXES) != expected).sum() <= tolerance * inside.sum()


def test_boxes_together_are_as_each_alone_in_any_order(tmp_path: Path) -> None:
    image = picture(90, 120)
    masker: Masker = make(tmp_path)
    together = make(tmp_path).masks(image, BOXES)
    assert together.dtype == np.bool_
    assert together.shape == (4, 90, 120)
    for box, mask in zip(BOXES, together, strict=True):
        assert (masker(image, box) == mask).all()
    assert (make(tmp_path).masks(image, BOXES[::-1]) == together[::-1]).all()


def test_an_image_is_encoded_once_for_all_its_boxes_and_not_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[tuple[int, ...]] = []
    real = SamPredictor.set_image

    def set_image(self: SamPredictor, image: np.ndarray, image_format: str) -> None:
        encoded.append(image.shape)
        real(self, image, image_format)

    monkeypatch.setattr(SamPredictor, "set_image", set_image)
    monkeypatch.setattr(sam, "BOXES_AT_ONCE", 3)
    masker = make(tmp_path)
    masker.masks(picture(90, 120), BOXES)
    assert encoded == [(90, 120, 3)]
    assert masker.masks(picture(90, 120), BOXES[:0]).shape == (0, 90, 120)
    assert len(encoded) == 1


def test_an_encoder_that_overflows_goes_on_in_float32_which_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def overflow(_: object, __: object, features: Tensor) -> Tensor:
        if torch.is_autocast_enabled("cpu"):
            features = features.clone()
            features[..., 3, 5] = float("nan")
        return features

    image = picture(90, 120)
    expected = make(tmp_path, precision="fp32").masks(image, BOXES)
    monkeypatch.setattr(sam, "autocast_type", lambda *_: torch.bfloat16)
    masker = make(tmp_path)
    with masker._predictor.model.image_encoder.register_forward_hook(overflow):
        assert (masker.masks(image, BOXES) == expected).all()
        assert (masker.masks(image, BOXES) == expected).all()
    assert caplog.messages == ["SAM small leaves the range of torch.bfloat16 with these weights; float32 from now on"]


# Where things are


def red_box(height: int, width: int, box: tuple[int, int, int, int]) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[...] = (255, 255, 0)  # blue and green: red in RGB as in BGR would prove nothing
    left, top, right, bottom = box
    image[top:bottom, left:right] = (0, 0, 255)
    return image


def grown(box: tuple[int, int, int, int], by: int) -> np.ndarray:
    return np.array(box, np.float32) + np.array([-by, -by, by, by], np.float32)


PLACES = {
    "wide": ((300, 400), (37, 60, 201, 222)),
    "tall": ((400, 300), (120, 310, 180, 390)),
    "square": ((256, 256), (0, 0, 100, 30)),
    "a crop": ((74, 121), (13, 8, 108, 66)),
    "larger than SAM's image": ((1440, 2560), (1700, 900, 2210, 1300)),
}


@pytest.mark.parametrize(("shape", "box"), PLACES.values(), ids=PLACES.keys())
def test_what_is_seen_lies_where_it_is_in_the_image(
    tmp_path: Path, shape: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    image = red_box(*shape, box)
    mask = make(tmp_path, "seen-image")(image, grown(box, 20))
    truth = image[..., 2] > 0
    slack = max(1, round(3 * max(shape) / 1024))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    edges = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    assert np.abs(edges - np.array(box)).max() <= slack
    assert (mask & truth).sum() / (mask | truth).sum() > 0.93


@pytest.mark.parametrize(("shape", "box"), PLACES.values(), ids=PLACES.keys())
def test_the_box_that_sam_is_asked_with_is_the_one_in_the_image(
    tmp_path: Path, shape: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    truth = BoxMasker()(np.zeros((*shape, 3), np.uint8), np.array(box, np.float32))
    mask = make(tmp_path, "seen-box")(picture(*shape), np.array(box, np.float32))
    assert (mask == truth).all()


def test_a_crop_shows_the_same_vehicle_at_the_same_place(tmp_path: Path) -> None:
    masker = make(tmp_path, "seen-image")
    image = red_box(300, 400, (137, 60, 301, 222))
    whole = masker(image, np.array([120, 40, 320, 240], np.float32))
    crop = masker(image[40:240, 100:340], np.array([20, 0, 220, 200], np.float32))
    assert (crop ^ whole[40:240, 100:340]).sum() < 0.03 * whole.sum()


# What there may be


ODD = {
    "no area": ([40.0, 20, 40, 60], False),
    "a line within a pixel": ([40.2, 20, 40.2, 60], False),
    "inside out": ([60, 60, 40, 20], False),
    "outside": ([200, 20, 260, 60], False),
    "beside": ([-50, 20, 0, 60], False),
    "over the edge": ([100, 50, 180, 160], True),
    "less than a pixel": ([40.2, 20.3, 40.6, 20.7], True),
}


@pytest.mark.parametrize(("box", "asked"), ODD.values(), ids=ODD.keys())
def test_odd_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, box: list[float], asked: bool) -> None:
    asked_with: list[int] = []
    real = SamPredictor.predict_torch

    def predict(self: SamPredictor, *given: Any, **named: Any) -> Any:
        asked_with.append(len(named["boxes"]))
        assert 0 <= named["boxes"].min() <= named["boxes"].max() <= 1024, "SAM knows no places outside the image"
        return real(self, *given, **named)

    monkeypatch.setattr(SamPredictor, "predict_torch", predict)
    image = picture(90, 120)
    masker = make(tmp_path, "seen-box")
    mask = masker(image, np.array(box, np.float32))
    assert (mask == BoxMasker()(image, np.array(box, np.float32))).all()
    assert asked_with == ([1] if asked else [])
    among = masker.masks(image, np.array([BOXES[0], box, BOXES[1]], np.float32))
    assert (among[[0, 2]] == masker.masks(image, BOXES[:2])).all()


def test_where_sam_finds_nothing_the_box_stands_in(tmp_path: Path) -> None:
    image = red_box(300, 400, (37, 60, 201, 222))
    boxes = np.array([[250, 100, 350, 200], [30, 50, 210, 230]], np.float32)
    nothing, vehicle = make(tmp_path, "seen-image").masks(image, boxes)
    assert nothing.sum() == 100 * 100
    assert vehicle.sum() < 170 * 170


def test_boxes_must_be_numbers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="finite"):
        make(tmp_path)(picture(90, 120), np.array([0, 0, np.nan, 9], np.float32))


@pytest.mark.parametrize("shape", [(1, 1), (10_000, 40), (40, 10_000), (1, 10_000), (2, 2)])
def test_images_of_any_size(tmp_path: Path, shape: tuple[int, int]) -> None:
    box = np.array([0, 0, shape[1], shape[0]], np.float32)
    mask = make(tmp_path, "seen-box")(picture(*shape), box)
    assert mask.shape == shape
    assert mask.all()


def test_a_picture_of_ten_thousand_pixels_a_side_is_masked_box_by_box(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sam, "PIXELS_AT_ONCE", 1)
    sizes: list[int] = []
    real = SamPredictor.predict_torch

    def predict(self: SamPredictor, *given: Any, **named: Any) -> Any:
        sizes.append(len(named["boxes"]))
        return real(self, *given, **named)

    monkeypatch.setattr(SamPredictor, "predict_torch", predict)
    image = np.zeros((300, 10_000, 3), np.uint8)
    boxes = np.array([[9000, 20, 9900, 280], [100, 40, 700, 260]], np.float32)
    masks = make(tmp_path, "seen-box").masks(image, boxes)
    assert sizes == [1, 1]
    for box, mask in zip(boxes, masks, strict=True):
        assert (mask == BoxMasker()(image, box)).all()


# Memory


def short_of_memory(monkeypatch: pytest.MonkeyPatch, room: int) -> list[int]:
    """SAM's decoder has room for that many boxes; returns how many were asked for, call by call."""
    asked: list[int] = []
    real = SamPredictor.predict_torch

    def predict(self: SamPredictor, *given: Any, **named: Any) -> Any:
        asked.append(len(named["boxes"]))
        if asked[-1] > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, *given, **named)

    monkeypatch.setattr(SamPredictor, "predict_torch", predict)
    return asked


def test_short_of_memory_boxes_go_in_smaller_batches_which_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    image = picture(90, 120)
    boxes = np.tile(BOXES, (5, 1))
    expected = make(tmp_path).masks(image, boxes)
    asked = short_of_memory(monkeypatch, room=3)
    masker = make(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert (masker.masks(image, boxes) == expected).all()
        del asked[:]
        assert (masker.masks(image, boxes) == expected).all()
    assert asked == [2] * 10
    assert len(caplog.messages) == 1
    assert "short of memory" in caplog.messages[0]


def test_no_memory_for_one_box_or_one_image_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    masker = make(tmp_path)
    short_of_memory(monkeypatch, room=0)
    with pytest.raises(TooLargeError, match="SAM small finds too little free memory on cpu for one box"):
        masker.masks(picture(90, 120), BOXES)

    def encode(*given: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(SamPredictor, "set_image", encode)
    with pytest.raises(TooLargeError, match="for one image"):
        masker.masks(picture(90, 120), BOXES)


# The checkpoint


def test_a_missing_checkpoint_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.pth \(run `corridor weights pull sam-vit-b`\)"):
        SamMasker(tmp_path / "none.pth", "vit-b", device="cpu")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-500])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("<html>404 Not Found</html>")


def code(path: Path) -> None:
    torch.save({"model": small()}, path)  # a pickled object: loading it would run code


@pytest.mark.parametrize("broken", [cut, empty, text, code])
def test_a_broken_checkpoint_is_refused(tmp_path: Path, broken: Callable[[Path], None]) -> None:
    path = save(tmp_path, "small")
    broken(path)
    with pytest.raises(WeightsError, match=r"cannot read .*small\.pth: it is broken, cut short, or no checkpoint"):
        SamMasker(path, cast("sam.Size", "small"), device="cpu")


def test_a_checkpoint_of_another_size_is_refused_by_its_name(tmp_path: Path) -> None:
    path = save(tmp_path, "wide")
    with pytest.raises(WeightsError, match=r"wide\.pth holds the weights of SAM wide, not of SAM small"):
        SamMasker(path, cast("sam.Size", "small"), device="cpu")


def lacking(state: dict[str, Tensor]) -> object:
    del state["mask_decoder.iou_token.weight"]
    return state


def wrapped(state: dict[str, Tensor]) -> object:
    return {"model": state}


@pytest.mark.parametrize("changed", [lacking, wrapped, dict.values])
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, changed: Callable[[Any], object]) -> None:
    path = save(tmp_path, "small")
    torch.save(changed(torch.load(path)) if changed is not dict.values else [1, 2], path)
    with pytest.raises(WeightsError, match="holds no weights of SAM by their names and shapes"):
        SamMasker(path, cast("sam.Size", "small"), device="cpu")


def test_the_published_sizes_are_known() -> None:
    megabytes = {size: sum(p.numel() for p in sam._empty(size).parameters()) * 4e-6 for size in sam.BUILDERS}
    # As large as Meta's files (deploy/weights_catalogue.toml) but for some kilobytes of names.
    assert megabytes["vit-b"] == pytest.approx(375.042, abs=0.3)
    assert megabytes["vit-l"] == pytest.approx(1249.525, abs=0.3)
    assert megabytes["vit-h"] == pytest.approx(2564.551, abs=0.3)


def test_a_size_and_a_device_that_there_are_not_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, "small")
    with pytest.raises(ConfigError, match=r"there is no SAM 'vit-x' \(known: vit-b, vit-l, vit-h"):
        SamMasker(path, cast("sam.Size", "vit-x"), device="cpu")
    with pytest.raises(ConfigError, match="'cuda:99' is not there"):
        SamMasker(path, cast("sam.Size", "small"), device="cuda:99")
