"""The prior maker of a data set: opened from its names, and named with all that decides what it finds.

The name says the arithmetic and the batch that foundation models begin with. Where one leaves the range of half
precision or the GPU is short of memory, it goes on in float32 or with a smaller batch and warns of it: the last digits
of what that process finds from then on are not those of the name.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from deploy.site.foundation import TEXT_ENCODER, open_grounding_dino, open_sam
from deploy.weights import catalogue
from detect.detector import OneByOne
from detect.foundation.prompts import Prompt
from detect.masks import BoxMasker, EllipseMasker, GrabCutMasker, Masker
from detect.registry import FOUNDATION, open_detector
from detect.settings import FoundationSettings
from ingest.digest import short_digest
from training.priors.spec import BOX, CITY, ELLIPSE, GRABCUT, MIN_SCORE, PriorSpec

if TYPE_CHECKING:
    from training.datasets.listing import Listing
    from training.priors.filling import PriorMaker
    from training.priors.makers import DetectedPriors, Size

SMALL: dict[str, Callable[[], Masker]] = {BOX: BoxMasker, ELLIPSE: EllipseMasker, GRABCUT: GrabCutMasker}
"""Maskers without a network."""


def open_maker(spec: PriorSpec, listing: "Listing") -> "PriorMaker":
    """Open the maker of a spec; raises ConfigError, and WeightsError for weights that are missing or do not fit."""
    from training.priors.makers import CityPriors

    spec.check()
    if spec.by == CITY:
        return CityPriors(listing.root, None if spec.masks is None else _open_masker(spec))
    return _open_large(spec) if spec.by in FOUNDATION else _open_small(spec)


def _open_small(spec: PriorSpec) -> "DetectedPriors":
    from training.priors.makers import DetectedPriors

    min_score = MIN_SCORE if spec.min_score is None else spec.min_score
    detector = OneByOne(open_detector(spec.by, catalogue.find, min_score=min_score))
    files = catalogue.load_catalogue().network(spec.by).paths(catalogue.weights_folder())
    masker, masks = _open_masker(spec)
    name = [f"{spec.by} {short_digest(*files.values())} from {min_score:g}", masks, *_precision(spec)]
    return DetectedPriors(", ".join(name), detector, masker)


def _open_large(spec: PriorSpec) -> "DetectedPriors":
    from training.priors.makers import DetectedPriors

    settings = _located(spec)
    detector = open_grounding_dino(spec.by, settings, [""])  # an image is no camera: all have the one prompt
    from detect.foundation.grounding_dino import ResizePad

    def shown(size: "Size") -> "Size":
        return ResizePad.of(size, settings.short_side_px).canvas

    checkpoint, text_encoder = Path(settings.weights or ""), Path(settings.text_encoder or "")
    masker, masks = _open_masker(spec)
    name = [
        f"{spec.by} {short_digest(checkpoint)}",
        f"{TEXT_ENCODER} {short_digest(*_text_files(text_encoder))}",
        f"'{Prompt.of(settings.prompt).caption}' from {settings.box_score:g} at {settings.short_side_px} px",
        masks,
        *_precision(spec),
        f"batches of {settings.batch}",  # in half precision the neighbours change the last digits
    ]
    return DetectedPriors(", ".join(name), detector, masker, settings.batch, shown)


def _located(spec: PriorSpec) -> FoundationSettings:
    """The settings with the files that are meant, and without what is said of single cameras."""
    settings = spec.foundation
    return msgspec.structs.replace(
        settings,
        prompts={},
        box_score=settings.box_score if spec.min_score is None else spec.min_score,
        weights=settings.weights or str(catalogue.find(spec.by)),
        text_encoder=settings.text_encoder or str(catalogue.find(TEXT_ENCODER)),
    )


def _open_masker(spec: PriorSpec) -> tuple[Masker, str]:
    """And its name."""
    name = spec.masker
    if name in SMALL:
        return SMALL[name](), name
    checkpoint = spec.foundation.sam_weights or str(catalogue.find(name))
    masker = open_sam(name, msgspec.structs.replace(spec.foundation, sam_weights=checkpoint))
    return masker, f"{name} {short_digest(Path(checkpoint))}"


def _precision(spec: PriorSpec) -> list[str]:
    """Number format of the foundation models, if any: half precision finds slightly other boxes."""
    if not spec.large:
        return []
    from detect.accelerator import autocast_type, choose_device

    half = autocast_type(choose_device(spec.foundation.device), "auto")
    return ["float32" if half is None else str(half).removeprefix("torch.")]


def _text_files(folder: Path) -> list[Path]:
    """Files that are read of a text encoder; its weights are in one of two formats."""
    names = {file.name for file in catalogue.load_catalogue().network(TEXT_ENCODER).published.files}
    paths = (folder.expanduser() / name for name in sorted({*names, "pytorch_model.bin"}))
    return [path for path in paths if path.is_file()]
