"""All scores of a run: every camera by itself, all of them together, the links, the delay and the probabilities."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from training.scoring.baseline import BaselineInput, BaselineScores, score_baseline
from training.scoring.comparison import Comparison
from training.scoring.decisions import Decisions
from training.scoring.delay import DelayPoint, delay_curve
from training.scoring.links import LinkScores
from training.scoring.reliability import Reliability, run_reliability
from training.scoring.tracking import TrackScores, score_tracks
from training.scoring.tracks import VISIT_GAP_S, CameraTracks


@dataclass(frozen=True, slots=True)
class RunScores:
    """cameras: by camera, tracklets as ids. together, links: None where there is nothing to put together.

    together: all cameras as one sequence; identities as ids, tracklets where vehicles are numbered by camera.
    delays: from online to final. probabilities: by what was stated (reliability.py). baselines: others on the same
    tracklets. The last three are empty where nothing is known of them.
    """

    cameras: dict[str, TrackScores]
    together: TrackScores | None = None
    links: LinkScores | None = None
    delays: list[DelayPoint] = field(default_factory=list)
    probabilities: dict[str, Reliability] = field(default_factory=dict)
    baselines: list[BaselineScores] = field(default_factory=list)


def score_run(
    cameras: Sequence[CameraTracks],
    identity_of: Mapping[int, int],
    *,
    shared_ids: bool = True,
    visit_gap_s: float = VISIT_GAP_S,
    decisions: tuple[Decisions, Mapping[int, int]] | None = None,
    baseline: BaselineInput | None = None,
) -> RunScores:
    """Score a run whose ids are tracklets, each of one camera; `identity_of` where they belong in the end.

    `shared_ids`: a vehicle has the same true id in every camera. Otherwise cameras have nothing to do with one
    another: no links, and ids are kept apart by camera. `decisions`: what was known when, and the end of each
    tracklet (ns). `baseline`: what the baseline is to be given.
    """
    each = {camera.camera: score_tracks([camera]) for camera in cameras}
    if len(cameras) < 2:
        return RunScores(each)
    if not shared_ids:
        apart = [replace(camera, truth=camera.truth.renamed(names)) for camera, names in _true_names(cameras)]
        return RunScores(each, score_tracks(apart))
    comparison = Comparison.of(cameras, visit_gap_s=visit_gap_s)
    together, links = comparison.score(identity_of)
    return RunScores(
        each,
        together,
        links,
        delays=delay_curve(comparison, *decisions) if decisions is not None else [],
        probabilities=run_reliability(decisions[0], comparison.sightings) if decisions is not None else {},
        baselines=score_baseline(comparison, baseline) if baseline is not None else [],
    )


def _true_names(cameras: Iterable[CameraTracks]) -> Iterable[tuple[CameraTracks, dict[int, int]]]:
    """Each camera with new true ids that no other camera has."""
    used = 0
    for camera in cameras:
        ids = sorted(set(camera.truth.ids.tolist()))
        yield camera, {vehicle: used + place for place, vehicle in enumerate(ids)}
        used += len(ids)
