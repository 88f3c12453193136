"""The settings of embedding, with their defaults and units."""

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

SHIPPED: Final = "grl-64"
SHIPPED_FILE: Final = Path(__file__).parent / "weights" / f"{SHIPPED}.onnx"
"""The encoder that comes with the program; embed/weights/README.md says what it was trained on."""


class EmbedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[embed]` table of the configuration.

    encoder: `grl-64`, which comes with the program, the path of an exported encoder (.onnx), or `colour`, which tells
        nothing but colours apart.
    threads: of an exported encoder; 0 leaves their number to OpenVINO.
    device: where an exported encoder runs; `cuda` needs PyTorch and its .safetensors file.
    open_after_s: a track younger than this is not spoken of, since most are noise.
    update_every_s: how often an open tracklet is reported again, if a better crop of it was found.
    crops: how many of a tracklet's best crops are embedded and averaged.
    attributes: whether a network tells colour and type from those crops (needs its weights).
    """

    encoder: str = SHIPPED
    threads: Annotated[int, msgspec.Meta(ge=0)] = 0
    device: Literal["cpu", "cuda"] = "cpu"
    open_after_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.4
    update_every_s: Annotated[float, msgspec.Meta(gt=0)] = 2.0
    crops: Annotated[int, msgspec.Meta(ge=1, le=32)] = 4
    attributes: bool = False
