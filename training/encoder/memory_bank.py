"""Memory banks that calibrate where an encoder looks (Li et al., IEEE T-ITS 2025, III-D, equations 5 to 7).

The paper leaves sizes, momentum and sampling open; what is chosen here is said beside each choice.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional

from training.encoder.losses import align_loss, paired_align_loss

SHRINK = 8
"""Keys and queries have an eighth of the map's channels, as in MSINet's attention."""

SAMPLED_SLOTS = 4


class MemoryBanks(nn.Module):
    """The align loss of last-stage maps (B, C, h, w) against a global and a local memory.

    The global bank is one map of keys; the local bank has `slots` maps of features, of which some are drawn each
    step, updated and compared with. Slots know no identities. Momentum .9, slots as many as images in a batch and
    4 of them a step are our choice. Banks change in training mode only, and are not needed to use the encoder.
    """

    global_bank: Tensor
    local_bank: Tensor

    def __init__(self, channels: int, height: int, width: int, slots: int, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.query = nn.Conv2d(channels, channels // SHRINK, 1)
        self.key = nn.Conv2d(channels, channels // SHRINK, 1)
        positions = height * width
        self.register_buffer("global_bank", functional.normalize(torch.randn(channels // SHRINK, positions), dim=0))
        self.register_buffer("local_bank", functional.normalize(torch.randn(slots, channels, positions), dim=1))

    @property
    def slots(self) -> int:
        return self.local_bank.shape[0]

    def forward(self, final_map: Tensor, labels: Tensor, drawn: Tensor) -> Tensor:
        """Align loss in float32; `drawn` are the numbers of the slots of this step, each at most once."""
        with torch.autocast(final_map.device.type, enabled=False):
            return align_loss(*self.activations(final_map.float(), drawn), labels)

    def activations(self, final_map: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Best match of every position: (B, P) by the global bank and (S, B, P) by the drawn slots."""
        # Step 1: flatten the maps to positions; global queries are projected, local features are not
        queries = self.query(final_map).flatten(2)
        features = final_map.flatten(2)
        global_bank, slots = self.global_bank, self.local_bank[drawn]
        # Step 2: in training, move the banks towards this batch before they are compared with
        if self.training:
            # The gradient goes through the batch's share; without it the keys would never learn.
            global_bank = self._moved(global_bank, self.key(final_map).flatten(2))
            slots = self._moved(slots, features)
            self.global_bank.copy_(global_bank.detach())
            self.local_bank[drawn] = slots.detach()
        # Step 3: activation of every position by each bank
        return _best(queries, global_bank), torch.stack([_best(features, slot) for slot in slots])

    def _moved(self, bank: Tensor, batch: Tensor) -> Tensor:
        return self.momentum * bank + (1.0 - self.momentum) * _mean_of_all(batch)


class BatchAlignment(nn.Module):
    """MSINet's own form: every image of the batch is compared with every other, and no memory is kept.

    The cost grows with the square of the batch: at 64 images of 256 positions, ten times that of the banks.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // SHRINK, 1)
        self.key = nn.Conv2d(channels, channels // SHRINK, 1)

    def forward(self, final_map: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast(final_map.device.type, enabled=False):
            wide = final_map.float()
            features = wide.flatten(2)
            queries, keys = self.query(wide).flatten(2), self.key(wide).flatten(2)
            anchors = (queries.transpose(1, 2) @ keys).amax(dim=2)
            pairs = torch.stack([_best(features, slot) for slot in features])
            return paired_align_loss(anchors, pairs, labels)


def _best(maps: Tensor, bank: Tensor) -> Tensor:
    """Largest product of every position of maps (B, C, P) with a position of a bank (C, P'): (B, P)."""
    return (maps.transpose(1, 2) @ bank).amax(dim=2)


def _mean_of_all(batch: Tensor) -> Tensor:
    """Mean over the batch, of all processes where there are several; the gradient is this process's own."""
    mean = batch.mean(dim=0)
    if not (dist.is_available() and dist.is_initialized()):
        return mean
    total = mean.detach().clone()
    dist.all_reduce(total)
    return total / dist.get_world_size() + (mean - mean.detach())  # the same to the last bit everywhere
