"""The settings of embedding, with their defaults and units."""

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

SHIPPED: Final = "grl-64"
SHIPPED_FILE: Final = Path(__file__).parent / "weights" / f"{SHIPPED}.onnx"
"""The encoder that comes with the program; embed/weights/README.md says what it was trained on."""


class EmbedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[embed]` table of the configuration.

    encoder: `grl-64`, which comes with the program, the path of an exported encoder (.onnx), or `colour`, which
        compares nothing but colours.
    threads: threads of an exported encoder; 0 leaves their number to OpenVINO.
    device: device of an exported encoder; `cuda` needs PyTorch and its .safetensors file.
    open_after_s: age in seconds from which on a track is reported; most younger ones are noise.
    update_every_s: seconds between reports of an open tracklet, if a better crop of it was found.
    crops: how many of a tracklet's best crops are embedded and averaged.
    attributes: a network reads colour and type from those crops (needs its weights).
    types: where the detector says only `vehicle`, the type (`car`, `van`, `bus`, `truck`, `motorcycle`) is read from
        the vector, by the head beside the encoder's file; `vehicle` stays where it is unsure.
    """

    encoder: str = SHIPPED
    threads: Annotated[int, msgspec.Meta(ge=0)] = 0
    device: Literal["cpu", "cuda"] = "cpu"
    open_after_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.4
    update_every_s: Annotated[float, msgspec.Meta(gt=0)] = 2.0
    crops: Annotated[int, msgspec.Meta(ge=1, le=32)] = 4
    attributes: bool = False
    types: bool = False
