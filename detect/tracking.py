"""Multi-object tracking within one camera: BoT-SORT."""

import warnings
from dataclasses import replace

import numpy as np
import supervision as sv
from trackers import BoTSORTTracker

from detect.detections import UNTRACKED, Detections
from detect.networks import START_SCORE
from ingest.clock import NS
from ingest.frame import Frame


class Tracker:
    """BoT-SORT on boxes, timed by the frames' own clock, so that dropped frames do not upset it.

    A track that is not seen for `lost_after_s` is over. Its id is never used again within the tracker, and ids
    count from 1. `frame_rate`: frames a second that the tracker expects. The image itself is not looked at: the
    cameras stand still. A detection that scores `start_score` or more starts a track where it continues none.
    """

    def __init__(self, *, lost_after_s: float = 1.2, frame_rate: float = 8.0, start_score: float = START_SCORE) -> None:
        self.lost_after_s = lost_after_s
        self._tracker = BoTSORTTracker(
            lost_track_buffer=max(1, round(lost_after_s * 30)),
            frame_rate=frame_rate,
            track_activation_threshold=start_score,
            # The distance that BoT-SORT has between the two, but for networks whose scores are all low.
            high_conf_det_threshold=max(start_score - 0.1, 0.8 * start_score),
            enable_cmc=False,
            instant_first_frame_activation=True,
        )
        self._epoch_ns: int | None = None

    def __call__(self, frame: Frame, found: Detections) -> Detections:
        """Track the detections of a frame: those with a track, with its id, in the order of ids.

        Weak ones (score below `start_score`) that continue no track are left out.
        """
        # Step 1: the frame's time since the first one, and its detections as the library takes them
        if self._epoch_ns is None:
            self._epoch_ns = frame.captured_ns
        seconds = (frame.captured_ns - self._epoch_ns) / NS
        rows = sv.Detections(
            xyxy=found.boxes.astype(np.float64),
            confidence=found.scores.astype(np.float64),
            class_id=np.arange(len(found)),  # carries the row number through the tracker
        )
        # Step 2: predict, associate, update.
        # The library gives ids at once on its first frame only, and a frame later to the rest. To few
        # analysed frames a second that lost box matters, so every frame counts as the first one; what was noise is
        # not opened as a tracklet.
        self._tracker.frame_id = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            tracked = self._tracker.update(rows, timestamp=seconds)
        if len(tracked) == 0 or tracked.tracker_id is None or tracked.class_id is None:
            return Detections.none()
        # Step 3: ids back to the rows of the detections
        confirmed = tracked.tracker_id >= 0
        order = np.asarray(tracked.class_id, np.int64)[confirmed]
        ids = np.asarray(tracked.tracker_id, np.int64)[confirmed] + 1
        chosen = replace(found.select(order), track_ids=ids)
        return chosen.select(np.argsort(ids, kind="stable"))


__all__ = ["UNTRACKED", "Tracker"]
