"""Observations of a whole preset at tracklet rate: as from perception, without rendering every frame."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from embed.joining import TRAIL, Fragment, find_earlier
from embed.observation import (
    BoxAt,
    CameraEpoch,
    Message,
    Observation,
    Tick,
    TrackletState,
    order_key,
    pack_vector,
    tracklet_id,
)
from embed.tracklets import LONGEST_PATH
from ingest.clock import NS
from ingest.frame import ClockQuality
from training.datasets.city.detector import SCORE
from training.datasets.city.embedding import CropSource
from training.datasets.city.tracklets import MIN_VISIBLE, Tracklet, best_crop_frames
from training.datasets.city.true_boxes import TrueBoxes

LABEL = "vehicle"


@dataclass(frozen=True, slots=True, eq=False)
class CityCamera:
    """One camera's true boxes and its tracklets; `shots` are, by tracklet, the places in its frames of its crops."""

    camera_id: str
    camera: int
    frame_size: tuple[int, int]
    true_boxes: TrueBoxes
    tracklets: Sequence[Tracklet]
    shots: Sequence[Sequence[int]]

    @classmethod
    def of(
        cls,
        camera_id: str,
        camera: int,
        frame_size: tuple[int, int],
        true_boxes: TrueBoxes,
        tracklets: Sequence[Tracklet],
        crops: int,
    ) -> "CityCamera":
        """Build from tracklets, with the best `crops` crops of each chosen."""
        shots = [best_crop_frames(it, true_boxes.camera_ns, crops) for it in tracklets]
        return cls(camera_id, camera, frame_size, true_boxes, tracklets, shots)

    def sources(self) -> list[CropSource]:
        """The crops to be taken, by tracklet, then time."""
        return [
            CropSource(self.camera, int(self.true_boxes.sequences[it.frames[place]]), it.boxes[place], it.owners[place])
            for it, places in zip(self.tracklets, self.shots, strict=True)
            for place in places
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Features of one tracklet's crops: vectors (K, dim), qualities (K,), and the places of their frames (K,)."""

    vectors: NDArray[np.float32]
    qualities: NDArray[np.float32]
    frames: NDArray[np.int64]

    def mean(self, until: int) -> tuple[NDArray[np.float32], float, int]:
        """Mean of the crops up to a frame, weighted with their quality, the best quality of them, and their number."""
        rows = np.flatnonzero(self.frames <= until)
        mean = (self.vectors[rows] * (self.qualities[rows, None] + 1e-3)).sum(0)
        norm = float(np.linalg.norm(mean))
        if norm < 1e-3:  # nothing that could be seen of it: like no other
            mean, norm = np.ones_like(mean), float(np.sqrt(len(mean)))
        return np.asarray(mean / norm, np.float32), float(self.qualities[rows].max()), len(rows)

    def joined(self, later: "Features") -> "Features":
        """These crops and those of the same vehicle later."""
        return Features(
            np.concatenate([self.vectors, later.vectors]),
            np.concatenate([self.qualities, later.qualities]),
            np.concatenate([self.frames, later.frames]),
        )


def join(camera: CityCamera, features: Sequence[Features]) -> tuple[CityCamera, list[Features]]:
    """Join the fragments of one stay as the system does before a tracklet closes; `features` by tracklet."""
    known: list[tuple[Tracklet, Features, list[int]]] = []
    order = sorted(range(len(features)), key=lambda number: camera.tracklets[number].opened)
    for number in order:
        it, of_it, shots = camera.tracklets[number], features[number], list(camera.shots[number])
        lost = [
            place
            for place, (other, _, _) in enumerate(known)
            if other.session == it.session and other.frames[-1] < it.frames[0] and other.ended > it.opened
        ]
        begun = _fragment(camera, it, of_it, it.frames.index(it.opened) + 1)
        earlier = find_earlier(
            begun, [_fragment(camera, *known[place][:2], len(known[place][0].frames)) for place in lost]
        )
        if earlier is None:
            known.append((replace(it), of_it, shots))
        else:
            other, of_other, other_shots = known[lost[earlier]]
            known[lost[earlier]] = (
                other.extended(it), of_other.joined(of_it), [*other_shots, *(len(other.frames) + at for at in shots)],
            )  # fmt: skip
    known.sort(key=lambda entry: (entry[0].session, entry[0].track))
    return replace(camera, tracklets=[it for it, _, _ in known], shots=[at for _, _, at in known]), [
        of_it for _, of_it, _ in known
    ]


def _fragment(camera: CityCamera, it: Tracklet, features: Features, boxes: int) -> Fragment:
    """The first `boxes` boxes of a tracklet that has just been opened, or the last ones of a lost one."""
    rows = range(max(0, boxes - TRAIL), boxes)
    times_ns = [int(camera.true_boxes.camera_ns[it.frames[row]]) for row in rows]
    return Fragment(times_ns, np.stack([it.boxes[row] for row in rows]), features.mean(it.frames[boxes - 1])[0])


def messages(city_camera: CityCamera, features: Sequence[Features], encoder: str, generation: int) -> list[Message]:
    """All records of one camera, in order; `features` by tracklet."""
    records: list[Message] = []
    true_boxes = city_camera.true_boxes
    last = int(true_boxes.session[-1])
    for session in np.unique(true_boxes.session).tolist():
        places = np.flatnonzero(true_boxes.session == session)
        epoch = CameraEpoch(generation, session)
        for it, of_it in zip(city_camera.tracklets, features, strict=True):
            if it.session == session:
                records += _life(city_camera, it, of_it, encoder, epoch)
        records += _ticks(city_camera, places, epoch, last=session == last)
    return _counted(sorted(records, key=order_key))


def _counted(records: Sequence[Message]) -> list[Message]:
    """The records with their numbers within their epochs."""
    said = Counter[CameraEpoch]()
    counted: list[Message] = []
    for record in records:
        said[record.epoch] += 1
        counted.append(msgspec.structs.replace(record, count=said[record.epoch]))
    return counted


def _life(
    city_camera: CityCamera,
    it: Tracklet,
    features: Features,
    encoder: str,
    epoch: CameraEpoch,
) -> Iterator[Observation]:
    """A tracklet opened, updated whenever its path has grown long, and closed."""
    camera_ns = city_camera.true_boxes.camera_ns
    first_ns = int(camera_ns[it.frames[0]])
    reported, sequence = 0, 0

    def observe(state: TrackletState, frame: int, until: int) -> Observation:
        """Reported at `frame`; `until` counts the boxes known by then."""
        nonlocal reported, sequence
        vector, quality, crops = features.mean(it.frames[until - 1])
        path = [_box_at(it, place, first_ns, camera_ns) for place in range(reported, until)]
        number, reported, sequence = sequence, until, sequence + 1
        return Observation(
            id=f"{tracklet_id(city_camera.camera_id, epoch, it.track)}|{number}",
            camera=city_camera.camera_id,
            epoch=epoch,
            track=it.track,
            sequence=number,
            state=state,
            at_ns=int(camera_ns[frame]),
            first_ns=first_ns,
            last_ns=int(camera_ns[it.frames[until - 1]]),
            clock=ClockQuality.SYNTHETIC,
            frame_size=city_camera.frame_size,
            path=path,
            label=LABEL,
            score=SCORE,
            encoder=encoder,
            vector=pack_vector(vector),
            quality=round(quality, 4),
            crops=crops,
        )

    opened = it.frames.index(it.opened) + 1
    yield observe(TrackletState.OPENED, it.opened, opened)
    for until in range(opened + LONGEST_PATH, len(it.frames) + 1, LONGEST_PATH):
        yield observe(TrackletState.UPDATED, it.frames[until - 1], until)
    yield observe(TrackletState.CLOSED, it.ended, len(it.frames))


def _box_at(it: Tracklet, place: int, first_ns: int, camera_ns: NDArray[np.int64]) -> BoxAt:
    offset_us = (int(camera_ns[it.frames[place]]) - first_ns) // 1000
    return BoxAt(offset_us, *(round(float(side) * 10) for side in it.boxes[place]))


def _ticks(city_camera: CityCamera, places: NDArray[np.int64], epoch: CameraEpoch, *, last: bool) -> Iterator[Tick]:
    """One with the first analysed frame of every second of the camera's clock, and one at the end of the session."""
    true_boxes = city_camera.true_boxes
    seconds = true_boxes.camera_ns[places] // NS
    due = np.flatnonzero(np.diff(seconds, prepend=seconds[0] - 1)).tolist()
    for number, row in enumerate([*due, len(places) - 1]):
        yield Tick(
            camera=city_camera.camera_id,
            epoch=epoch,
            sequence=number,
            at_ns=int(true_boxes.camera_ns[places[row]]),
            final=last and number == len(due),
            decoded=int(true_boxes.sequences[places[row]] - true_boxes.sequences[places[0]]) + 1,
            analysed=row + 1,
        )


def split_features(
    cameras: Sequence[CityCamera], vectors: NDArray[np.float32], sharpnesses: NDArray[np.float32] | None
) -> list[list[Features]]:
    """Split the vectors of all crop sources, in the order of `sources`, into features by camera and tracklet.

    sharpnesses: factors of the qualities; crops without a vector are left out unless a tracklet has no other.
    """
    start, features_of = 0, []
    for each in cameras:
        of_camera = []
        for it, places in zip(each.tracklets, each.shots, strict=True):
            rows = slice(start, start + len(places))
            start += len(places)
            qualities = np.array([it.qualities[place] for place in places], np.float32)
            if sharpnesses is not None:
                qualities = qualities * sharpnesses[rows]
            frames = np.array([it.frames[place] for place in places], np.int64)
            of_camera.append(Features(vectors[rows], qualities, frames))
        features_of.append(of_camera)
    return features_of


def time_rows(true_boxes: TrueBoxes) -> Iterator[str]:
    """Lines `frame,captured_ns`: when the analysed frames were captured by the camera's own clock."""
    for sequence, at_ns in zip(true_boxes.sequences.tolist(), true_boxes.camera_ns.tolist(), strict=True):
        yield f"{sequence + 1},{at_ns}\n"


def truth_rows(true_boxes: TrueBoxes, kinds: Mapping[int, int]) -> Iterator[str]:
    """Lines of the MOT Challenge's text for one camera: what is in view on every analysed frame.

    What is hidden or cut off so far that nobody could follow it is there as well, but does not count (`conf` 0).
    """
    for at, vehicle, box, visible in zip(
        true_boxes.at.tolist(),
        true_boxes.vehicles.tolist(),
        true_boxes.boxes.tolist(),
        true_boxes.visible.tolist(),
        strict=True,
    ):
        left, top, right, bottom = box
        sides = f"{left:.1f},{top:.1f},{right - left:.1f},{bottom - top:.1f}"
        counts = int(visible >= MIN_VISIBLE)
        frame = int(true_boxes.sequences[at]) + 1
        yield f"{frame},{vehicle},{sides},{counts},{kinds[vehicle]},{min(visible, 1.0):.3f}\n"
