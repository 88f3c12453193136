"""The settings of detection, with their defaults and units."""

from typing import Annotated, Literal

import msgspec

Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]

LOST_AFTER_S, RETURN_WITHIN_S = 1.2, 4.0
"""The defaults of the two keys of DetectSettings."""

CALLS_PER_S = 0.8
"""Detector calls a second without a budget: one frame in ten of the eight a second that are analysed by default."""


class DetectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[detect]` table of the configuration.

    detector: the network that finds vehicles (needs its weights), the path of a site's own detector (.onnx), `motion`
        (needs no weights, and sees no vehicle that stands), or a Grounding DINO, set up by the `[foundation]` table.
    analyse_fps: frames a second of each camera that are analysed.
    lost_after_s: seconds without a detection after which a vehicle has left; without it, 1.2 at the frame's edge and
        `return_within_s` elsewhere.
    return_within_s: seconds in which a vehicle that vanished inside the frame may come back to its tracklet; without
        it, `lost_after_s` where that is given, else 4. One that stands or is hidden may come back later.
    min_score: detections with a lower score are not used; without it, each network's own value.
    threads: threads of the network; 0 leaves their number to OpenVINO.
    masks: source of the masks of the crops that a vehicle is embedded from: `ellipse` is the one in the box, `grabcut`
        looks for the outline, `box` uses the whole box, SAM is a network. `auto` is `ellipse` for a trained encoder;
        for `colour` it is the detector's mask where it has one, else `grabcut`.
    """

    detector: str = "pvb-2004"
    analyse_fps: Annotated[float, msgspec.Meta(gt=0, le=120)] = 8.0
    lost_after_s: Annotated[float, msgspec.Meta(gt=0, le=60)] | None = None
    return_within_s: Annotated[float, msgspec.Meta(gt=0, le=60)] | None = None
    min_score: Share | None = None
    threads: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    masks: Literal["auto", "ellipse", "grabcut", "box", "sam-vit-b", "sam-vit-l", "sam-vit-h"] = "auto"

    @property
    def patience_s(self) -> tuple[float, float]:
        """Seconds after which a vehicle at the edge has left, and in which one inside the frame may come back."""
        left_s = LOST_AFTER_S if self.lost_after_s is None else self.lost_after_s
        if self.return_within_s is not None:
            return left_s, self.return_within_s
        return left_s, RETURN_WITHIN_S if self.lost_after_s is None else self.lost_after_s


class FoundationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[foundation]` table of the configuration: Grounding DINO as the detector, and SAM for masks.

    prompt: the kinds of vehicles to find, nouns with full stops between.
    prompts: prompts by camera id, for cameras with another prompt.
    box_score: boxes with a lower score are not used.
    phrase_score: score from which on a word counts towards the label of a box.
    cheap: the detector of every frame; its boxes decide which frames become key frames.
    max_calls_per_s: the budget: key frames of each camera in a second, by capture times. Without a budget it is 0.8.
    max_gpu_share: the budget as a share of the time that Grounding DINO may be busy, in the place of `max_calls_per_s`.
    device: device of both models; `auto` is a GPU where there is one.
    batch: frames in one call of the large detector, at most.
    batch_wait_ms: milliseconds that a live camera's frame waits for those of other cameras.
    short_side_px: pixels of the short side to which frames are resized; Grounding DINO was trained with 800.
    weights: path of a checkpoint in the place of the published one.
    text_encoder: folder of a text encoder in the place of the published one.
    sam_weights: path of a SAM checkpoint in the place of the published one.
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
