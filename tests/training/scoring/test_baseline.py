"""The baseline beside a run: what it is given, and which floor is its best."""

from pathlib import Path

import numpy as np
import pytest

from associate.settings import AssociateSettings
from deploy.results.baseline import peer_of, read_windows, windows_of
from deploy.results.scored_run import LoggedRun
from embed.exported import encoder_id
from embed.observation import CameraEpoch, Observation, TrackletState, pack_vector
from embed.settings import SHIPPED_FILE
from ingest.clock import NS
from ingest.errors import ConfigError
from ingest.frame import ClockQuality
from tests.training.scoring.scenes import camera, rows
from training.scoring.baseline import SLACK_S, BaselineInput, score_baseline, windows_of_truth
from training.scoring.clustering import Tracklets, Windows
from training.scoring.comparison import Comparison

ALL = range(1, 11)
# Vehicles 1 and 2 past cameras a and b; tracklets 1, 2 and 3, 4 follow them.
TRUTH = rows(1, ALL) + rows(2, ALL, left=300)
CAMERAS = [
    camera(TRUTH, rows(1, ALL) + rows(2, ALL, left=300), name="a"),
    camera(TRUTH, rows(3, ALL) + rows(4, ALL, left=300), name="b", begins_s=60.0),
]


def peer(
    angles: list[float], *, windows: Windows | None = None, floor: float | None = None, sweep: bool = False
) -> BaselineInput:
    radians = np.radians(angles)
    features = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    enter_s = np.array([0.0, 0.0, 60.0, 60.0])
    tracklets = Tracklets(np.array([0, 0, 1, 1]), enter_s, enter_s + 9, features)
    return BaselineInput(np.array([1, 2, 3, 4]), tracklets, ("a", "b"), windows, floor, sweep)


def test_it_is_scored_like_a_run() -> None:
    comparison = Comparison.of(CAMERAS)
    (right,) = score_baseline(comparison, peer([0, 90, 5, 85], floor=0.9))
    assert (right.name, right.floor, right.together.idf1, right.links.recall.value) == ("clustering", 0.9, 1, 1)
    (swapped,) = score_baseline(comparison, peer([0, 90, 85, 5], floor=0.9))
    assert (swapped.together.idf1, swapped.links.precision.value) == (0.5, 0)
    (apart,) = score_baseline(comparison, peer([0, 90, 30, 60], floor=0.9))
    assert (apart.together.idf1, apart.links.precision.trials) == (0.5, 0)


def test_the_best_floor_is_found_and_said() -> None:
    """Cosine .87 within a vehicle, .5 between them: from above .5 (and below .87) it is right."""
    fixed, best = score_baseline(Comparison.of(CAMERAS), peer([0, 90, 30, 60], floor=0.9, sweep=True))
    assert (fixed.name, fixed.together.idf1) == ("clustering", 0.5)
    assert (best.name, best.together.idf1) == ("clustering, best floor", 1)
    assert best.floor <= 0.86
    (only,) = score_baseline(Comparison.of(CAMERAS), peer([0, 90, 30, 60], sweep=True))
    assert only == best


def test_windows_of_the_truth_hold_every_pair_of_visits_and_no_other_way() -> None:
    third = camera(rows(1, ALL), [], name="c", begins_s=100.0)
    windows = windows_of_truth(Comparison.of([*CAMERAS, third]).sightings, "abc")
    assert (windows.low_s[0, 1], windows.high_s[0, 1]) == (51 - SLACK_S, 51 + SLACK_S)
    assert (windows.low_s[0, 2], windows.high_s[0, 2]) == (91 - SLACK_S, 91 + SLACK_S)
    assert np.isnan(windows.low_s[1, 0])
    assert (windows.low_s[2, 2], windows.high_s[2, 2]) == (0, SLACK_S)
    # Tracklets may come later and leave earlier than vehicles: they are compared all the same.
    (found,) = score_baseline(Comparison.of(CAMERAS), peer([0, 90, 5, 85], floor=0.9))
    assert found.together.idf1 == 1


def seen(
    place: str, track: int, *, state: TrackletState = TrackletState.CLOSED, encoder: str = "colour@1"
) -> Observation:
    vector = pack_vector(np.array([1.0, 0.0]))
    return Observation(
        id=f"{place}|1.0|{track}|0",
        camera=place,
        epoch=CameraEpoch(1, 0),
        track=track,
        sequence=0,
        state=state,
        at_ns=9 * NS,
        first_ns=2 * NS,
        last_ns=8 * NS,
        clock=ClockQuality.FILE,
        frame_size=(640, 360),
        path=[],
        label="car",
        score=0.9,
        encoder=encoder,
        vector=vector,
        quality=0.5,
        crops=1,
    )


def run(*observations: Observation) -> LoggedRun:
    return LoggedRun({}, {it.tracklet: at for at, it in enumerate(observations)}, dict(enumerate(observations)))


def test_only_closed_tracklets_of_the_scored_cameras_with_a_feature_take_part() -> None:
    lame = Observation(
        **{**{name: getattr(seen("a", 4), name) for name in Observation.__struct_fields__}, "vector": b""}
    )
    told = run(seen("a", 1), seen("b", 2), seen("a", 3, state=TrackletState.UPDATED), lame, seen("c", 5))
    given = peer_of(told, ["a", "b"], settings=AssociateSettings())
    assert given.numbers.tolist() == [0, 1]
    assert (given.tracklets.enter_s.tolist(), given.tracklets.leave_s.tolist()) == ([2, 2], [8, 8])
    assert given.floor == 0.64  # of the encoder `colour`


def test_the_shipped_encoder_has_a_floor_of_its_own() -> None:
    shipped = encoder_id("grl", SHIPPED_FILE.read_bytes())
    assert peer_of(run(seen("a", 1, encoder=shipped)), ["a"], settings=AssociateSettings()).floor == 0.644


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (run(), "no closed tracklet"),
        (run(seen("a", 1), seen("b", 2, encoder="other@1")), "mixes encoders.*colour@1, other@1"),
        (
            run(seen("a", 1, encoder="other@1")),
            "no similarity floor is known for encoder 'other@1'; give one with --floor",
        ),
    ],
)
def test_what_it_cannot_do_is_said(told: LoggedRun, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        peer_of(told, ["a", "b"], settings=AssociateSettings())


def test_windows_are_those_of_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "corridor.toml"
    path.write_text(
        '[[cameras]]\nid = "a"\n[associate]\nmax_travel_s = 90.0\n'
        '[[associate.travel]]\nstart = "a"\nend = "b"\nmin_s = 5.0\nmax_s = 20.0\n'
    )
    windows = windows_of(read_windows(path), ["a", "b"])
    assert windows.low_s.tolist() == [[-90, 5], [-90, -90]]
    assert windows.high_s.tolist() == [[90, 20], [90, 90]]
    path.write_text(path.read_text().replace("max_travel_s = 90.0", "only_listed = true"))
    assert np.isnan(windows_of(read_windows(path), ["a", "b"]).low_s).tolist() == [[True, False], [True, True]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("associate = ", "is not valid TOML"),
        ("[detect]\n", r"has no \[associate\] table"),
        ("[associate]\ntravels = 1\n", "unknown field `travels`"),
        (None, "cannot read the windows"),
    ],
)
def test_windows_that_cannot_be_used(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "windows.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_windows(path)
