"""Device and number format of a training: lower precision only where the processor computes in it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import torch

from detect.accelerator import BF16_FLAGS, read_cpu_flags
from ingest.errors import ConfigError

PrecisionChoice = Literal["auto", "fp32", "bf16", "fp16"]


@dataclass(frozen=True, slots=True)
class Precision:
    """The device, the type that autocast uses there (None: float32 throughout), and why."""

    device: torch.device
    autocast: torch.dtype | None
    reason: str

    def context(self) -> AbstractContextManager[None]:
        """Context of the forward pass: autocast where the precision is lower."""
        return torch.autocast(self.device.type, dtype=self.autocast or torch.float32, enabled=self.autocast is not None)

    @property
    def scales(self) -> bool:
        """True where the loss must be scaled up, since gradients would vanish in this type."""
        return self.autocast is torch.float16

    @property
    def arithmetic(self) -> str:
        """Name of the numbers that are computed in."""
        return {None: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}[self.autocast]

    def __str__(self) -> str:
        return f"{self.arithmetic} on {self.device} ({self.reason})"


def choose_precision(
    wanted: PrecisionChoice, device: torch.device, cpu_flags: frozenset[str] | None = None
) -> Precision:
    """Choose the wanted precision, or with `auto` the device's fastest; raises ConfigError where it cannot be had.

    bfloat16 on a CPU without instructions for it is several times slower than float32: `auto` never takes it there.
    """
    if wanted == "fp32":
        return Precision(device, None, "as configured")
    if wanted == "bf16":
        return Precision(device, torch.bfloat16, "as configured")
    if wanted == "fp16":
        if device.type == "cpu":
            raise ConfigError("precision 'fp16' is for GPUs; on a CPU take 'auto', 'bf16' or 'fp32'")
        return Precision(device, torch.float16, "as configured")
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Precision(device, torch.bfloat16, f"{torch.cuda.get_device_name(device)} computes in it")
        return Precision(device, torch.float16, f"{torch.cuda.get_device_name(device)} has no bfloat16")
    flags = read_cpu_flags() if cpu_flags is None else cpu_flags
    found = [flag for flag in BF16_FLAGS if flag in flags]
    if found:
        return Precision(device, torch.bfloat16, f"the processor has {' and '.join(found)}")
    return Precision(device, None, f"the processor has neither {' nor '.join(BF16_FLAGS)}")
