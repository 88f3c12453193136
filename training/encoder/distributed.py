"""One process, or several that `torchrun` started: its rank among them, and their collective operations."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from ingest.errors import ConfigError


@dataclass(frozen=True, slots=True)
class DistributedContext:
    """The distributed context, this process among all: `rank` from 0 on, and the device it computes on."""

    rank: int
    processes: int
    device: torch.device

    @property
    def is_leader(self) -> bool:
        """True of the one process that writes and reports."""
        return self.rank == 0

    def any(self, flag: bool) -> bool:
        """True where the flag is set in any process; a collective operation, so all must call it."""
        if self.processes == 1:
            return flag
        shared = torch.tensor(float(flag), device=self.device)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return bool(shared.item())

    def check_split(self, identities: int) -> None:
        """Raise ConfigError where the identities of a batch cannot be split over the processes evenly."""
        if identities % self.processes:
            raise ConfigError(f"recipe.identities {identities} cannot be split over {self.processes} processes evenly")

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The mean of all processes' values."""
        if self.processes > 1:
            dist.all_reduce(values)
            values /= self.processes
        return values


@contextmanager
def distributed_context() -> Iterator[DistributedContext]:
    """The context that torchrun gave this process, or that of a single one; on a GPU where there is one."""
    processes, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True
    if processes == 1:
        yield DistributedContext(0, 1, device)
        return
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield DistributedContext(rank, processes, device)
    finally:
        dist.destroy_process_group()
