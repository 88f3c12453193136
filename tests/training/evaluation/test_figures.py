"""Figures show what protocols count: frames are right, priors are over their pictures, stages where they respond."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from embed.network.factory import build_encoder
from embed.network.settings import NetworkSettings
from embed.priors import Prior
from tests.training.toy_vehicles import draw_vehicles
from training.datasets.images import read_image
from training.evaluation.figures import (
    BOX_BGR,
    RIGHT_BGR,
    WRONG_BGR,
    FigureNetwork,
    activation_figure,
    best_matches,
    match_figure,
    prior_figure,
    stage_strengths,
    with_box,
    with_mask,
)
from training.evaluation.image_sheet import CELL_PX, GAP_PX, HEAD_PX, cell

pytestmark = pytest.mark.torch

STEP = CELL_PX + GAP_PX


def corner(sheet: np.ndarray, row: int, column: int) -> tuple[int, ...]:
    """A pixel of the frame of a cell."""
    return tuple(sheet[HEAD_PX + row * STEP + 3, GAP_PX + column * STEP + 3].tolist())


def test_matches_are_framed_by_whether_they_are_right(tmp_path: Path) -> None:
    images = draw_vehicles(tmp_path, identities=3, images=4)
    asks = images.select(np.array([0]))
    features = np.zeros((12, 4), np.float32)
    features[[0, 1, 2, 3], 0] = (1.0, 0.9, 0.8, 0.7)
    features[[5, 8], 0] = (0.85, 0.75)
    best = best_matches(asks, 0, images, features[0] @ features.T, 4)
    assert best.tolist() == [5, 2, 8, 3], "without itself, and without 1, which the same camera saw"
    sheet = match_figure(asks, features[:1], images, features, top=4)
    assert [corner(sheet, 0, column) for column in range(1, 5)] == [WRONG_BGR, RIGHT_BGR, WRONG_BGR, RIGHT_BGR]


def test_priors_are_drawn_where_they_are() -> None:
    image = np.full((50, 100, 3), 200, np.uint8)
    mask = np.zeros((5, 10), np.bool_)
    mask[2:, 5:] = True
    prior = Prior(np.array([0.1, 0.2, 0.9, 0.8], np.float32), mask)
    tinted, boxed = with_mask(image, prior), with_box(image, prior)
    changed = (tinted != image).any(axis=2)
    assert changed[20:, 50:].all()
    assert not changed[:20].any()
    assert not changed[:, :50].any()
    assert tuple(boxed[25, 10].tolist()) == BOX_BGR
    assert tuple(boxed[10, 50].tolist()) == BOX_BGR
    assert (with_box(image, None) == image).all()


def test_a_stage_responds_where_it_is_strongest(tmp_path: Path) -> None:
    torch.manual_seed(0)
    networks = {name: build_encoder(NetworkSettings(name=name), 2).eval() for name in ("msinet", "grl")}
    images = draw_vehicles(tmp_path, identities=1, images=2)
    watched = [FigureNetwork(name, network, (64, 64)) for name, network in networks.items()]  # type: ignore[arg-type]
    strengths = stage_strengths(watched[0], read_image(images.path(0)), 0)
    assert [each.shape for each in strengths] == [(16, 16), (8, 8), (4, 4)]
    assert all((each.min(), each.max()) == (0.0, 1.0) for each in strengths)
    sheet = activation_figure(images, watched)
    assert sheet.shape == (HEAD_PX + 2 * STEP, 7 * STEP + GAP_PX, 3)
    first, second = (sheet[HEAD_PX:, GAP_PX + column * STEP :][:CELL_PX, :CELL_PX] for column in (1, 2))
    assert (first != second).any()


def test_every_picture_fits_its_cell(tmp_path: Path) -> None:
    assert cell(np.zeros((300, 20, 3), np.uint8)).shape == (CELL_PX, CELL_PX, 3)
    assert cell(np.zeros((2, 900, 3), np.uint8)).shape == (CELL_PX, CELL_PX, 3)
    images = draw_vehicles(tmp_path, identities=1, images=2)
    assert prior_figure(images, [None, None]).shape == (HEAD_PX + 2 * STEP, 3 * STEP + GAP_PX, 3)
