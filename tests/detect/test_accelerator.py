"""Which device the large networks take, and which type: lower precision only where it is computed in."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from detect import accelerator
from detect.accelerator import autocast_type, choose_device
from ingest.errors import ConfigError

pytestmark = pytest.mark.torch

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


@pytest.mark.parametrize(("gpus", "kind"), [(0, "cpu"), (1, "cuda")])
def test_auto_is_the_gpu_where_there_is_one(gpus: int, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    assert choose_device("auto").type == kind


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cuda", "PyTorch sees 0 GPUs"),
        ("cuda:7", "PyTorch sees 0 GPUs"),
        ("gpu", "there is no device 'gpu'"),
        ("meta", "not supported"),
    ],
)
def test_a_device_that_is_not_there_is_refused(name: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ConfigError, match=says):
        choose_device(name)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu sse2 avx512_bf16", torch.bfloat16),
        ("fpu amx_bf16", torch.bfloat16),
        ("fpu avx512f bf16", None),
        ("", None),
    ],
)
def test_bfloat16_needs_instructions_for_it(
    flags: str, expected: torch.dtype | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: none\n")
    monkeypatch.setattr(accelerator, "CPU_INFO", tmp_path / "cpuinfo")
    assert autocast_type(CPU, "auto") == expected
    assert autocast_type(CPU, "fp32") is None


def test_a_processor_of_which_nothing_is_known_stays_with_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accelerator, "CPU_INFO", tmp_path / "none")
    assert autocast_type(CPU, "auto") is None


def test_a_gpu_computes_in_half_precision() -> None:
    assert autocast_type(GPU, "auto") is torch.float16
    assert autocast_type(GPU, "fp32") is None
