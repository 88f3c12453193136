"""Tracklets: from tracked boxes to observations, one tracklet a vehicle, opened, updated, closed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from detect.boxes import iou
from detect.detections import Detections
from detect.masks import Masker, never_empty
from embed.attributes import MIN_TYPE_SCORE, AttributeClassifier, VehicleAttributes, combine_attributes
from embed.crops import BestCrops, Crop, crop_qualities
from embed.encoder import Encoder
from embed.joining import TRAIL, Fragment, find_earlier
from embed.observation import BoxAt, CameraEpoch, Observation, TrackletState, pack_vector, tracklet_id
from embed.settings import EmbedSettings
from embed.vehicle_types import LEAST_PROBABILITY, TypeHead
from ingest.clock import NS
from ingest.frame import ClockQuality, Frame

LONGEST_PATH = 64
"""With this many boxes an observation is due, so that those of a vehicle in a queue stay small and come regularly."""

SETTLED_AFTER_S = 60.0
"""Time in one place after which a vehicle is parked."""
SAME_PLACE = 0.6
"""Least IoU of the boxes of a vehicle that stands."""

VEHICLE = "vehicle"
"""Label of detectors that know no types."""

CropKeeper = Callable[[Observation, Sequence[Crop]], None]
"""Keeper of the best crops of a tracklet that has closed."""


@dataclass(slots=True, eq=False)
class _Tracklet:
    """A vehicle in view."""

    track: int
    first_ns: int
    last_ns: int
    best: BestCrops
    path: list[BoxAt]
    scores: dict[str, float] = field(default_factory=dict)
    vectors: dict[int, NDArray[np.float32]] = field(default_factory=dict)  # by the crop's capture time
    attributes: dict[int, VehicleAttributes] = field(default_factory=dict)  # likewise
    boxes: int = 0
    sequence: int = 0
    reported_ns: int | None = None
    crops_changed: bool = False
    mean: NDArray[np.float32] | None = None
    quality: float = 0.0
    combined: VehicleAttributes | None = None
    trail: list[tuple[int, NDArray[np.float32]]] = field(default_factory=list)  # the latest boxes, by capture time
    rest: NDArray[np.float32] | None = None  # the box that it has stood in since rest_ns
    rest_ns: int = 0
    leaves: bool = False  # it was settled, and nothing was reported since it moves again

    def fragment(self) -> Fragment:
        """The end of it, or all of it while it is young."""
        assert self.mean is not None
        return Fragment([at_ns for at_ns, _ in self.trail], np.stack([box for _, box in self.trail]), self.mean)

    def absorb(self, later: "_Tracklet") -> None:
        """Go on as what turned out to be the same vehicle, of which nothing was reported yet."""
        shift_us = (later.first_ns - self.first_ns) // 1000
        self.path += [BoxAt(at.offset_us + shift_us, at.left, at.top, at.right, at.bottom) for at in later.path]
        self.last_ns, self.trail, self.rest = later.last_ns, later.trail, None
        self.boxes += later.boxes
        for label, score in later.scores.items():
            self.scores[label] = self.scores.get(label, 0.0) + score
        self.vectors |= later.vectors
        self.attributes |= later.attributes
        for crop in later.best.crops:
            self.crops_changed |= self.best.take(crop)


class TrackletBuilder:
    """The tracklets of one camera in one epoch.

    `step` takes a frame with its tracked detections and returns the observations that are due at that moment,
    by track number; `finish` closes what is still open. A vehicle that was lost goes on as the same tracklet where one
    that begins moves and looks like it. One that has stood for SETTLED_AFTER_S is settled: nothing of it is kept or
    reported until it moves. `keep` gets the best crops of every tracklet that closes; with a `classifier` observations
    have a colour. Where the detector says only `vehicle`, `types` reads the label from the vector.
    """

    def __init__(
        self,
        camera: str,
        epoch: CameraEpoch,
        encoder: Encoder,
        masker: Masker,
        *,
        settings: EmbedSettings,
        keep: CropKeeper | None = None,
        classifier: AttributeClassifier | None = None,
        types: TypeHead | None = None,
    ) -> None:
        self._camera = camera
        self._epoch = epoch
        self._encoder = encoder
        self._masker = masker
        self._settings = settings
        self._keep = keep
        self._classifier = classifier
        self._types = types
        self._open: dict[int, _Tracklet] = {}
        self._number_of: dict[int, int] = {}  # of tracklets, by the tracker's ids
        self._tracks = 0
        self._clock = ClockQuality.ARRIVAL
        self._frame_size = (0, 0)
        self._now_ns = 0

    def numbers(self, track_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers (N,) of the tracklets that tracks belong to, by the tracker's ids (N,); new ones get one.

        A track that goes on as the tracklet of an earlier one has that one's number from then on.
        """
        return np.array([self._number(each) for each in track_ids.tolist()], np.int64)

    def _number(self, tracker_id: int) -> int:
        if tracker_id not in self._number_of:
            self._tracks += 1
            self._number_of[tracker_id] = self._tracks
        return self._number_of[tracker_id]

    def step(self, frame: Frame, tracked: Detections, ended: Sequence[int]) -> list[Observation]:
        """Take in a frame; returns the observations that are due after it.

        ended: the tracks that are over, by the tracker's ids.
        """
        self._clock, self._frame_size, self._now_ns = frame.clock, frame.size, frame.captured_ns
        # Step 1: add each box to the tracklet of its track, and offer its crop
        qualities = crop_qualities(frame, tracked)
        for row, tracker_id in enumerate(tracked.track_ids.tolist()):
            self._add_box(frame, tracked, row, tracker_id, float(qualities[row]))
        # Step 2: close tracklets whose track is over
        closing = [self._open.pop(each) for each in ended if each in self._open]
        for each in ended:
            self._number_of.pop(each, None)
        # Step 3: open and update those that are due; embed all that changed in one batch
        self._join()
        due = [it for it in self._open.values() if self._due(it)]
        return self._report(due, closing)

    def finish(self) -> list[Observation]:
        """Close everything: the stream has ended or is interrupted."""
        closing = list(self._open.values())
        self._open.clear()
        self._number_of.clear()
        return self._report([], closing)

    def _add_box(self, frame: Frame, tracked: Detections, row: int, tracker_id: int, quality: float) -> None:
        it = self._open.get(tracker_id)
        if it is None:
            best = BestCrops(keep=self._settings.crops)
            it = _Tracklet(self._number(tracker_id), frame.captured_ns, frame.captured_ns, best, [])
            self._open[tracker_id] = it
        it.last_ns = frame.captured_ns
        if self._settled(it, tracked.boxes[row]):
            return
        it.trail = [*it.trail, (frame.captured_ns, tracked.boxes[row])][-TRAIL:]
        it.boxes += 1
        sides = [round(float(side) * 10) for side in tracked.boxes[row]]
        it.path.append(BoxAt((frame.captured_ns - it.first_ns) // 1000, *sides))
        label = tracked.labels[row]
        it.scores[label] = it.scores.get(label, 0.0) + float(tracked.scores[row])
        it.crops_changed |= it.best.offer(frame, tracked, row, quality)

    def _settled(self, it: _Tracklet, box: NDArray[np.float32]) -> bool:
        """Test for a vehicle that has stood in one place for long, and still does."""
        settled = it.reported_ns is not None and self._now_ns - it.rest_ns >= SETTLED_AFTER_S * NS
        if it.rest is not None and float(iou(it.rest[None], box[None])[0, 0]) >= SAME_PLACE:
            return settled
        it.leaves |= settled and it.rest is not None
        it.rest, it.rest_ns = box, self._now_ns
        return False

    def _join(self) -> None:
        """Let tracklets that are about to be opened go on as the lost ones that they continue."""
        lost = {key: it for key, it in self._open.items() if it.reported_ns is not None and it.last_ns < self._now_ns}
        fresh = {key: it for key, it in self._open.items() if it.reported_ns is None and self._due(it)} if lost else {}
        if not fresh:
            return
        self._embed([it for it in fresh.values() if it.crops_changed])
        for key, it in fresh.items():
            keys = list(lost)
            place = find_earlier(it.fragment(), [lost[each].fragment() for each in keys])
            if place is not None:
                earlier = lost.pop(keys[place])
                del self._open[keys[place]], self._number_of[keys[place]]
                earlier.absorb(it)
                self._open[key], self._number_of[key] = earlier, earlier.track

    def _due(self, it: _Tracklet) -> bool:
        """Test for an observation: after `open_after_s`, with a full path, or with new crops and not too often."""
        if not len(it.best):
            return False
        if it.reported_ns is None:
            return it.last_ns - it.first_ns >= self._settings.open_after_s * NS
        if it.leaves or len(it.path) >= LONGEST_PATH:
            return True
        return it.crops_changed and self._now_ns - it.reported_ns >= self._settings.update_every_s * NS

    def _report(self, due: list[_Tracklet], closing: list[_Tracklet]) -> list[Observation]:
        """Observe tracklets that are due and tracklets that close, in the order of track numbers."""
        # A track that never lived long enough to be opened was noise.
        closing = [it for it in closing if it.reported_ns is not None]
        self._embed([it for it in due + closing if it.crops_changed])
        reported = [
            self._observe(it, TrackletState.OPENED if it.reported_ns is None else TrackletState.UPDATED) for it in due
        ]
        for it in closing:
            reported.append(self._observe(it, TrackletState.CLOSED))
            if self._keep is not None:
                self._keep(reported[-1], it.best.crops)
        return sorted(reported, key=lambda observation: observation.track)

    def _embed(self, tracklets: Sequence[_Tracklet]) -> None:
        """Give each tracklet the mean vector of its best crops; crops that are new are encoded in one batch."""
        # Step 1: encode crops that have no vector yet, in one batch over all tracklets
        fresh = [(it, crop) for it in tracklets for crop in it.best.crops if crop.captured_ns not in it.vectors]
        rows = self._encoder([self._masked(crop) for _, crop in fresh])
        if self._classifier is not None:
            self._classify(self._classifier, tracklets, fresh)
        for (it, crop), row in zip(fresh, rows, strict=True):
            it.vectors[crop.captured_ns] = row
        # Step 2: forget vectors of crops that lost their place; mean weighted by quality, of norm 1
        for it in tracklets:
            crops = it.best.crops
            it.vectors = {crop.captured_ns: it.vectors[crop.captured_ns] for crop in crops}
            mean = sum(
                (it.vectors[crop.captured_ns] * (crop.quality + 1e-3) for crop in crops),
                np.zeros(1, np.float32),
            )
            it.mean = np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-6), np.float32)
            it.quality = crops[0].quality
            it.crops_changed = False

    def _classify(
        self, classifier: AttributeClassifier, tracklets: Sequence[_Tracklet], fresh: Sequence[tuple[_Tracklet, Crop]]
    ) -> None:
        """Give each tracklet the attributes that its best crops agree on."""
        for (it, crop), attributes in zip(fresh, classifier([crop for _, crop in fresh]), strict=True):
            it.attributes[crop.captured_ns] = attributes
        for it in tracklets:
            it.attributes = {crop.captured_ns: it.attributes[crop.captured_ns] for crop in it.best.crops}
            it.combined = combine_attributes(
                [(it.attributes[crop.captured_ns], crop.quality) for crop in it.best.crops]
            )

    def _masked(self, crop: Crop) -> Crop:
        if crop.mask is not None and crop.mask.any():
            return crop
        return replace(crop, mask=never_empty(self._masker(crop.image, crop.box_xyxy)))

    def _observe(self, it: _Tracklet, state: TrackletState) -> Observation:
        assert it.mean is not None  # whatever is reported has been embedded
        sequence, it.sequence, it.reported_ns = it.sequence, it.sequence + 1, self._now_ns
        path, it.path, it.leaves = it.path, [], False
        label = max(it.scores, key=lambda name: (it.scores[name], name))
        score = round(it.scores[label] / it.boxes, 4)
        combined = it.combined
        if label == VEHICLE:
            label = self._type_of(it.mean, combined)
        return Observation(
            id=f"{tracklet_id(self._camera, self._epoch, it.track)}|{sequence}",
            camera=self._camera,
            epoch=self._epoch,
            track=it.track,
            sequence=sequence,
            state=state,
            at_ns=self._now_ns,
            first_ns=it.first_ns,
            last_ns=it.last_ns,
            clock=self._clock,
            frame_size=self._frame_size,
            path=path,
            label=label,
            score=score,
            encoder=self._encoder.id,
            vector=pack_vector(it.mean),
            quality=round(it.quality, 4),
            crops=len(it.best),
            colour=combined.colour if combined else None,
            colour_score=round(combined.colour_score, 4) if combined else None,
        )

    def _type_of(self, vector: NDArray[np.float32], combined: VehicleAttributes | None) -> str:
        """Type by the vector, else by the attributes; `vehicle` where neither is sure."""
        if self._types is not None:
            vehicle_type, probability = self._types(vector)
            if probability >= LEAST_PROBABILITY:
                return vehicle_type
        if combined is not None and combined.vehicle_type_score >= MIN_TYPE_SCORE:
            return combined.vehicle_type
        return VEHICLE
