"""`corridor score`: a run against the truth."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.screen import print_lines
from deploy.journeys import read_journeys
from deploy.log.opening import open_log
from deploy.scoring import Told, begin_ns, frame_times_of, read_run, tracks_of
from ingest.errors import ConfigError
from ingest.opening import start_ns
from training.scoring.tracks import VISIT_GAP_S
from training.scoring.truth import MotTruth, read_mot

if TYPE_CHECKING:
    from training.scoring.links import LinkScores, Share
    from training.scoring.report import RunScores
    from training.scoring.tracking import TrackScores

_Listing = Callable[[Path], dict[str, Path]]

URL = re.compile(r"^[a-z]\w+:")
TRUTH_ENDING = ".gt.txt"
VIDEO_ENDINGS = (".mp4", ".mkv", ".avi", ".mov", ".ts")
COLUMNS = ("camera", "frames", "vehicles", "IDF1", "IDP", "IDR", "HOTA", "DetA", "AssA", "MOTA", "switches", "frag.")


def score(
    truth: Annotated[
        list[str],
        typer.Argument(help="A folder of CAMERA.gt.txt, or CAMERA=FILE for each camera.", show_default=False),
    ],
    run: Annotated[str, typer.Argument(help="The log of the run: a path or sqlite:PATH.", show_default=False)],
    fps: Annotated[float | None, typer.Option("--fps", help="Frames per second that the truth counts in.")] = None,
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
        datetime | None, typer.Option("--starts-at", help="When frame 1 was captured; default: where the run began.")
    ] = None,
    visit_gap_s: Annotated[
        float, typer.Option("--visit-gap-s", help="Out of sight for longer is another sighting, seconds.")
    ] = VISIT_GAP_S,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Score a run against the truth: IDF1, HOTA and MOTA of every camera and of all together, and the links.

    Truth is in the format of the MOT Challenge; a vehicle has the same id in all cameras. Scored are the frames that
    the run analysed, up to the last one that the truth names. What every figure means: docs/scores.md.

    corridor score truth/ runs/corridor.db --fps 25
    """
    files = _files(truth, "the truth", _truths_in)
    truths = {camera: read_mot(path) for camera, path in sorted(files.items())}
    counted = _classes(classes, truths)
    _check_numbers(fps, video, visit_gap_s)
    videos = _files(video, "--video", _videos_in) if video else {}
    with closing(open_log(run if URL.match(run) else f"sqlite:{run}", must_exist=True)) as log:
        told, tracklets = read_run(log)
        identities = read_journeys(log).identity_of
    _check_cameras(truths, told, run)
    cameras = []
    for camera, true in truths.items():
        starts_ns = start_ns(starts_at, otherwise_ns=begin_ns(told[camera]))
        times_ns = frame_times_of(camera, true, told[camera], starts_ns, fps, videos)
        cameras.append(tracks_of(camera, true, counted, told[camera], times_ns))
    numbers = {identity: number for number, identity in enumerate(sorted(set(identities.values())))}
    identity_of = {tracklets[each]: numbers[identity] for each, identity in identities.items() if each in tracklets}
    try:
        from training.scoring.report import score_run
    except ModuleNotFoundError as error:
        raise ConfigError(f"scoring needs {error.name}, which is not installed (install corridor[score])") from error
    scores = score_run(cameras, identity_of, shared_ids=not local_ids, visit_gap_s=visit_gap_s)
    if as_json:
        print_lines([msgspec.json.encode(scores)])
    else:
        _print(scores, Console())


def _files(given: list[str], what: str, in_folder: _Listing) -> dict[str, Path]:
    """By camera: the files of a folder, or of CAMERA=FILE arguments."""
    if len(given) == 1 and Path(given[0]).is_dir():
        return in_folder(Path(given[0]))
    files: dict[str, Path] = {}
    for entry in given:
        camera, separator, path = entry.partition("=")
        if not separator or not camera or not path:
            raise ConfigError(f"{what}: '{entry}' is neither a folder that exists nor CAMERA=FILE")
        if camera in files:
            raise ConfigError(f"{what}: camera '{camera}' is given twice")
        files[camera] = Path(path)
    return files


def _truths_in(folder: Path) -> dict[str, Path]:
    """`CAMERA.gt.txt` in a folder, or `CAMERA/gt/gt.txt` as the MOT Challenge lays it out."""
    files = {path.name.removesuffix(TRUTH_ENDING): path for path in folder.glob(f"?*{TRUTH_ENDING}")}
    files = files or {path.parts[-3]: path for path in folder.glob("*/gt/gt.txt")}
    if not files:
        raise ConfigError(f"the folder {folder} holds no truth (expected CAMERA{TRUTH_ENDING} or CAMERA/gt/gt.txt)")
    return files


def _videos_in(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.iterdir() if path.is_file() and path.suffix in VIDEO_ENDINGS}


def _classes(given: str | None, truths: Mapping[str, MotTruth]) -> frozenset[int] | None:
    if given is None:
        return None
    try:
        classes = frozenset(int(each) for each in given.split(","))
    except ValueError:
        raise ConfigError(f"--classes '{given}': expected whole numbers with commas between, such as 1,2,3") from None
    known = {each for truth in truths.values() for each in truth.classes.tolist()}
    if not classes & known:
        raise ConfigError(f"--classes: the truth has no box of {_listed(classes)} (it has {_listed(known)})")
    return classes


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _check_numbers(fps: float | None, video: list[str] | None, visit_gap_s: float) -> None:
    if (fps is None) == (not video):
        raise ConfigError("the truth counts frames: give their rate with --fps, or name the --video (not both)")
    if fps is not None and not 0 < fps < math.inf:
        raise ConfigError(f"--fps {fps:g} is no frame rate")
    if not 0 <= visit_gap_s < math.inf:
        raise ConfigError(f"--visit-gap-s {visit_gap_s:g} is no length of time")


def _check_cameras(truths: Mapping[str, MotTruth], told: Mapping[str, Told], run: str) -> None:
    unknown = sorted(set(truths) - {camera for camera, of_camera in told.items() if of_camera.ticks})
    if unknown:
        known = ", ".join(sorted(told)) or "no camera at all"
        raise ConfigError(f"the log {run} says nothing about camera {', '.join(unknown)} (it knows {known})")


def _print(scores: "RunScores", console: Console) -> None:
    table = Table(box=None, header_style="bold cyan")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "camera" else "right")
    for camera, of_camera in scores.cameras.items():
        table.add_row(camera, *_cells(of_camera))
    if scores.together is not None:
        table.add_row("together", *_cells(scores.together), style="bold")
    console.print(table)
    if scores.links is not None:
        console.print(*_link_lines(scores.links), sep="\n", highlight=False)


def _cells(scores: "TrackScores") -> Iterable[str]:
    shares = (scores.idf1, scores.idp, scores.idr, scores.hota, scores.deta, scores.assa, scores.mota)
    yield from (str(scores.frames), str(scores.true_ids))
    yield from ("-" if math.isnan(share) else f"{share:.3f}" for share in shares)
    yield from (str(scores.id_switches), str(scores.fragmentations))


def _link_lines(links: "LinkScores") -> list[str]:
    return [
        "",
        f"link precision  {_share(links.precision)} links are right ({links.skipping} of them skip a sighting)",
        f"link recall     {_share(links.recall)} true links were found",
        f"  both in view  {_share(links.recall_in_view)} true links with a tracklet at both ends",
        f"tracklets       {links.tracklets}, of which {links.strays} follow no vehicle",
    ]


def _share(share: "Share") -> str:
    """`0.800 (0.548 to 0.930): 12 of 15`."""
    value = "    -" if math.isnan(share.value) else f"{share.value:.3f}"
    return f"{value} ({share.low:.3f} to {share.high:.3f}): {share.hits} of {share.trials}"
