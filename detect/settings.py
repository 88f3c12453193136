"""The settings of detection, with their defaults and units."""

from typing import Annotated, Literal

import msgspec

Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]

CALLS_PER_S = 0.8
"""Where no budget is given: one frame in ten of the eight a second that are looked at by default."""


class DetectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[detect]` table of the configuration.

    detector: a network (needs its weights), the path of a site's own detector (.onnx), `motion` (needs no weights, and
    sees no vehicle that stands), or a Grounding DINO, which the `[foundation]` table is about.
    analyse_fps: how many frames a second of each camera are looked at.
    lost_after_s: a vehicle not seen for this long has left.
    min_score: detections below it are not used; each network brings its own.
    threads: of the network; 0 leaves it to OpenVINO.
    masks: `auto` takes the detector's masks where it has them, else `grabcut`; `box` uses the whole box; SAM
    is asked for the crops that a vehicle is embedded from.
    """

    detector: str = "crossroad-1016"
    analyse_fps: Annotated[float, msgspec.Meta(gt=0, le=120)] = 8.0
    lost_after_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 1.2
    min_score: Share | None = None
    threads: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    masks: Literal["auto", "grabcut", "box", "sam-vit-b", "sam-vit-l", "sam-vit-h"] = "auto"


class FoundationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[foundation]` table of the configuration: Grounding DINO as the detector, and SAM for masks.

    prompt: what is looked for, nouns with full stops between; prompts: by camera, where they differ.
    box_score: boxes below it are not used; phrase_score: from it on a word counts towards the name of a box.
    cheap: the detector that looks at every frame, to say on which ones the large one is worth its time.
    max_calls_per_s, max_gpu_share: the budget, one of the two: frames a second of each camera that the large detector
    sees (by capture times), or the share of the time that it may be busy. Neither is `CALLS_PER_S`.
    device: of both models: `auto` is a GPU where there is one.
    batch: how many frames go through the large detector at once at most; batch_wait_ms: how long a live camera's
    frame waits for those of others.
    short_side_px: to which the large detector's images are resized; it was trained with 800.
    weights, text_encoder, sam_weights: files (a folder, for the text encoder) in the place of the published ones.
    """

    prompt: str = "car . truck . bus . motorcycle . ambulance ."
    prompts: dict[str, str] = {}
    box_score: Share = 0.3
    phrase_score: Share = 0.25
    cheap: str = "crossroad-1016"
    max_calls_per_s: Annotated[float, msgspec.Meta(gt=0, le=120)] | None = None
    max_gpu_share: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    device: Annotated[str, msgspec.Meta(pattern=r"^(auto|cpu|cuda(:\d{1,3})?)$")] = "auto"
    batch: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8
    batch_wait_ms: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 20.0
    short_side_px: Annotated[int, msgspec.Meta(ge=64, le=2048)] = 800
    weights: str | None = None
    text_encoder: str | None = None
    sam_weights: str | None = None

    @property
    def calls_per_s(self) -> float | None:
        """The budget in calls, None where it is a share of the time."""
        return CALLS_PER_S if self.max_calls_per_s is None and self.max_gpu_share is None else self.max_calls_per_s
