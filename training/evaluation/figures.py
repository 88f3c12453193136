"""The paper's figures 5 to 7: priors, where two networks look, and what a query finds."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embed.network.msinet import MsiNet
from embed.priors import Prior
from ingest.frame import Image
from training.batches.augment import PriorSource, test_view
from training.datasets.base import UNKNOWN_CAMERA, ImageSet
from training.datasets.images import read_image
from training.evaluation.image_sheet import cell, framed, make_sheet
from training.evaluation.retrieval import Features

BOX_BGR = (40, 200, 40)
MASK_BGR = (230, 120, 30)
RIGHT_BGR, WRONG_BGR = (60, 170, 40), (50, 50, 220)
TINT = 0.5
"""Opacity of a colour over an image, 0 to 1."""


def prior_figure(images: ImageSet, priors: Sequence[Prior | None]) -> Image:
    """Figure 5: each image, its mask and its box; without a prior the image again."""
    rows = []
    for row, prior in enumerate(priors):
        image = read_image(images.path(row))
        rows.append([cell(image), cell(with_mask(image, prior)), cell(with_box(image, prior))])
    return make_sheet(("input", "mask", "box"), rows)


def with_mask(image: Image, prior: Prior | None) -> Image:
    """Tinted where the mask is."""
    if prior is None or prior.mask is None:
        return image
    size = image.shape[1], image.shape[0]
    inside = cv2.resize(prior.mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)[:, :, None] > 0
    tinted = (1.0 - TINT) * image + TINT * np.array(MASK_BGR)
    return np.where(inside, tinted, image).astype(np.uint8)


def with_box(image: Image, prior: Prior | None) -> Image:
    """Draw the outline of a prior's box on a copy of the image."""
    if prior is None:
        return image
    out, (height, width) = image.copy(), image.shape[:2]
    left, top, right, bottom = (round(float(s) * side) for s, side in zip(prior.box, (width, height) * 2, strict=True))
    thick = max(1, round(max(width, height) / 60))
    cv2.rectangle(out, (left, top), (right - 1, bottom - 1), BOX_BGR, thick)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class FigureNetwork:
    """A network in evaluation mode, its name, and the priors that it gets (None: everything is vehicle)."""

    name: str
    network: MsiNet
    size_hw: tuple[int, int]
    prior_of: PriorSource | None = None


def activation_figure(images: ImageSet, watched: Sequence[FigureNetwork], priors: Sequence[Prior | None] = ()) -> Image:
    """Figure 6: each image, its mask if priors are given, and how strongly each network's stages respond where."""
    heads, rows = ["input", *(["mask"] if priors else [])], []
    stages = len(watched[0].network.trunk.second)
    for each in watched:
        heads += [f"{each.name} {stage + 1}" for stage in range(stages)]
    for row in range(len(images)):
        image = read_image(images.path(row))
        maps = [strength for each in watched for strength in stage_strengths(each, image, row)]
        masked = [cell(with_mask(image, priors[row]))] if priors else []
        rows.append([cell(image), *masked, *(cell(with_heat(image, strength)) for strength in maps)])
    return make_sheet(heads, rows)


def stage_strengths(watched: FigureNetwork, image: Image, row: int) -> list[NDArray[np.float32]]:
    """Strength map (h, w) in 0..1 of each stage: length of the feature vector at every place, least to most."""
    prior = None if watched.prior_of is None else watched.prior_of(row)
    pixels, shown = test_view(image, prior, watched.size_hw)
    found: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.append(torch.linalg.vector_norm(output.float(), dim=1)[0])

    hooks = [stage.register_forward_hook(keep) for stage in watched.network.trunk.second]
    try:
        with torch.no_grad():
            watched.network(_batch(pixels), None if shown is None else _batch(shown))
    finally:
        for hook in hooks:
            hook.remove()
    return [_stretched(strength.numpy()) for strength in found]


def _batch(array: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(array).permute(2, 0, 1)[None]


def _stretched(values: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = float(values.min()), float(values.max())
    return (values - low) / max(high - low, 1e-12)


def with_heat(image: Image, strength: NDArray[np.float32]) -> Image:
    """The image under a map of (h, w) in 0..1, weak to strong as dark to bright."""
    size = image.shape[1], image.shape[0]
    smooth = np.clip(cv2.resize(strength, size, interpolation=cv2.INTER_CUBIC), 0, 1)
    heat = cv2.applyColorMap((255 * smooth).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return np.asarray(cv2.addWeighted(image, 1 - TINT, heat, TINT, 0), np.uint8)


def match_figure(query: ImageSet, asked: Features, gallery: ImageSet, kept: Features, top: int = 6) -> Image:
    """Figure 7: each query and its best matches, right ones framed green and wrong ones red.

    As the protocols have it, without images of the same vehicle by the same camera.
    """
    rows = []
    for row in range(len(query)):
        best = best_matches(query, row, gallery, asked[row] @ kept.T, top)
        right = gallery.identities[best] == query.identities[row]
        images = [read_image(gallery.path(int(place))) for place in best]
        frames = [RIGHT_BGR if good else WRONG_BGR for good in right.tolist()]
        found = [framed(tile, colour) for tile, colour in zip(images, frames, strict=True)]
        rows.append([cell(read_image(query.path(row))), *found])
    return make_sheet(["query", *(str(place + 1) for place in range(top))], rows)


def best_matches(
    query: ImageSet, row: int, gallery: ImageSet, alike: NDArray[np.float32], top: int
) -> NDArray[np.int64]:
    """Rows of the gallery, the most alike first, without images of the query's vehicle by its camera or itself."""
    camera = query.cameras[row]
    known = camera != UNKNOWN_CAMERA
    junk = (gallery.identities == query.identities[row]) & known & (gallery.cameras == camera)
    junk |= gallery.names == query.names[row]
    order = np.argsort(-alike, kind="stable")
    return np.asarray(order[~junk[order]][:top], np.int64)
