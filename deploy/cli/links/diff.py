"""`corridor diff`: how the identities of two logs over the same tracklets differ, and which are nearer to the truth."""

import math
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from deploy.cli.outcome import end_missing
from deploy.cli.score.inputs import (
    check_cameras,
    check_countable,
    files_by_camera,
    frame_rates,
    times_beside,
    truths_in,
)
from deploy.cli.terminal.screen import make_console, narrow_table, print_lines
from deploy.log.decoding import Undecoded
from deploy.results.differences import Differences, compare, identities_in
from deploy.results.reading import open_named_log
from ingest.errors import ConfigError

if TYPE_CHECKING:
    from deploy.results.scored_run import TruthTiming
    from training.scoring.report import RunScores
    from training.scoring.truth import MotTruth

ROWS = 20
"""Groups in the table; --json has all of them."""
NAMED_AT_MOST = 4
"""Names in a cell."""

LogName = Annotated[
    str, typer.Argument(help="A log: a path, sqlite:PATH, kafka://…, or a site's configuration.", show_default=False)
]


def diff(
    first: LogName,
    second: LogName,
    truth: Annotated[
        Path | None,
        typer.Option("--truth", help="Also score both: a folder of CAMERA.gt.txt, as of `corridor score`."),
    ] = None,
    fps: Annotated[
        str | None,
        typer.Option("--fps", help="Frames per second that the truth counts in, without CAMERA.times.txt beside it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, with all groups.")] = False,
) -> None:
    """Compare the identities of two logs: merged, split, changed.

    The two logs hold the same tracklets: one of them is a replay of the other (`corridor replay`). Identities that
    share a tracklet stand in one row: several of the first log that are one in the second have been merged. Tracklets
    that only one of the logs gave an identity to are counted and left out.

    corridor diff runs/site/corridor.db runs/site/replay.db --truth truth/
    """
    if fps is not None and truth is None:
        raise ConfigError("--fps is for --truth")
    identities, undecoded = [], (Undecoded(), Undecoded())
    for name, counts in zip((first, second), undecoded, strict=True):
        with closing(open_named_log(name)) as log:
            identities.append(identities_in(log, counts))
        if not identities[-1]:
            raise ConfigError(f"the log {name} has no trajectories to compare")
    found = compare(*identities)
    if not found.groups:
        raise ConfigError(f"no tracklet has an identity in both {first} and {second}: they are not of the same run")
    scores = _scores(truth, fps, (first, second), undecoded) if truth is not None else []
    if as_json:
        shown = {"counts": found.counts, **msgspec.to_builtins(found)}
        print_lines([msgspec.json.encode(shown | ({"scores": scores} if scores else {}))])
    else:
        console = make_console()
        _print_groups(found, console)
        if scores:
            _print_scores(scores, (first, second), console)
    named = zip(("first", "second"), undecoded, strict=True)
    end_missing("; ".join(f"in the {which} log {counts}" for which, counts in named if counts.total))


def _print_groups(found: Differences, console: Console) -> None:
    different = [group for group in found.groups if group.kind != "same"]
    rows = [
        [group.kind, _named(group.before), _named(group.after), _named(group.tracklets)] for group in different[:ROWS]
    ]
    if rows:
        names = ("", "first", "second", "tracklets")
        console.print(narrow_table("Identities", names, rows, left=names, wraps="tracklets"))
    if len(different) > ROWS:
        console.print(f"and {len(different) - ROWS} more (--json has all of them)", highlight=False)
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.counts.items())
    tracklets = sum(len(group.tracklets) for group in found.groups)
    console.print(
        f"{tracklets} tracklets in both: identities {kinds}; "
        f"{len(found.only_before)} tracklets only in the first, {len(found.only_after)} only in the second",
        highlight=False,
        soft_wrap=True,
    )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return ", ".join(names[:NAMED_AT_MOST]) + more


def _scores(folder: Path, fps: str | None, logs: Sequence[str], undecoded: Sequence[Undecoded]) -> "list[RunScores]":
    """Score both logs against a truth; raises ConfigError as `corridor score`. undecoded: counts of each log."""
    from deploy.cli.score.command import require_libraries
    from deploy.results.scored_run import TruthTiming
    from training.scoring.truth import read_mot

    files = dict(sorted(files_by_camera([str(folder)], "--truth", truths_in).items()))
    if len(files) < 2:
        raise ConfigError(f"--truth {folder}: of one camera there are no links to score")
    times = {} if fps else times_beside(files)
    if untimed := sorted(set(files) - set(times)) if not fps else []:
        raise ConfigError(f"the truth of camera {', '.join(untimed)} counts frames: give their rate with --fps")
    truths = {camera: read_mot(path) for camera, path in files.items()}
    timing = TruthTiming(times=times, rates=frame_rates([fps], truths) if fps else {})
    with require_libraries():
        return [_score(log, counts, truths, timing) for log, counts in zip(logs, undecoded, strict=True)]


def _score(name: str, undecoded: Undecoded, truths: "dict[str, MotTruth]", timing: "TruthTiming") -> "RunScores":
    from deploy.results.journeys import read_events
    from deploy.results.scored_run import read_run, tracks_of
    from training.scoring.decisions import read_decisions
    from training.scoring.report import score_run

    with closing(open_named_log(name)) as log:
        logged = read_run(log, undecoded)
        decisions = read_decisions(read_events(log, undecoded), logged.tracklets)
    check_cameras(truths, logged.cameras, name)
    cameras = tracks_of(logged, truths, timing, None)
    check_countable(cameras)
    return score_run(cameras, decisions.identities())


def _print_scores(scores: "Sequence[RunScores]", names: Sequence[str], console: Console) -> None:
    rows = []
    for name, each in zip(names, scores, strict=True):
        assert each.together is not None  # there are two cameras
        assert each.links is not None
        shares = each.together.idf1, each.links.precision.value, each.links.recall.value
        rows.append([name, *("-" if math.isnan(share) else f"{share:.3f}" for share in shares)])
    columns = ("log", "IDF1", "link precision", "link recall")
    console.print(narrow_table("Against the truth", columns, rows, left=("log",), wraps="log"))
