"""All scores of a run: every camera by itself, all of them together, and the links between them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from training.scoring.links import LinkScores, score_links
from training.scoring.tracking import TrackScores, score_tracks
from training.scoring.tracks import VISIT_GAP_S, CameraTracks


@dataclass(frozen=True, slots=True)
class RunScores:
    """cameras: by camera, tracklets as ids. together, links: None where there is nothing to put together.

    together: all cameras as one sequence; identities as ids, tracklets where vehicles are numbered by camera.
    """

    cameras: dict[str, TrackScores]
    together: TrackScores | None
    links: LinkScores | None


def score_run(
    cameras: Sequence[CameraTracks],
    identity_of: Mapping[int, int],
    *,
    shared_ids: bool = True,
    visit_gap_s: float = VISIT_GAP_S,
) -> RunScores:
    """Score a run whose ids are tracklets, each of one camera; `identity_of` where they belong.

    `shared_ids`: a vehicle has the same true id in every camera. Otherwise cameras have nothing to do with one
    another: no links, and ids are told apart by camera.
    """
    each = {camera.camera: score_tracks([camera]) for camera in cameras}
    if len(cameras) < 2:
        return RunScores(each, None, None)
    if not shared_ids:
        apart = [replace(camera, truth=camera.truth.renamed(names)) for camera, names in _true_names(cameras)]
        return RunScores(each, score_tracks(apart), None)
    links = score_links(cameras, identity_of, visit_gap_s=visit_gap_s)
    # A tracklet of no identity is one of its own.
    tracklets = sorted({tracklet for camera in cameras for tracklet in camera.run.ids.tolist()})
    own = 1 + max(identity_of.values(), default=0)
    names = {tracklet: identity_of.get(tracklet, own + place) for place, tracklet in enumerate(tracklets)}
    named = [replace(camera, run=camera.run.renamed(names)) for camera in cameras]
    return RunScores(each, score_tracks(named), links)


def _true_names(cameras: Iterable[CameraTracks]) -> Iterable[tuple[CameraTracks, dict[int, int]]]:
    """Each camera with new true ids that no other camera has."""
    used = 0
    for camera in cameras:
        ids = sorted(set(camera.truth.ids.tolist()))
        yield camera, {vehicle: used + place for place, vehicle in enumerate(ids)}
        used += len(ids)
