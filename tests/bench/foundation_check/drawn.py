"""Frames of the synthetic city with the true boxes and masks of their vehicles."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detect.detections import Detections
from embed.crops import Crop, cut_crop
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame
from ingest.synthetic.world.presets import PRESETS
from ingest.truth import TrueSighting
from tests.bench.tracks.sources import LEAST_PX, MIN_VISIBLE

CAMERAS = (("smooth", 0), ("rush-hour", 2), ("look-alikes", 1), ("night-rain", 0))
FROM_S, EVERY_S = 30.0, 15.0


@dataclass(frozen=True, slots=True, eq=False)
class DrawnFrame:
    """A frame, its true vehicles with boxes and masks, and which of them count (N,): visible, and not too small."""

    frame: Frame
    true: Detections
    counts: NDArray[np.bool_]

    def crops(self) -> Iterator[Crop]:
        """Crops of the vehicles that count, cut around their true boxes, with their true masks."""
        for row in np.flatnonzero(self.counts).tolist():
            crop = cut_crop(self.frame, self.true, row, 1.0)
            if crop is not None:
                yield crop


def drawn_frames(count: int, cameras: int = len(CAMERAS)) -> Iterator[DrawnFrame]:
    """`count` frames of each of some cameras, 15 s apart."""
    from ingest.synthetic.render.camera_renderer import CameraRenderer  # Panda3D is an extra

    for preset, number in CAMERAS[:cameras]:
        spec = PRESETS[preset].cameras[number]
        renderer = CameraRenderer(PRESETS[preset], spec)
        for place in range(count):
            time_s = FROM_S + place * EVERY_S
            image, sightings = renderer.render(round(time_s * spec.fps))
            frame = Frame(f"{preset} {number}", place, round(time_s * NS), ClockQuality.SYNTHETIC, image)
            yield of_sightings(frame, sightings)
        renderer.close()


def of_sightings(frame: Frame, sightings: list[TrueSighting]) -> DrawnFrame:
    """Spread the masks of sightings over the frame; vehicles with no visible pixel are left out."""
    seen = [each for each in sightings if each.mask.any()]
    width, height = frame.size
    masks = np.zeros((len(seen), height, width), np.bool_)
    for mask, each in zip(masks, seen, strict=True):
        left, top, right, bottom = each.box_xyxy
        mask[top:bottom, left:right] = each.mask
    boxes = np.array([each.box_xyxy for each in seen], np.float32).reshape(-1, 4)
    least_px = LEAST_PX * height / 360
    counts = [each.visible >= MIN_VISIBLE and each.box_xyxy[3] - each.box_xyxy[1] >= least_px for each in seen]
    return DrawnFrame(frame, Detections.of(boxes, masks=masks), np.array(counts, np.bool_))
