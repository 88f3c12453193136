"""Small networks with random weights in the place of the published ones: the same code runs, and finds nothing."""

from pathlib import Path

import msgspec
import torch

from detect.foundation import sam
from detect.settings import FoundationSettings
from tests.detect.foundation.grounding_dino_files import write_checkpoint, write_text_encoder
from tests.detect.foundation.sam.networks import small

SHORT_SIDE_PX = 128


def random_settings(folder: Path) -> FoundationSettings:
    """Write checkpoints into a folder; from now on in this process SAM ViT-B is the small network."""
    text_encoder = write_text_encoder(folder / "text")
    dino = write_checkpoint(folder / "dino.pth", text_encoder)
    sam.BUILDERS["vit-b"] = small
    torch.manual_seed(0)
    torch.save(small().state_dict(), folder / "sam.pth")
    settings = FoundationSettings(short_side_px=SHORT_SIDE_PX, device="cpu")
    paths = {"weights": dino, "text_encoder": text_encoder, "sam_weights": folder / "sam.pth"}
    return msgspec.structs.replace(settings, **{key: str(path) for key, path in paths.items()})
