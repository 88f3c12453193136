"""Multi-object tracking within one camera: BoT-SORT's stages, with starts by evidence and patience by situation."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detect.boxes import areas, intersections, iou, touches_border
from detect.detections import UNTRACKED, Boxes, Detections
from detect.matching import NO_TRACK, Bools, Ints, Matching
from detect.networks import START_SCORE
from detect.track_motion import TrackMotion
from ingest.clock import NS
from ingest.frame import Frame

Floats = NDArray[np.float64]

CANDIDATE = 0
"""The id of a track that may still be noise."""


@dataclass(frozen=True, slots=True)
class TrackingRules:
    """The numbers that tracking goes by; `python -m tests.bench tracking` measures them.

    sure_iou: least IoU of a track with a sure detection (from the start score on). weak_iou, candidate_iou: least IoU
    of a track that was seen in the frame before with a weak detection, and of a candidate with any. return_iou: least
    IoU with a sure detection of a track that has not been seen for `fresh_s`; after `blind_s` motion alone does not say
    any more that it is the same vehicle, and looks have to (embed/joining.py). evidence: sum of scores over the start
    score from which on a candidate that moves is a track. moved: a candidate moves that is this many sides away from
    where it began. young_s: one sure detection makes a track of a candidate of this age; not of one that was there in
    the first `from_start_s`, which may be scenery. candidate_s: a candidate
    without a detection is dropped after it. inside: a detection of which this share lies in a tracked one's box needs
    evidence. stands: a slower track stands, sides a second. patience: factor of the time in which a vehicle that stands
    or is hidden may come back.
    """

    sure_iou: float = 0.2
    weak_iou: float = 0.5
    candidate_iou: float = 0.5
    return_iou: float = 0.4
    fresh_s: float = 0.6
    blind_s: float = 1.2
    evidence: float = 1.5
    moved: float = 0.6
    young_s: float = 0.3
    from_start_s: float = 1.0
    candidate_s: float = 0.5
    inside: float = 0.8
    stands: float = 0.15
    patience: float = 2.5


RULES = TrackingRules()


@dataclass(slots=True, eq=False)
class _Tracks:
    """Columns of N tracks, candidates among them; scores are shares of the start score.

    ids: CANDIDATE until there is one. first_ns, seen_ns: times of the first and the latest box. scores, boxes: sum of
    the scores, and their number. latest: the latest score. began_at (N, 2): centre of the first box. stood: it stood
    when it was last seen.
    """

    ids: Ints
    first_ns: Ints
    seen_ns: Ints
    scores: Floats
    boxes: Ints
    latest: Floats
    began_at: Floats
    stood: Bools

    @classmethod
    def begin(cls, ids: Ints, now_ns: int, scores: Floats, centres: Floats) -> "_Tracks":
        """Begin tracks with their first boxes."""
        count = len(ids)
        now = np.full(count, now_ns, np.int64)
        return cls(
            ids, now, now.copy(), scores, np.ones(count, np.int64), scores.copy(), centres, np.zeros(count, np.bool_)
        )

    def __len__(self) -> int:
        return len(self.ids)

    def columns(self) -> tuple[NDArray[Any], ...]:
        return tuple(getattr(self, each.name) for each in fields(self))


class Tracker:
    """Ids for detections, timed by the frames' own clock, so that dropped frames do not upset it.

    A detection that scores `start_score` or more starts a track where it continues none; weaker ones do together, if
    they move alike. What has never moved and is weak is scenery (a caption), and never starts one. The image itself is
    not looked at: the cameras stand still.

    A vehicle at the frame's edge has left when it is not seen for `lost_after_s`; one that vanished inside the
    frame may come back within `return_within_s`, and later where it stands or is hidden. After each call `ended`
    has the ids of the tracks that are over. An id is never used again; they count from 1.
    """

    def __init__(
        self,
        *,
        lost_after_s: float = 1.2,
        return_within_s: float = 4.0,
        start_score: float = START_SCORE,
        rules: TrackingRules = RULES,
    ) -> None:
        self.ended: tuple[int, ...] = ()
        self._lost_after_s = lost_after_s
        self._return_within_s = max(return_within_s, lost_after_s)
        self._start_score = start_score
        self._rules = rules
        self._motion = TrackMotion.none()
        self._tracks = _Tracks.begin(np.empty(0, np.int64), 0, np.empty(0), np.empty((0, 2)))
        self._began_ns: int | None = None
        self._now_ns = 0
        self._given = 0

    def __call__(self, frame: Frame, found: Detections) -> Detections:
        """Track the detections of a frame: those with a track, with its id, in the order of ids."""
        # Step 1: predict
        if self._began_ns is None:
            self._began_ns = self._now_ns = frame.captured_ns
        missed = self._tracks.seen_ns != self._now_ns
        self._motion.predict((frame.captured_ns - self._now_ns) / NS, missed)
        self._now_ns = frame.captured_ns
        # Step 2: match in stages; correct what was matched, begin what was not
        track_of = self._match(found, missed)
        self._take_in(found, track_of)
        self._begin(found, track_of)
        # Step 3: candidates with enough evidence become tracks; tracks that are over end
        self._promote()
        ids = self._tracks.ids[track_of]
        self._end(frame.size)
        known = np.flatnonzero(ids != CANDIDATE)
        chosen = replace(found.select(known), track_ids=ids[known])
        return chosen.select(np.argsort(ids[known], kind="stable"))

    def _match(self, found: Detections, missed: Bools) -> Ints:
        """(N,) the track of each detection, or NO_TRACK."""
        rules, tracks = self._rules, self._tracks
        near = iou(self._motion.boxes, found.boxes)
        sure = found.scores >= self._start_score
        any_of = np.ones(len(found), np.bool_)
        real = tracks.ids != CANDIDATE
        unseen_s = (self._now_ns - tracks.seen_ns) / NS
        fresh = unseen_s <= rules.fresh_s
        matching = Matching(len(tracks), len(found))
        matching.stage(near, real & fresh, sure, rules.sure_iou)
        matching.stage(near, real & ~missed, ~sure, rules.weak_iou)
        matching.stage(near, real & (unseen_s <= rules.blind_s), sure, rules.return_iou)
        matching.stage(near, ~real, any_of, rules.candidate_iou)
        return matching.track_of

    def _take_in(self, found: Detections, track_of: Ints) -> None:
        """Move the matched tracks to their detections."""
        matched = np.flatnonzero(track_of != NO_TRACK)
        rows = track_of[matched]
        self._motion.correct(rows, found.boxes[matched])
        self._tracks.seen_ns[rows] = self._now_ns
        self._tracks.latest[rows] = found.scores[matched] / self._start_score
        self._tracks.scores[rows] += self._tracks.latest[rows]
        self._tracks.boxes[rows] += 1
        self._tracks.stood[rows] = self._motion.pace[rows] < self._rules.stands

    def _begin(self, found: Detections, track_of: Ints) -> None:
        """Begin a track with each detection that continues none, and write it into `track_of`."""
        new = np.flatnonzero(track_of == NO_TRACK)
        if not len(new):
            return
        motion = TrackMotion.begin(found.boxes[new])
        tracks = self._tracks
        relative = found.scores[new].astype(np.float64) / self._start_score
        # Part of a vehicle that is tracked is not another one: such a detection needs evidence.
        others = track_of != NO_TRACK
        others[others] = tracks.ids[track_of[others]] != CANDIDATE
        lonely = _share_inside(found.boxes[new], found.boxes[others]) < self._rules.inside
        starts = lonely & self._starts(found.scores[new])
        ids = np.full(len(new), CANDIDATE, np.int64)
        ids[starts] = self._next_ids(int(starts.sum()))
        added = _Tracks.begin(ids, self._now_ns, relative, motion.at[:, :2].copy())
        track_of[new] = np.arange(len(tracks), len(tracks) + len(new))
        columns = zip(tracks.columns(), added.columns(), strict=True)
        self._tracks = _Tracks(*(np.concatenate(pair) for pair in columns))
        self._motion = self._motion.joined(motion)

    def _next_ids(self, count: int) -> Ints:
        first, self._given = self._given + 1, self._given + count
        return np.arange(first, first + count)

    def _starts(self, scores: NDArray[np.float32]) -> Bools:
        """(N,) bool: detections that start a track by themselves."""
        assert self._began_ns is not None
        # What is there from the start may be scenery: it has to look like a vehicle, halfway to certainty.
        fresh = self._now_ns - self._began_ns <= self._rules.from_start_s * NS
        return np.asarray(scores >= ((1 + self._start_score) / 2 if fresh else self._start_score), np.bool_)

    def _promote(self) -> None:
        """Make tracks of the candidates with enough evidence."""
        rules, tracks = self._rules, self._tracks
        off_px = np.hypot(*(self._motion.at[:, :2] - tracks.began_at).T)
        moved = off_px >= rules.moved * self._motion.at[:, 2:].mean(axis=1)
        enough = tracks.scores >= rules.evidence
        certain = tracks.scores >= tracks.boxes  # a mean score from the start score on
        ready = (tracks.ids == CANDIDATE) & (enough & (moved | certain) | self._sure_early())
        tracks.ids[ready] = self._next_ids(int(ready.sum()))

    def _sure_early(self) -> Bools:
        """(N,) bool: young tracks that a sure detection has just continued, and that were not there from the start."""
        assert self._began_ns is not None
        tracks, rules = self._tracks, self._rules
        sure = (tracks.seen_ns == self._now_ns) & (tracks.latest >= 1) & (tracks.boxes > 1)
        late = tracks.first_ns - self._began_ns > rules.from_start_s * NS
        return np.asarray(sure & late & (self._now_ns - tracks.first_ns <= rules.young_s * NS), np.bool_)

    def _end(self, size: tuple[int, int]) -> None:
        """Drop the tracks that are over, and say which."""
        rules, tracks, boxes = self._rules, self._tracks, self._motion.boxes
        unseen_s = (self._now_ns - tracks.seen_ns) / NS
        seen = boxes[(unseen_s == 0) & (tracks.ids != CANDIDATE)]
        hidden = _share_inside(boxes, seen) >= 0.5
        patient = tracks.stood | hidden
        limit_s = self._return_within_s * np.where(patient, rules.patience, 1.0)
        limit_s[touches_border(boxes, size)] = self._lost_after_s
        limit_s[tracks.ids == CANDIDATE] = rules.candidate_s
        over = unseen_s > limit_s
        self.ended = tuple(tracks.ids[over & (tracks.ids != CANDIDATE)].tolist())
        if over.any():
            self._tracks = _Tracks(*(each[~over] for each in tracks.columns()))
            self._motion = self._motion.select(~over)


def _share_inside(boxes: Boxes, others: Boxes) -> NDArray[np.float32]:
    """(N,) the largest share of each box that lies in one of the others."""
    shared = intersections(boxes, others).max(axis=1, initial=0.0)
    return np.asarray(shared / np.maximum(areas(boxes), 1e-6), np.float32)


__all__ = ["RULES", "UNTRACKED", "Tracker", "TrackingRules"]
