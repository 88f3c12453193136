"""The losses against their definitions written out as loops, and the memory banks' manners."""

import math

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from training.datasets.base import UNLABELLED
from training.encoder.losses import (
    AGREEMENT_TEMPERATURE,
    CONTRAST_TEMPERATURE,
    agreement_loss,
    align_loss,
    contrast_loss,
    identity_loss,
    paired_align_loss,
    triplet_loss,
)
from training.encoder.memory_bank import BatchAlignment, MemoryBanks

pytestmark = pytest.mark.torch

LABELS = {
    "even": [0, 0, 1, 1, 2, 2],
    "uneven": [0, 0, 0, 1, 2, 2],
    "scattered": [2, 0, 1, 0, 2, 2],
    "all different": [0, 1, 2, 3, 4, 5],
    "all the same": [4, 4, 4, 4, 4, 4],
}
EVERY = pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())


def cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


@EVERY
def test_align_loss_is_the_double_loop(labels: list[int]) -> None:
    generator = torch.Generator().manual_seed(3)
    count, slots = len(labels), 3
    anchors = torch.rand(count, 10, generator=generator)
    locals_ = torch.randn(slots, count, 10, generator=generator)
    positive, negative = [], []
    for g in range(count):
        same = [p for p in range(count) if labels[p] == labels[g]]
        other = [p for p in range(count) if labels[p] != labels[g]]
        positive.append(mean([1 - cosine(anchors[g], locals_[s, p]) for p in same for s in range(slots)]))
        pairs = [1 - cosine(locals_[s, p], locals_[s, q]) for p in other for q in other for s in range(slots)]
        negative.append(mean(pairs))
    expected = mean(positive) + mean(negative)
    assert float(align_loss(anchors, locals_, torch.tensor(labels))) == pytest.approx(expected, abs=1e-5)


@EVERY
def test_paired_align_loss_is_the_double_loop(labels: list[int]) -> None:
    generator = torch.Generator().manual_seed(4)
    count = len(labels)
    anchors = torch.rand(count, 10, generator=generator)
    seen = torch.randn(count, count, 10, generator=generator)
    positive, negative = [], []
    for g in range(count):
        same = [p for p in range(count) if labels[p] == labels[g]]
        other = [p for p in range(count) if labels[p] != labels[g]]
        positive.append(mean([1 - cosine(anchors[g], seen[g, p]) for p in same]))
        negative.append(mean([1 - cosine(seen[g, p], seen[g, q]) for p in other for q in other]))
    expected = mean(positive) + mean(negative)
    assert float(paired_align_loss(anchors, seen, torch.tensor(labels))) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("raw", [False, True])
@EVERY
def test_triplet_loss_is_the_loop(labels: list[int], raw: bool) -> None:
    features = torch.randn(len(labels), 8, generator=torch.Generator().manual_seed(5))
    unit = features if raw else features / features.norm(dim=1, keepdim=True)
    expected = []
    for a, label in enumerate(labels):
        positive = max(float((unit[a] - unit[p]).norm()) for p in range(len(labels)) if labels[p] == label)
        others = [float((unit[a] - unit[n]).norm()) for n in range(len(labels)) if labels[n] != label]
        expected.append(max(0.0, positive - min(others, default=math.inf) + 0.3))
    told = triplet_loss(features, torch.tensor(labels), 0.3, raw=raw)
    assert float(told) == pytest.approx(mean(expected), abs=1e-4)


def test_triplets_of_equal_features_have_a_finite_gradient() -> None:
    features = torch.ones(4, 8, requires_grad=True)
    triplet_loss(features, torch.tensor([0, 0, 1, 1]), 0.3).backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


def test_identity_loss_spreads_a_part_of_the_mass() -> None:
    logits = torch.tensor([[2.0, 0.0, -1.0]])
    log = torch.log_softmax(logits, dim=1)[0]
    expected = -(0.9 * log[1] + 0.1 * log.mean())
    torch.testing.assert_close(identity_loss(logits, torch.tensor([1]), 0.1), expected)


def banks(slots: int = 6) -> MemoryBanks:
    torch.manual_seed(0)
    return MemoryBanks(16, 2, 3, slots=slots, momentum=0.9)


MAP = torch.randn(6, 16, 2, 3, generator=torch.Generator().manual_seed(1))
SAME_AND_OTHER = torch.tensor(LABELS["uneven"])
DRAWN = torch.tensor([4, 1])


def test_keys_and_queries_and_the_map_all_learn() -> None:
    module, final_map = banks(), MAP.clone().requires_grad_()
    module(final_map, SAME_AND_OTHER, DRAWN).backward()
    for learned in (module.key.weight, module.query.weight, final_map):
        assert learned.grad is not None
        assert learned.grad.norm() > 0


def test_banks_move_by_their_momentum_and_only_where_drawn() -> None:
    module = banks()
    before, global_before = module.local_bank.clone(), module.global_bank.clone()
    module(MAP, SAME_AND_OTHER, DRAWN)
    flat = MAP.flatten(2)
    torch.testing.assert_close(module.local_bank[DRAWN], 0.9 * before[DRAWN] + 0.1 * flat.mean(dim=0))
    others = [0, 2, 3, 5]
    assert torch.equal(module.local_bank[others], before[others])
    keys = module.key(MAP).flatten(2).mean(dim=0).detach()
    torch.testing.assert_close(module.global_bank, 0.9 * global_before + 0.1 * keys)


def test_banks_stand_still_in_evaluation() -> None:
    module = banks().eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    loss = module(MAP, SAME_AND_OTHER, DRAWN)
    assert torch.isfinite(loss)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def test_activations_are_the_best_match_of_every_position() -> None:
    module = banks().eval()
    anchors, locals_ = module.activations(MAP, DRAWN)
    flat = MAP.flatten(2)
    queries = module.query(MAP).flatten(2)
    for image in range(6):
        torch.testing.assert_close(anchors[image], (queries[image].T @ module.global_bank).max(dim=1).values)
        for place, slot in enumerate(DRAWN.tolist()):
            expected = (flat[image].T @ module.local_bank[slot]).max(dim=1).values
            torch.testing.assert_close(locals_[place, image], expected)


def test_banks_have_the_size_of_the_paper_s_maps() -> None:
    module = MemoryBanks(512, 16, 16, slots=64, momentum=0.9)
    assert sum(parameter.numel() for parameter in module.parameters()) == 65_664
    assert module.global_bank.shape == (64, 256)
    assert module.local_bank.shape == (64, 512, 256)


@pytest.mark.parametrize("kind", ["banks", "batch"])
def test_the_loss_is_finite_under_bfloat16(kind: str) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        if kind == "banks":
            loss = banks()((100 * MAP).bfloat16(), SAME_AND_OTHER, DRAWN)
        else:
            loss = BatchAlignment(16)((100 * MAP).bfloat16(), SAME_AND_OTHER)
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)


def test_two_looks_agree_where_each_finds_the_other_and_other_images_of_the_vehicle_do_not_count() -> None:
    torch.manual_seed(0)
    looks = torch.nn.functional.normalize(torch.randn(4, 6), dim=1)
    features = torch.cat([looks, looks + 0.1 * torch.randn(4, 6)])
    crops = torch.tensor([0, 1, 2, 3] * 2)
    labels = torch.tensor([7, 7, 8, UNLABELLED] * 2)
    unit = torch.nn.functional.normalize(features, dim=1)
    expected = []
    for row in range(8):
        other = (row + 4) % 8
        wrong = [each for each in range(8) if each % 4 != row % 4 and not (row % 4 < 2 and each % 4 < 2)]
        logits = torch.stack([unit[row] @ unit[each] for each in (other, *wrong)]) / AGREEMENT_TEMPERATURE
        expected.append(-torch.log_softmax(logits, dim=0)[0])
    torch.testing.assert_close(agreement_loss(features, labels, crops), torch.stack(expected).mean())
    turned = torch.cat([looks, looks[[2, 3, 0, 1]]])
    assert agreement_loss(turned, labels, crops) > agreement_loss(features, labels, crops)


def test_images_whose_vehicle_is_not_known_are_each_other_s_wrong_answers() -> None:
    features = torch.eye(3).repeat(2, 1)
    crops, nobody = torch.tensor([0, 1, 2] * 2), torch.full((6,), UNLABELLED)
    one_vehicle = torch.zeros(6, dtype=torch.long)
    assert agreement_loss(features, one_vehicle, crops) == pytest.approx(0.0, abs=1e-6)
    assert agreement_loss(features, nobody, crops) > 0


@EVERY
def test_contrast_finds_each_other_image_of_a_vehicle_among_other_vehicles(labels: list[int]) -> None:
    features = torch.randn(6, 5, generator=torch.Generator().manual_seed(1), requires_grad=True)
    values = features.detach()
    expected = []
    for row in range(6):
        wrong = [each for each in range(6) if labels[each] != labels[row]]
        for other in (each for each in range(6) if each != row and labels[each] == labels[row]):
            cosines = [cosine(values[row], values[each]) / CONTRAST_TEMPERATURE for each in (other, *wrong)]
            expected.append(-math.log(math.exp(cosines[0]) / sum(math.exp(each) for each in cosines)))
    loss = contrast_loss(features, torch.tensor(labels))
    assert float(loss.detach()) == pytest.approx(mean(expected), abs=1e-5)
    (gradient,) = torch.autograd.grad(loss, features)
    assert torch.isfinite(gradient).all()
