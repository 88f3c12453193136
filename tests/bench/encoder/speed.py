"""How fast encoders train and run in PyTorch, and the align loss by memory banks against all pairs.

Everything is on the CPU, with as many threads as torch takes; random pictures, so that no disk is measured.
"""

from collections.abc import Callable

import msgspec
import torch
from torch import Tensor

from embed.network.factory import build_encoder
from embed.network.settings import NetworkName, NetworkSettings
from tests.bench.measure import interleaved, rate, table
from training.encoder.memory_bank import SAMPLED_SLOTS, BatchAlignment, MemoryBanks
from training.encoder.objective import Objective
from training.encoder.precision import Precision, choose_precision
from training.encoder.recipe import PAPER
from training.encoder.trainer import make_optimiser

CPU = torch.device("cpu")
EAGER = Precision(CPU, None, "eager")
SIDE_PX = 128
BATCH = 32
IDENTITIES = 576
"""As many as VeRi-776 has in training."""

ROUNDS = 5

ALIGN_BATCH, ALIGN_SIDE = 64, 16
"""16 by 16 positions are those of a 256x256 picture."""

INFERENCE_BATCH, INFERENCE_SIDE_PX = 8, 256


def training_step(name: NetworkName, precision: Precision, channels_last: bool) -> Callable[[], None]:
    """One step of forward, backward and SGD on a batch of random pictures."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    settings = NetworkSettings(name=name, height=SIDE_PX, width=SIDE_PX)
    recipe = msgspec.structs.replace(PAPER, identities=BATCH // 4)
    objective = Objective(build_encoder(settings, IDENTITIES), settings, recipe)
    objective.to(memory_format=layout)
    optimiser = make_optimiser(objective, recipe)
    images = torch.randn(BATCH, 3, SIDE_PX, SIDE_PX).contiguous(memory_format=layout)
    labels = torch.arange(BATCH) // 4
    drawn = torch.arange(SAMPLED_SLOTS)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with precision.context():
            losses = objective(images, None, labels, drawn)
        losses[0].backward()
        optimiser.step()

    return step


def inference(name: NetworkName, precision: Precision, channels_last: bool) -> Callable[[], None]:
    """The test features of a batch."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = build_encoder(NetworkSettings(name=name), IDENTITIES).eval()
    network.to(memory_format=layout)
    images = torch.randn(INFERENCE_BATCH, 3, INFERENCE_SIDE_PX, INFERENCE_SIDE_PX).contiguous(memory_format=layout)

    def call() -> None:
        with torch.no_grad(), precision.context():
            network(images)

    return call


def align_step(by_banks: bool) -> Callable[[], None]:
    """Forward and backward of the align loss of random last stages."""
    final_map = torch.randn(ALIGN_BATCH, 512, ALIGN_SIDE, ALIGN_SIDE, requires_grad=True)
    labels = torch.arange(ALIGN_BATCH) // 4
    drawn = torch.arange(SAMPLED_SLOTS)
    banks = MemoryBanks(512, ALIGN_SIDE, ALIGN_SIDE, slots=ALIGN_BATCH, momentum=PAPER.bank_momentum)
    pairs = BatchAlignment(512)

    def step() -> None:
        loss: Tensor = banks(final_map, labels, drawn) if by_banks else pairs(final_map, labels)
        loss.backward()  # type: ignore[no-untyped-call]

    return step


def per_second(count: int, work: Callable[[], None]) -> Callable[[], float]:
    """Warm once; then one measurement is one call."""
    work()
    return lambda: rate(count, work)


def compare(speeds: dict[str, float], unit: str) -> None:
    """A table whose ratios are to the first row."""
    first = next(iter(speeds.values()))
    table(["what", unit, "ratio"], [[name, f"{speed:.2f}", f"{speed / first:.2f}"] for name, speed in speeds.items()])


def main() -> None:
    torch.manual_seed(0)
    ours = choose_precision("auto", CPU)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads; ours: {ours}")
    print(f"Medians of {ROUNDS} interleaved runs")
    print(f"\nTraining GRL, {SIDE_PX}x{SIDE_PX}, batch {BATCH}, all losses, without the loader\n")
    compare(
        interleaved(
            {
                "eager, float32, channels first": per_second(BATCH, training_step("grl", EAGER, False)),
                "float32, channels last": per_second(BATCH, training_step("grl", EAGER, True)),
                "ours: channels last, autocast": per_second(BATCH, training_step("grl", ours, True)),
            },
            rounds=ROUNDS,
        ),
        "images/s",
    )
    print(f"\nAlign loss, forward and backward, batch {ALIGN_BATCH}, {ALIGN_SIDE}x{ALIGN_SIDE} positions\n")
    compare(
        interleaved(
            {
                "all pairs of the batch": per_second(1, align_step(False)),
                f"memory banks, {SAMPLED_SLOTS} slots a step": per_second(1, align_step(True)),
            },
            rounds=ROUNDS,
        ),
        "steps/s",
    )
    print(f"\nInference, {INFERENCE_SIDE_PX}x{INFERENCE_SIDE_PX}, batch {INFERENCE_BATCH}\n")
    names: tuple[NetworkName, ...] = ("msinet", "grl")
    compare(
        interleaved(
            {
                f"{name}, {what}": per_second(INFERENCE_BATCH, inference(name, precision, channels_last))
                for name in names
                for what, precision, channels_last in (
                    ("eager, channels first", EAGER, False),
                    ("channels last", EAGER, True),
                    ("channels last, autocast", ours, True),
                )
            },
            rounds=ROUNDS,
        ),
        "images/s",
    )


if __name__ == "__main__":
    main()
