"""IDF1, HOTA and MOTA: how well boxes and ids agree with the truth; MOTA by TrackEval's metric class."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from trackeval.metrics import CLEAR

from training.scoring.hota import mean_hota
from training.scoring.identity import BoxPairs
from training.scoring.tracks import MIN_IOU, CameraTracks, Ints

_QUIET = {"PRINT_CONFIG": False, "THRESHOLD": MIN_IOU}


@dataclass(frozen=True, slots=True)
class TrackScores:
    """Shares in [0, 1] (MOTA also below 0), counts as they are; shares are NaN where there was nothing to find.

    idf1, idp, idr: Ristani et al. 2016. hota, deta, assa: Luiten et al. 2021, the mean over IoU .05 to .95. mota,
    precision, recall, id_switches, fragmentations: Bernardin and Stiefelhagen 2008, at IoU .5.
    """

    idf1: float
    idp: float
    idr: float
    hota: float
    deta: float
    assa: float
    mota: float
    precision: float
    recall: float
    id_switches: int
    fragmentations: int
    frames: int
    true_boxes: int
    true_ids: int
    run_boxes: int
    run_ids: int


def score_tracks(cameras: Sequence[CameraTracks]) -> TrackScores:
    """The scores of one camera, or of several as one sequence in which ids mean the same vehicle everywhere.

    The cameras' frames are put one after the other in the order given, so an id is right over cameras or not at all.
    An id that a run has twice in one frame is, from its second box on, another one.
    """
    data = sequence_of(cameras)
    names = np.concatenate([np.array([], np.int64), *(camera.run.ids for camera in cameras)])
    identity = BoxPairs.of(cameras).score(names)
    hota, deta, assa = mean_hota(data)
    clear = CLEAR(_QUIET).eval_sequence(data)

    def share(value: Any) -> float:
        return float(value) if data["num_gt_dets"] else math.nan

    return TrackScores(
        idf1=identity.idf1,
        idp=identity.idp,
        idr=identity.idr,
        hota=share(hota),
        deta=share(deta),
        assa=share(assa),
        mota=share(clear["MOTA"]),
        precision=share(clear["CLR_Pr"]),
        recall=share(clear["CLR_Re"]),
        id_switches=int(clear["IDSW"]),
        fragmentations=int(clear["Frag"]),
        frames=data["num_timesteps"],
        true_boxes=data["num_gt_dets"],
        true_ids=data["num_gt_ids"],
        run_boxes=data["num_tracker_dets"],
        run_ids=len({each for camera in cameras for each in camera.run.ids.tolist()}),
    )


def sequence_of(cameras: Sequence[CameraTracks]) -> dict[str, Any]:
    """Build the input of TrackEval's `eval_sequence`: ids from 0, one array a frame."""
    true_ids, run_ids, similarities = [], [], []
    true_number: dict[int, int] = {}
    run_number: dict[tuple[int, int], int] = {}
    for camera in cameras:
        for true_at, run_at, similarity in camera.pairs():
            true_ids.append(_numbered([(each,) for each in camera.truth.ids[true_at].tolist()], true_number))
            run_ids.append(_numbered(_told_apart(camera.run.ids[run_at]), run_number))
            similarities.append(similarity.astype(np.float64))
    return {
        "num_timesteps": sum(len(camera.frames) for camera in cameras),
        "num_gt_ids": len(true_number),
        "num_tracker_ids": len(run_number),
        "num_gt_dets": sum(map(len, true_ids)),
        "num_tracker_dets": sum(map(len, run_ids)),
        "gt_ids": true_ids,
        "tracker_ids": run_ids,
        "similarity_scores": similarities,
    }


def _told_apart(ids: Ints) -> list[tuple[int, int]]:
    """Each id of a frame with how often it came before in it."""
    seen: dict[int, int] = {}
    keys = []
    for each in ids.tolist():
        keys.append((each, seen.get(each, 0)))
        seen[each] = seen.get(each, 0) + 1
    return keys


def _numbered(keys: list[Any], numbers: dict[Any, int]) -> Ints:
    """Numbers from 0 in the order in which keys are first seen."""
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
