"""`corridor score`: a run against the truth."""

import logging
import math
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deploy.cli.outcome import end_reading
from deploy.cli.score.inputs import (
    BaselineOptions,
    check_cameras,
    check_countable,
    counted_classes,
    files_by_camera,
    frame_rates,
    times_beside,
    truths_in,
    videos_in,
)
from deploy.cli.score.tables import print_scores
from deploy.cli.terminal.screen import make_console, print_lines
from deploy.cli.times import parse_starts_at
from deploy.log.decoding import Undecoded
from deploy.log.opening import open_log
from deploy.results.journeys import read_events
from deploy.results.scored_run import TruthTiming, read_run, tracks_of
from ingest.errors import ConfigError
from training.scoring.decisions import read_decisions
from training.scoring.tracks import VISIT_GAP_S
from training.scoring.truth import read_mot

logger = logging.getLogger(__name__)

URL = re.compile(r"^[a-z]\w+:")
COMPARISON = "Comparison"


class Baseline(StrEnum):
    """Baseline that a run can be compared with on the same tracklets."""

    CLUSTERING = "clustering"


def score(
    truth: Annotated[
        list[str],
        typer.Argument(help="A folder of CAMERA.gt.txt, or CAMERA=FILE for each camera.", show_default=False),
    ],
    run: Annotated[str, typer.Argument(help="The log of the run: a path or sqlite:PATH.", show_default=False)],
    fps: Annotated[
        list[str] | None,
        typer.Option(
            "--fps",
            help="Frames per second that the truth counts in; CAMERA=NUMBER where cameras differ. "
            "Not needed where CAMERA.times.txt lies beside the truth.",
        ),
    ] = None,
    video: Annotated[
        list[str] | None,
        typer.Option("--video", help="Instead of --fps: a folder of CAMERA.mp4, or CAMERA=FILE for each camera."),
    ] = None,
    classes: Annotated[
        str | None, typer.Option("--classes", help="Classes that count, with commas; others are ignored. Default: all.")
    ] = None,
    local_ids: Annotated[
        bool, typer.Option("--local-ids", help="Each camera's truth numbers its own vehicles: no links.")
    ] = False,
    starts_at: Annotated[
        str | None,
        typer.Option(
            "--starts-at", metavar="<datetime>", help="When frame 1 was captured; default: where the run began."
        ),
    ] = None,
    visit_gap_s: Annotated[
        float, typer.Option("--visit-gap-s", help="Out of sight for longer is another sighting, seconds.")
    ] = VISIT_GAP_S,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, with all curves.")] = False,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Also draw scores, delay and calibration into this PNG or SVG.")
    ] = None,
    baseline: Annotated[
        Baseline | None,
        typer.Option(
            "--baseline",
            help="Score average-linkage clustering of the same tracklets as well.",
            rich_help_panel=COMPARISON,
        ),
    ] = None,
    windows: Annotated[
        Path | None,
        typer.Option(
            "--windows",
            help="Its travel times: a configuration (table associate). Default: -90 to 300 s between any two cameras.",
            rich_help_panel=COMPARISON,
        ),
    ] = None,
    windows_from_truth: Annotated[
        bool,
        typer.Option(
            "--windows-from-truth",
            help="Its travel times are those of the truth, which helps it.",
            rich_help_panel=COMPARISON,
        ),
    ] = False,
    floor: Annotated[
        float | None,
        typer.Option(
            "--floor",
            help="Its least average cosine. Default: where association's calibration speaks for neither.",
            rich_help_panel=COMPARISON,
        ),
    ] = None,
    sweep_floor: Annotated[
        bool,
        typer.Option(
            "--sweep-floor",
            help="Also with the floor that the truth likes best: no choice of floor does better.",
            rich_help_panel=COMPARISON,
        ),
    ] = False,
) -> None:
    """Score a run against the truth: IDF1, HOTA and MOTA of every camera and of all together, and the links.

    Then how good identities are some time after a vehicle has left (decision delay), and whether the probabilities
    that the run states are right that often (calibration).

    Truth is in the format of the MOT Challenge; a vehicle has the same id in all cameras. Scored are the frames that
    the run analysed, up to the last one that the truth names. What every figure means: docs/scores.md.

    corridor score truth/ runs/site/corridor.db --fps 25

    corridor score truth/ runs/site/corridor.db --fps 25 --figure scores.png --baseline clustering --windows site.toml
    """
    files = dict(sorted(files_by_camera(truth, "the truth", truths_in).items()))
    times = {} if fps or video else times_beside(files)
    _check_numbers(fps, video, visit_gap_s, untimed=sorted(set(files) - set(times)))
    truths = {camera: read_mot(path) for camera, path in files.items()}
    options = BaselineOptions(windows, windows_from_truth, floor, sweep_floor)
    options.check(asked=baseline is not None, comparable=len(truths) > 1 and not local_ids)
    counted = counted_classes(classes, truths)
    rates = frame_rates(fps, truths) if fps else {}
    videos = files_by_camera(video, "--video", videos_in) if video else {}
    undecoded = Undecoded()
    with closing(open_log(run if URL.match(run) else f"sqlite:{run}", must_exist=True)) as log:
        logged = read_run(log, undecoded)
        decisions = read_decisions(read_events(log, undecoded), logged.tracklets)
    if decisions.strange:
        logger.warning("left out %d events about tracklets of which the log %s says nothing", decisions.strange, run)
    check_cameras(truths, logged.cameras, run)
    timing = TruthTiming(times, rates, videos, parse_starts_at(starts_at))
    cameras = tracks_of(logged, truths, timing, counted)
    check_countable(cameras)
    with require_libraries():
        from training.scoring.report import score_run

        scores = score_run(
            cameras,
            decisions.identities(),
            shared_ids=not local_ids,
            visit_gap_s=visit_gap_s,
            decisions=(decisions, logged.ends_ns),
            baseline=options.peer(logged, list(truths)) if baseline is not None else None,
        )
    if as_json:
        print_lines([msgspec.json.encode(scores)])
    else:
        print_scores(scores, make_console(), options.note if baseline is not None else "")
    if figure is not None:
        with require_libraries():
            from training.scoring.figure import draw

            draw(scores, figure)
    end_reading(undecoded)


@contextmanager
def require_libraries() -> Iterator[None]:
    """Name the extra that scoring needs where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(f"scoring needs {error.name}, which is not installed (install corridor[score])") from error


def _check_numbers(fps: list[str] | None, video: list[str] | None, visit_gap_s: float, *, untimed: list[str]) -> None:
    if fps and video:
        raise ConfigError("give the truth's frames a rate with --fps, or name the --video (not both)")
    if untimed and not fps and not video:
        raise ConfigError(
            f"the truth of camera {', '.join(untimed)} counts frames: give their rate with --fps, or name the --video "
            "(or put CAMERA.times.txt beside it)"
        )
    if not 0 <= visit_gap_s < math.inf:
        raise ConfigError(f"--visit-gap-s {visit_gap_s:g} is no length of time")
