"""Networks to test SAM with: a small one of its own parts, and planted ones that say what they were shown."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import Tensor, nn

from detect.foundation import sam
from detect.foundation.sam import SamMasker

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
