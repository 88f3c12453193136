"""Export of a trained student to the file that cameras use it from."""

from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn

from detect.site_detector import BOXES, HEAT, IMAGES, SiteDetectorMetadata
from training.distil.network import SiteNetwork
from training.distil.targets import boxes_of
from training.encoder.checkpoint import write_atomically
from training.encoder.export import traced, with_metadata


class DetectorWithDecoding(nn.Module):
    """Images to scores in 0..1 and boxes in pixels of the input, of every cell."""

    def __init__(self, network: SiteNetwork) -> None:
        super().__init__()
        self.network = network.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits, sides = self.network(images)
        return logits.sigmoid(), boxes_of(sides)


def write_detector(network: SiteNetwork, about: SiteDetectorMetadata, path: Path) -> None:
    """Write the .onnx file; the same network gives the same bytes. Raises CheckpointError where the disk is full."""
    width, height = about.size
    module = DetectorWithDecoding(network).float().cpu()
    model = traced(module, {IMAGES: torch.zeros(1, 3, height, width)}, [HEAT, BOXES])
    metadata = msgspec.json.encode(about, order="deterministic").decode()
    write_atomically(path, with_metadata(model, metadata))
