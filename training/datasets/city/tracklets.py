"""Tracklets of a city camera without rendering: who is followed from when to when, and which frames get a crop."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detect.detections import Boxes, Detections
from detect.settings import DetectSettings
from detect.tracking import Tracker
from embed.crops import crop_qualities
from embed.settings import EmbedSettings
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame
from training.datasets.city.detector import NoisyDetector
from training.datasets.city.true_boxes import TrueBoxes
from training.scoring.tracks import VISIT_GAP_S

CROPS_APART_NS = 300_000_000
MIN_VISIBLE = 0.3
"""Visible share of a vehicle from which on it is followed, with true boxes."""


@dataclass(slots=True, eq=False)
class Tracklet:
    """One vehicle followed in one camera's session, frame by frame.

    track: counts from 1 in the session. frames: places among the analysed frames. owners: by frame, whose box it was,
    a vehicle's id as text. opened: the place at which it is first spoken of; tracklets that end before are noise.
    """

    session: int
    track: int
    frames: list[int] = field(default_factory=list)
    boxes: list[NDArray[np.float32]] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    qualities: list[float] = field(default_factory=list)
    opened: int = -1
    ended: int = -1

    @property
    def owner(self) -> str:
        """Vehicle that most of its boxes are of."""
        return max(sorted(set(self.owners)), key=self.owners.count)

    def extended(self, later: "Tracklet") -> "Tracklet":
        """Go on as a later one, which is the same vehicle."""
        return Tracklet(
            self.session,
            self.track,
            [*self.frames, *later.frames],
            [*self.boxes, *later.boxes],
            [*self.owners, *later.owners],
            [*self.qualities, *later.qualities],
            self.opened,
            later.ended,
        )


def follow(
    true_boxes: TrueBoxes,
    size: tuple[int, int],
    settings: EmbedSettings,
    detect: DetectSettings,
    noise: NoisyDetector | None,
) -> list[Tracklet]:
    """Follow the tracklets of a camera that are opened, by session, then track; without `noise` the true boxes.

    Noisy boxes go through the tracker of the system; with true ones a vehicle has one tracklet a visit, as scoring
    understands it.
    """
    tracklets: list[Tracklet] = []
    for session in np.unique(true_boxes.session).tolist():
        places = np.flatnonzero(true_boxes.session == session).tolist()
        # Step 1: track one session of the camera
        known: dict[int, Tracklet] = {}
        for frame, place, found, ended in _tracked(true_boxes, places, size, detect, noise):
            # Step 2: box, owner and crop quality of every tracked vehicle
            quality = crop_qualities(frame, found)
            for row, number in enumerate(found.track_ids.tolist()):
                it = known.get(number)
                if it is None:
                    it = known[number] = Tracklet(session, len(known) + 1)
                    tracklets.append(it)
                it.frames.append(place)
                it.boxes.append(found.boxes[row])
                it.owners.append(found.labels[row])
                it.qualities.append(float(quality[row]))
            for number in ended:
                known[number].ended = place
    for it in tracklets:
        # Step 3: the frame that a tracklet is opened at; too short ones are left out
        times_ns = true_boxes.camera_ns[it.frames]
        old_enough = np.flatnonzero(times_ns - times_ns[0] >= settings.open_after_s * NS)
        it.opened = it.frames[int(old_enough[0])] if len(old_enough) else -1
        if it.ended < 0:  # with the truth, or at the end of the session
            last = int(np.flatnonzero(true_boxes.session == it.session)[-1])
            gone_ns = int(times_ns[-1]) + round(detect.patience_s[0] * NS)
            it.ended = min(int(np.searchsorted(true_boxes.camera_ns[:last], gone_ns, side="right")), last)
    return [it for it in tracklets if it.opened >= 0]


def _tracked(
    true_boxes: TrueBoxes,
    places: list[int],
    size: tuple[int, int],
    detect: DetectSettings,
    noise: NoisyDetector | None,
) -> Iterator[tuple[Frame, int, Detections, tuple[int, ...]]]:
    """Track the vehicles of each frame of a session: frame, its place, the vehicles, the tracks that are over."""
    blank = np.broadcast_to(np.uint8(0), (size[1], size[0], 3))
    lost_after_s, return_within_s = detect.patience_s
    tracker = Tracker(lost_after_s=lost_after_s, return_within_s=return_within_s)
    patient = _TruthTracker(round(VISIT_GAP_S * NS))
    for place in places:
        rows = true_boxes.rows_of(place)
        vehicles, boxes, visible = true_boxes.vehicles[rows].tolist(), true_boxes.boxes[rows], true_boxes.visible[rows]
        at_ns = int(true_boxes.camera_ns[place])
        frame = Frame("", int(true_boxes.sequences[place]), at_ns, ClockQuality.SYNTHETIC, blank)
        if noise is None:
            yield frame, place, patient(at_ns, vehicles, boxes, visible), ()
        else:
            yield frame, place, tracker(frame, noise(place, vehicles, boxes, visible)), tracker.ended


@dataclass(slots=True, eq=False)
class _TruthTracker:
    """Tracker of vehicles by their ids; one out of sight for too long gets a new number."""

    lost_after_ns: int
    _numbers: dict[int, tuple[int, int]] = field(default_factory=dict)
    _given: int = 0

    def __call__(self, at_ns: int, vehicles: list[int], boxes: Boxes, visible: NDArray[np.float32]) -> Detections:
        rows = np.flatnonzero(visible >= MIN_VISIBLE)
        numbers = []
        for row in rows.tolist():
            number, last_ns = self._numbers.get(vehicles[row], (0, at_ns))
            if number == 0 or at_ns - last_ns > self.lost_after_ns:
                self._given += 1
                number = self._given
            self._numbers[vehicles[row]] = number, at_ns
            numbers.append(number)
        labels = tuple(str(vehicles[row]) for row in rows.tolist())
        found = Detections.of(boxes[rows], labels=labels)
        found.track_ids[:] = numbers
        return found


def best_crop_frames(it: Tracklet, times_ns: NDArray[np.int64], most: int) -> list[int]:
    """Places in `it.frames` of its best crops, by time: the best before it is opened, and the best of all, apart."""
    order = np.argsort(-np.array(it.qualities), kind="stable").tolist()
    early = next(place for place in order if it.frames[place] <= it.opened)
    chosen = [early]
    for place in order:
        if len(chosen) == most:
            break
        if all(abs(int(times_ns[it.frames[place]] - times_ns[it.frames[other]])) >= CROPS_APART_NS for other in chosen):
            chosen.append(place)
    return sorted(chosen)
