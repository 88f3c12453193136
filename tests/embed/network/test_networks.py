"""The networks are those of the papers: sizes, shapes, costs, and what priors may and may not do."""

from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from embed.network.blocks import Cell, CrossAttention
from embed.network.factory import build_encoder
from embed.network.grl import Grl, quarter_size
from embed.network.msinet import MsiNet
from embed.network.network import ReidNetwork, TrainingOutput, parameter_counts
from embed.network.settings import NetworkSettings
from ingest.errors import ConfigError

pytestmark = pytest.mark.torch

IDENTITIES = 5


def build(identities: int = IDENTITIES, **settings: Any) -> ReidNetwork:
    torch.manual_seed(0)
    return build_encoder(NetworkSettings(**settings), identities)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("settings", "trained", "deployed", "dim"),
    [
        ({"name": "msinet"}, 2_328_035, 1_998_819, 768),
        ({"name": "msinet", "test_feature": "f3"}, 2_328_035, 1_949_539, 512),
        ({"name": "msinet", "test_feature": "neck"}, 2_328_035, 1_949_539 + 262_144 + 1_024, 512),
        ({"name": "grl"}, 2_351_431, 1_949_539 + 4_964 + 18_432, 512),
        ({"name": "grl", "test_feature": "msinet"}, 2_351_431, 1_998_819 + 4_964 + 18_432, 768),
        ({"name": "grl", "fusion": "dense"}, 2_826_567, 1_949_539 + 4_964 + 493_568, 512),
        ({"name": "grl", "fusion": "dense", "prior_channels": 1}, 2_328_035 + 44 + 476_288, 2_425_871, 512),
        ({"name": "grl", "fusion": "dense", "prior_channels": 64}, 2_328_035 + 75_140 + 548_864, 2_573_543, 512),
        ({"name": "grl", "prior_channels": 64}, 2_328_035 + 75_140 + 73_728, 2_098_407, 512),
        # Normalisations of the three adaptors behind their 16 channels, not before 2, 16 and 16.
        ({"name": "grl", "adaptor_order": "conv-norm-relu"}, 2_351_459, 1_949_539 + 4_992 + 18_432, 512),
        # 2,193,616 is what torchreid prints: it counts every gate, which four streams share, four times.
        ({"name": "osnet"}, 2_169_508, 2_169_508, 512),
        # torchvision's resnet50 without its classifier, and the neck.
        ({"name": "resnet50"}, 25_557_032 - 2_049_000 + 4_096, 23_512_128, 2048),
        ({"name": "resnet50", "test_feature": "f3"}, 23_512_128, 23_508_032, 2048),
    ],
    ids=str,
)
def test_parameters(settings: dict[str, Any], trained: int, deployed: int, dim: int) -> None:
    network = build(**settings)
    counts = parameter_counts(network)
    assert (counts.trained, counts.deployed, network.dim) == (trained, deployed, dim)


def test_parameters_of_every_part_of_the_trunk() -> None:
    network = build(name="msinet")
    assert isinstance(network, MsiNet)
    trunk = network.trunk
    assert count(trunk.stem) == 9_536
    assert [count(cell) for cell in trunk.first] == [98_696, 307_303, 574_089]
    assert [count(cell) for cell in trunk.second] == [105_796, 232_806, 407_041]
    assert [count(down) for down in trunk.down] == [66_048, 148_224]


@pytest.mark.parametrize(("height", "width"), [(256, 256), (256, 128)])
def test_shapes(height: int, width: int) -> None:
    network = build(name="grl")
    learned = network(torch.randn(2, 3, height, width), torch.ones(2, 2, height // 4, width // 4))
    assert isinstance(learned, TrainingOutput)
    assert learned.final_map.shape == (2, 512, height // 16, width // 16)
    assert [feature.shape[1] for feature in learned.features] == [512, 256]
    assert [logits.shape[1] for logits in learned.logits] == [IDENTITIES, IDENTITIES]


@pytest.mark.parametrize("name", ["msinet", "grl", "osnet", "resnet50"])
def test_every_network_gives_unit_vectors_and_learns(name: str) -> None:
    network = build(name=name, height=64, width=64)
    images = torch.randn(4, 3, 64, 64)
    learned = network(images)
    assert isinstance(learned, TrainingOutput)
    assert learned.final_map.shape == (4, network.map_channels, 64 // network.map_stride, 64 // network.map_stride)
    torch.stack([logits.logsumexp(1).mean() for logits in learned.logits]).sum().backward()  # type: ignore[no-untyped-call]
    still = [key for key, each in network.named_parameters() if each.requires_grad and each.grad is None]
    assert not still, "every parameter takes part"
    frozen = [key for key, each in network.named_parameters() if not each.requires_grad]
    assert all(key.endswith("neck.bias") for key in frozen)
    with torch.no_grad():
        features = network.eval()(images)
        alone = network(images[:1])
    assert isinstance(features, Tensor)
    assert isinstance(alone, Tensor)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(4))
    torch.testing.assert_close(features[:1], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("feature", ["f3", "msinet", "neck"])
@pytest.mark.parametrize("fusion", ["dense", "residual"])
def test_an_untrained_fusion_is_msinet_with_any_prior(fusion: str, feature: str) -> None:
    plain = build(name="msinet", test_feature=feature)
    network = build(name="grl", fusion=fusion, test_feature=feature)
    missing, unexpected = network.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert all(key.startswith(("adaptors", "fusions")) for key in missing)
    images, priors = torch.randn(2, 3, 64, 64), torch.rand(2, 2, 16, 16)
    with torch.no_grad():
        difference = (plain.eval()(images) - network.eval()(images, priors)).abs().max()
    assert difference == 0.0


def test_a_trained_fusion_listens_to_the_prior() -> None:
    network = build(name="grl", height=64, width=64)
    assert isinstance(network, Grl)
    images, priors = torch.randn(4, 3, 64, 64), torch.rand(4, 2, 16, 16)
    learned = network(images, priors)
    assert isinstance(learned, TrainingOutput)
    learned.features[0].square().sum().backward()  # type: ignore[no-untyped-call]
    for fusion in network.fusions:
        gradient = fusion.get_parameter("of_prior.weight").grad
        assert gradient is not None
        assert gradient.norm() > 0
        nn.init.normal_(fusion.get_parameter("of_prior.weight"))
    with torch.no_grad():
        network.eval()
        assert (network(images, priors) - network(images, 1 - priors)).abs().max() > 1e-3


def test_priors_of_full_size_are_averaged_and_none_means_everything() -> None:
    images = torch.zeros(1, 3, 64, 32)
    full = torch.rand(1, 2, 64, 32)
    quarter = quarter_size(images, full)
    assert quarter.shape == (1, 2, 16, 8)
    torch.testing.assert_close(quarter[0, 1, 2, 3], full[0, 1, 8:12, 12:16].mean())
    assert torch.equal(quarter_size(images, None), torch.ones(1, 2, 16, 8))
    assert quarter_size(images, quarter) is quarter
    with pytest.raises(ValueError, match=r"priors of \(32, 16\)"):
        quarter_size(images, torch.ones(1, 2, 32, 16))


@pytest.mark.parametrize(
    ("settings", "height", "width", "giga"),
    [
        ({"name": "msinet"}, 256, 256, 2.245),
        ({"name": "msinet", "test_feature": "msinet"}, 256, 256, 2.258),
        ({"name": "msinet", "test_feature": "msinet"}, 256, 128, 1.129),
        ({"name": "grl", "test_feature": "msinet"}, 256, 256, 2.274),
        ({"name": "grl", "test_feature": "msinet", "fusion": "dense"}, 256, 256, 2.761),
        ({"name": "osnet"}, 256, 128, 0.979),
        ({"name": "resnet50"}, 256, 128, 4.053),
    ],
    ids=str,
)
def test_multiplications(settings: dict[str, Any], height: int, width: int, giga: float) -> None:
    """Within 1 %: an attention's energies are computed once here, since one is the other's transpose."""
    network = build(**settings).eval()
    done = 0

    def of_layer(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        nonlocal done
        if isinstance(module, CrossAttention):
            channels, positions = inputs[0].shape[1], inputs[0].shape[2:].numel()
            done += 3 * channels**2 * positions
        elif isinstance(module, nn.Conv2d | nn.Linear):
            done += output.numel() * module.weight[0].numel()

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | CrossAttention):
            module.register_forward_hook(of_layer)
    with torch.no_grad():
        network(torch.zeros(1, 3, height, width))
    assert done / 1e9 == pytest.approx(giga, rel=0.01)


def test_attention_begins_as_nothing_and_stays_finite_in_half_precision() -> None:
    attention = CrossAttention()
    a, b = torch.randn(2, 8, 4, 4), torch.randn(2, 8, 4, 4)
    assert torch.equal(attention(a, b)[0], a)
    nn.init.ones_(attention.share)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed_a, mixed_b = attention((300 * a).half(), (300 * b).half())
    assert mixed_a.dtype == torch.float16
    assert torch.isfinite(mixed_a).all()
    assert torch.isfinite(mixed_b).all()


def test_attention_is_its_formula() -> None:
    """A' = share * softmax(rowmax(E) - E) A + A with E = A B^T, and B' with the branches exchanged."""
    attention = CrossAttention()
    nn.init.constant_(attention.share, 0.5)
    a, b = torch.randn(3, 6, 2, 5), torch.randn(3, 6, 2, 5)

    def mixed(x: Tensor, y: Tensor) -> Tensor:
        energy = torch.einsum("bchw,bdhw->bcd", x, y)
        attended = torch.softmax(energy.max(dim=2, keepdim=True).values - energy, dim=2)
        return 0.5 * torch.einsum("bcd,bdhw->bchw", attended, x) + x

    mixed_a, mixed_b = attention(a, b)
    torch.testing.assert_close(mixed_a, mixed(a, b))
    torch.testing.assert_close(mixed_b, mixed(b, a))


def test_both_branches_of_a_cell_leave_it_with_their_signs() -> None:
    cell = Cell(32, 64, ("exchange", "gate")).eval()
    values = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    assert all((leave(values) < 0).any() for leave in (cell.leave_a, cell.leave_b))


def test_the_same_seed_gives_the_same_network() -> None:
    one, two = build().state_dict(), build().state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_feature_that_a_network_lacks() -> None:
    with pytest.raises(ConfigError, match="OsNet has no test feature 'msinet' \\(it has: neck\\)"):
        build(name="osnet", test_feature="msinet")


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("name", ["grl", "msinet"])
@torch.no_grad()
def test_each_part_counts_its_share_of_a_cosine(name: str, share: float) -> None:
    images = torch.randn(2, 3, 32, 32)
    parts = [
        nn.functional.normalize(part, dim=1)
        for part in build(name=name, test_feature="msinet").eval()(images).split((512, 256), dim=1)
    ]
    vectors = build(name=name, test_feature="msinet", main_share=share).eval()(images)
    cosines = [float(part[0] @ part[1]) for part in (*parts, vectors)]
    assert cosines[2] == pytest.approx(share * cosines[0] + (1 - share) * cosines[1], abs=1e-5)


@pytest.mark.parametrize("settings", [{"name": "grl"}, {"name": "osnet"}], ids=str)
def test_a_share_of_a_part_that_is_not_there(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"model.main_share: only of grl and msinet, with test_feature 'msinet'"):
        build(main_share=0.5, **settings)


@torch.no_grad()
def test_a_projection_is_of_the_test_feature_of_norm_one() -> None:
    images, network = torch.randn(2, 3, 32, 32), build(name="msinet").eval()
    feature = network(images)
    layer = network.project_to(6)
    assert (network.dim, network.feature_dim) == (6, 768)
    torch.testing.assert_close(network(images), nn.functional.normalize(layer(feature), dim=1))
    assert layer in network.deployed_modules()
    assert layer not in network.inference_modules()
    assert build(name="osnet", projection=6).dim == 6
