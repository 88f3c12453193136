"""bfloat16 only where the processor computes in it."""

import pytest

pytest.importorskip("torch")

import torch

from ingest.errors import ConfigError
from training.encoder.precision import PrecisionChoice, choose_precision

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("wanted", "flags", "autocast", "told"),
    [
        ("auto", {"avx2"}, None, "float32 on cpu (the processor has neither amx_bf16 nor avx512_bf16)"),
        ("auto", {"avx2", "avx512_bf16"}, torch.bfloat16, "bfloat16 on cpu (the processor has avx512_bf16)"),
        ("auto", {"amx_bf16"}, torch.bfloat16, "bfloat16 on cpu (the processor has amx_bf16)"),
        ("fp32", {"avx512_bf16"}, None, "float32 on cpu (as configured)"),
        ("bf16", {"avx2"}, torch.bfloat16, "bfloat16 on cpu (as configured)"),
    ],
)
def test_the_choice(wanted: PrecisionChoice, flags: set[str], autocast: torch.dtype | None, told: str) -> None:
    chosen = choose_precision(wanted, CPU, frozenset(flags))
    assert (chosen.autocast, str(chosen), chosen.scales) == (autocast, told, False)


def test_float16_is_not_for_cpus() -> None:
    with pytest.raises(ConfigError, match="'fp16' is for GPUs"):
        choose_precision("fp16", CPU)
