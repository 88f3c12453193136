"""Who finds the priors of a data set, from their names: opened, and named with all that decides what they find.

The name says the arithmetic and the batch that foundation models begin with. Where one leaves the range of half
precision or the GPU is short of memory, it goes on in float32 or with a smaller batch and warns of it: the last digits
of what that process finds from then on are not those of the name.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from deploy import weights
from deploy.detectors import FOUNDATION, open_detector
from deploy.foundation import TEXT_ENCODER, open_grounding_dino, open_sam
from deploy.weights_digest import short_digest
from detect.detector import OneByOne
from detect.masks import BoxMasker, GrabCutMasker, Masker
from detect.networks import NETWORKS
from detect.prompts import Prompt
from detect.settings import FoundationSettings
from ingest.errors import ConfigError

if TYPE_CHECKING:
    from training.datasets.base import ReidData
    from training.prior_filling import PriorMaker
    from training.prior_makers import DetectedPriors, Size

CITY = "city"
GRABCUT, BOX = "grabcut", "box"
SAM: tuple[Literal["sam-vit-b", "sam-vit-l", "sam-vit-h"], ...] = ("sam-vit-b", "sam-vit-l", "sam-vit-h")

MIN_SCORE = 0.05
"""Less than on a street: a crop has a vehicle in it, and a weak detection in its middle is nearly always that. Of
Grounding DINO that has not been measured; it keeps the score of its settings."""

CPU_S = {FOUNDATION[0]: 5.0, FOUNDATION[1]: 8.0, SAM[0]: 5.0, SAM[1]: 13.0, SAM[2]: 26.0}
"""About what an image takes on two cores, to warn by: of the smaller Grounding DINO as measured, of the others by their
multiplications. The pace that is told of later is measured."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user asks for; None leaves it to the maker, `foundation` is for Grounding DINO and SAM."""

    by: str
    masks: str | None
    min_score: float | None
    foundation: FoundationSettings

    @property
    def masker(self) -> str:
        """By name."""
        return GRABCUT if self.masks is None else self.masks

    @property
    def large(self) -> tuple[str, ...]:
        """Which of the two is a foundation model."""
        return tuple(name for name in (self.by, self.masker) if name in CPU_S)

    def heeding(self, **options: str | int | None) -> "Wanted":
        """With these settings of `foundation` instead, where they are not None.

        Raises ConfigError for a setting that nobody who is wanted would heed.
        """
        given = {key: value for key, value in options.items() if value is not None}
        for key in given:
            heeds = (*FOUNDATION, *SAM) if key == "device" else FOUNDATION
            if not set(heeds) & set(self.large):
                raise ConfigError(f"--{key} is for {', '.join(heeds)}; {self.by} and {self.masker} do not heed it")
        return replace(self, foundation=msgspec.structs.replace(self.foundation, **given))

    def check(self) -> None:
        """Raises ConfigError for names that nobody has, before anything is opened."""
        makers, maskers = (*NETWORKS, *FOUNDATION, CITY), (GRABCUT, BOX, *SAM)
        if self.by not in makers or self.masker not in maskers:
            known = f"known are {', '.join(makers)}; {', '.join(maskers)}"
            raise ConfigError(f"--by {self.by} --masks {self.masker}: {known}")
        if self.by == CITY and (self.masks is not None or self.min_score is not None):
            raise ConfigError(
                "--masks and --min-score are for detectors: --by city takes boxes and silhouettes as they are"
            )
        if self.min_score is not None and not 0 < self.min_score < 1:
            raise ConfigError(f"--min-score {self.min_score:g} is not between 0 and 1")


def open_maker(wanted: Wanted, data: "ReidData") -> "PriorMaker":
    """Raises ConfigError, and WeightsError for weights that are missing or do not fit."""
    from training.prior_makers import CityPriors

    wanted.check()
    if wanted.by == CITY:
        return CityPriors(data.train.root)
    return _open_large(wanted) if wanted.by in FOUNDATION else _open_small(wanted)


def seconds_on_cpu(wanted: Wanted) -> float:
    """About what an image takes the foundation models if they run on a CPU; 0 without them, and on a GPU."""
    if not wanted.large:
        return 0.0
    from detect.accelerator import choose_device

    on_cpu = choose_device(wanted.foundation.device).type == "cpu"
    return sum(CPU_S[name] for name in wanted.large) if on_cpu else 0.0


def _open_small(wanted: Wanted) -> "DetectedPriors":
    from training.prior_makers import DetectedPriors

    min_score = MIN_SCORE if wanted.min_score is None else wanted.min_score
    detector = OneByOne(open_detector(wanted.by, min_score=min_score))
    files = weights.load_catalogue().network(wanted.by).paths(weights.weights_folder())
    masker, masks = _open_masker(wanted)
    name = [f"{wanted.by} {short_digest(*files.values())} from {min_score:g}", masks, *_precision(wanted)]
    return DetectedPriors(", ".join(name), detector, masker)


def _open_large(wanted: Wanted) -> "DetectedPriors":
    from training.prior_makers import DetectedPriors

    settings = _located(wanted)
    detector = open_grounding_dino(wanted.by, settings, [""])  # an image is no camera: all have the one prompt
    from detect.grounding_dino import Fit

    def shown(size: "Size") -> "Size":
        return Fit.of(size, settings.short_side_px).canvas

    checkpoint, text_encoder = Path(settings.weights or ""), Path(settings.text_encoder or "")
    masker, masks = _open_masker(wanted)
    name = [
        f"{wanted.by} {short_digest(checkpoint)}",
        f"{TEXT_ENCODER} {short_digest(*_text_files(text_encoder))}",
        f"'{Prompt.of(settings.prompt).caption}' from {settings.box_score:g} at {settings.short_side_px} px",
        masks,
        *_precision(wanted),
        f"batches of {settings.batch}",  # in half precision the neighbours change the last digits
    ]
    return DetectedPriors(", ".join(name), detector, masker, settings.batch, shown)


def _located(wanted: Wanted) -> FoundationSettings:
    """The settings with the files that are meant, and without what is said of single cameras."""
    settings = wanted.foundation
    return msgspec.structs.replace(
        settings,
        prompts={},
        box_score=settings.box_score if wanted.min_score is None else wanted.min_score,
        weights=settings.weights or str(weights.find(wanted.by)),
        text_encoder=settings.text_encoder or str(weights.find(TEXT_ENCODER)),
    )


def _open_masker(wanted: Wanted) -> tuple[Masker, str]:
    """And its name."""
    if wanted.masker == BOX:
        return BoxMasker(), BOX
    if wanted.masker == GRABCUT:
        return GrabCutMasker(), GRABCUT
    name: Literal["sam-vit-b", "sam-vit-l", "sam-vit-h"] = wanted.masker  # type: ignore[assignment]
    checkpoint = wanted.foundation.sam_weights or str(weights.find(name))
    masker = open_sam(name, msgspec.structs.replace(wanted.foundation, sam_weights=checkpoint))
    return masker, f"{name} {short_digest(Path(checkpoint))}"


def _precision(wanted: Wanted) -> list[str]:
    """What the foundation models compute in: half precision finds slightly other boxes."""
    if not wanted.large:
        return []
    from detect.accelerator import autocast_type, choose_device

    half = autocast_type(choose_device(wanted.foundation.device), "auto")
    return ["float32" if half is None else str(half).removeprefix("torch.")]


def _text_files(folder: Path) -> list[Path]:
    """What is read of a text encoder; its weights are in one of two formats."""
    names = {file.name for file in weights.load_catalogue().network(TEXT_ENCODER).published.files}
    paths = (folder.expanduser() / name for name in sorted({*names, "pytorch_model.bin"}))
    return [path for path in paths if path.is_file()]
