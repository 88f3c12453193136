"""The settings of detection, with their defaults and units."""

from typing import Annotated, Literal

import msgspec


class DetectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[detect]` table of the configuration.

    detector: a network (needs its weights), or `motion` (needs none, and sees no vehicle that stands).
    analyse_fps: how many frames a second of each camera are looked at.
    lost_after_s: a vehicle not seen for this long has left.
    min_score: detections below it are not used; each network brings its own.
    threads: of the network; 0 leaves it to OpenVINO.
    masks: `auto` takes the detector's silhouettes where it has them, else `grabcut`; `box` uses the whole box.
    """

    detector: Literal["crossroad-1016", "pvb-2001", "pvb-2000", "yolox-nano", "motion"] = "crossroad-1016"
    analyse_fps: Annotated[float, msgspec.Meta(gt=0, le=120)] = 8.0
    lost_after_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 1.2
    min_score: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None
    threads: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    masks: Literal["auto", "grabcut", "box"] = "auto"
