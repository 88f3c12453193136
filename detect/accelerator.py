"""Device of the large networks, and the type in which it computes fastest."""

from pathlib import Path
from typing import Literal

import torch

from ingest.errors import ConfigError

Precision = Literal["auto", "fp32"]

BF16_FLAGS = ("amx_bf16", "avx512_bf16")
CPU_INFO = Path("/proc/cpuinfo")


def choose_device(name: str) -> torch.device:
    """Choose a device: `auto` (the GPU where there is one), `cpu`, `cuda`, `cuda:N`; raises ConfigError for any other.

    A device that this machine does not have is a ConfigError as well.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"there is no device '{name}' (take 'auto', 'cpu', 'cuda' or 'cuda:1')") from error
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device '{name}' is not supported (take 'auto', 'cpu', 'cuda' or 'cuda:1')")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ConfigError(f"device '{name}' is not there: PyTorch sees {count} GPUs (take 'auto' or 'cpu')")
    return device


def autocast_type(device: torch.device, precision: Precision) -> torch.dtype | None:
    """Data type of autocast on a device; None is float32 throughout.

    Half precision on a GPU; bfloat16 on a CPU with instructions for it, because without them it is several times slower
    than float32.
    """
    if precision == "fp32":
        return None
    if device.type == "cuda":
        return torch.float16
    return torch.bfloat16 if read_cpu_flags() & frozenset(BF16_FLAGS) else None


def read_cpu_flags() -> frozenset[str]:
    """Read the processor's feature flags from the kernel; empty where it does not say."""
    try:
        lines = CPU_INFO.read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), []))
