"""Settings of an encoder's network, as a configuration and a checkpoint have them; needs no torch."""

from typing import Annotated, Literal

import msgspec

NetworkName = Literal["grl", "msinet", "osnet", "resnet50"]
TestFeature = Literal["f3", "msinet", "neck"]
Fusion = Literal["residual", "dense"]
AdaptorOrder = Literal["relu-norm-conv", "conv-norm-relu"]

Side = Annotated[int, msgspec.Meta(ge=32, le=1024, multiple_of=16)]


class NetworkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[model]` table of a training configuration.

    name: GRL, the MSINet it stands on, or a baseline of the paper's table.
    height, width: pixels of the input; 256 by 256 for vehicles.
    test_feature: `f3` is the last stage averaged (512), `msinet` that and the auxiliary branch (768), `neck` what
        stands behind the batch normalisation before the classifier. Default: the network's own.
    fusion: how GRL takes in priors; `dense` is the paper's full 1x1 convolution, `residual` keeps its feature half
        fixed to the identity.
    prior_channels: the width of GRL's adaptors.
    adaptor_order: of GRL's adaptors; the paper writes ReLU, normalisation, convolution, and cites networks that have it
        the other way round.
    main_share: of the `msinet` feature: both parts are brought to norm 1, and the last stage's cosine counts this
        share, the auxiliary branch's the rest. Default: as they come, the one with the longer vectors more.
    projection: of an export, how many numbers its test feature is projected to by `corridor encoder project`.
    """

    name: NetworkName = "grl"
    height: Side = 256
    width: Side = 256
    test_feature: TestFeature | None = None
    fusion: Fusion = "residual"
    prior_channels: Annotated[int, msgspec.Meta(ge=1, le=512)] = 16
    adaptor_order: AdaptorOrder = "relu-norm-conv"
    main_share: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    projection: Annotated[int, msgspec.Meta(ge=2, le=4096)] | None = None


PRIOR_STRIDE = 4
"""Stage 1 of GRL, which takes the prior, works at a quarter of the input's height and width."""

PIXEL_MEAN = (0.485, 0.456, 0.406)
PIXEL_STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation by which red, green and blue in 0..1 are normalised."""
