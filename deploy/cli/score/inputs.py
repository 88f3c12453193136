"""Check the inputs of `corridor score`: files by camera, frame rates, classes."""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from associate.settings import AssociateSettings
from deploy.results.scored_run import CameraLog, LoggedRun
from ingest.errors import ConfigError
from training.datasets.names import is_leftover
from training.scoring.frame_times import read_frame_times
from training.scoring.tracks import CameraTracks, Ints
from training.scoring.truth import MotTruth

if TYPE_CHECKING:
    from training.scoring.baseline import BaselineInput

logger = logging.getLogger(__name__)

Listing = Callable[[Path], dict[str, Path]]

TRUTH_ENDING = ".gt.txt"
TIMES_ENDING = ".times.txt"
VIDEO_ENDINGS = (".mp4", ".mkv", ".avi", ".mov", ".ts")


def files_by_camera(given: list[str], what: str, in_folder: Listing) -> dict[str, Path]:
    """Map cameras to the files of a folder, or of CAMERA=FILE arguments."""
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


def truths_in(folder: Path) -> dict[str, Path]:
    """`CAMERA.gt.txt` in a folder, and `CAMERA/gt/gt.txt` as the MOT Challenge lays it out."""
    found = [(path.name.removesuffix(TRUTH_ENDING), path) for path in folder.glob(f"?*{TRUTH_ENDING}")]
    found += [(path.parts[-3], path) for path in folder.glob("*/gt/gt.txt")]
    files = _each_once([(camera, path) for camera, path in found if not is_leftover(camera)], "the truth")
    if not files:
        raise ConfigError(f"the folder {folder} holds no truth (expected CAMERA{TRUTH_ENDING} or CAMERA/gt/gt.txt)")
    return files


def videos_in(folder: Path) -> dict[str, Path]:
    """The recordings in a folder, by the name before the ending."""
    found = [path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in VIDEO_ENDINGS]
    return _each_once([(path.stem, path) for path in found if not is_leftover(path.name)], "--video")


def _each_once(found: Iterable[tuple[str, Path]], what: str) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for camera, path in sorted(found):
        if camera in files:
            raise ConfigError(f"{what}: camera '{camera}' has two files, {files[camera]} and {path}")
        files[camera] = path
    return files


def times_beside(truths: Mapping[str, Path]) -> dict[str, Ints]:
    """Map cameras to the capture times in `CAMERA.times.txt` beside their `CAMERA.gt.txt`, where there is one."""
    beside = {
        camera: path.with_name(path.name.removesuffix(TRUTH_ENDING) + TIMES_ENDING)
        for camera, path in truths.items()
        if path.name.endswith(TRUTH_ENDING)
    }
    return {camera: read_frame_times(path) for camera, path in beside.items() if path.is_file()}


def frame_rates(given: list[str], cameras: Iterable[str]) -> dict[str, float]:
    """Frames per second by camera, from one number for all of them or CAMERA=NUMBER for each."""
    if len(given) == 1 and "=" not in given[0]:
        return dict.fromkeys(cameras, _rate(given[0]))
    rates: dict[str, float] = {}
    for camera, _, rate in (entry.partition("=") for entry in given):
        if camera in rates:
            raise ConfigError(f"--fps: camera '{camera}' is given twice")
        rates[camera] = _rate(rate)
    strange = sorted(set(rates) - set(cameras))
    if strange:
        raise ConfigError(f"--fps: there is no truth of camera {', '.join(strange)} (there is {', '.join(cameras)})")
    missing = sorted(set(cameras) - set(rates))
    if missing:
        raise ConfigError(f"--fps: none for camera {', '.join(missing)} (give one number for all, or CAMERA=NUMBER)")
    return rates


def _rate(given: str) -> float:
    try:
        fps = float(given)
    except ValueError:
        raise ConfigError(f"--fps '{given}' is no frame rate (give one number for all, or CAMERA=NUMBER)") from None
    if not 0 < fps < math.inf:
        raise ConfigError(f"--fps {fps:g} is no frame rate")
    return fps


def counted_classes(given: str | None, truths: Mapping[str, MotTruth]) -> frozenset[int] | None:
    """The classes that count; None for all."""
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


def check_cameras(truths: Mapping[str, MotTruth], camera_logs: Mapping[str, CameraLog], run: str) -> None:
    """Warn of cameras without truth; raises ConfigError for a camera with truth of which the log says nothing."""
    ticking = {camera for camera, of_camera in camera_logs.items() if of_camera.ticks}
    unknown = sorted(set(truths) - ticking)
    if unknown:
        known = ", ".join(sorted(camera_logs)) or "no camera at all"
        raise ConfigError(f"the log {run} says nothing about camera {', '.join(unknown)} (it knows {known})")
    without = sorted(ticking - set(truths))
    if without:
        logger.warning("not scored, because there is no truth of them: camera %s", ", ".join(without))


def check_countable(cameras: Iterable[CameraTracks]) -> None:
    """Raise ConfigError where no camera has a true box that counts: an empty street says nothing of a run."""
    if not any(len(camera.truth) for camera in cameras):
        raise ConfigError("the truth has no box that counts on any frame that the run analysed: nothing can be scored")


@dataclass(frozen=True, slots=True)
class BaselineOptions:
    """Options of the baseline on the command line."""

    windows: Path | None
    windows_from_truth: bool
    floor: float | None
    sweep_floor: bool

    def check(self, *, asked: bool, comparable: bool) -> None:
        """Raise ConfigError for options that contradict one another."""
        given = self.windows or self.windows_from_truth or self.floor is not None or self.sweep_floor
        if given and not asked:
            raise ConfigError("--windows, --windows-from-truth, --floor, --sweep-floor: for --baseline clustering only")
        if asked and not comparable:
            raise ConfigError("--baseline needs at least two cameras in which a vehicle has the same id")
        if self.windows and self.windows_from_truth:
            raise ConfigError("give the baseline --windows or --windows-from-truth, not both")
        if self.floor is not None and not -1 <= self.floor <= 1:
            raise ConfigError(f"--floor {self.floor:g} is no cosine (-1 to 1)")

    def peer(self, run: LoggedRun, cameras: list[str]) -> "BaselineInput":
        """The tracklets of a run with these options."""
        from deploy.results.baseline import peer_of, read_windows

        return peer_of(
            run,
            cameras,
            settings=read_windows(self.windows) if self.windows else AssociateSettings(),
            windows_from_truth=self.windows_from_truth,
            floor=self.floor,
            sweep=self.sweep_floor,
        )

    @property
    def note(self) -> str:
        """A line for people: which travel times the baseline was given."""
        if self.windows_from_truth:
            return "clustering: travel times from the truth, which helps it"
        if self.windows:
            return f"clustering: travel times of {self.windows}"
        window = AssociateSettings().default_window
        assert window is not None
        return f"clustering: {window.min_s:g} to {window.max_s:g} s between any two cameras (say better with --windows)"
