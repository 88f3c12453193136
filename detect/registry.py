"""Registry of detectors: their names, and the opening of one by its name."""

from collections.abc import Callable
from pathlib import Path

from detect.detector import Detector
from detect.motion import MotionDetector
from detect.networks import NETWORKS, START_SCORE, AtssModel, SsdModel
from detect.settings import FoundationSettings
from ingest.errors import ConfigError

MOTION = "motion"
SITE_SUFFIX = ".onnx"
CHEAP = (*NETWORKS, MOTION)
FOUNDATION = ("grounding-dino-swin-t", "grounding-dino-swin-b")
"""Detectors that cost too much for every frame."""


def check_detector(name: str, *, cheap: bool = False) -> None:
    """Raise ConfigError for a name that is neither known nor the path of a site's own detector.

    With `cheap` only those are known that can look at every frame.
    """
    known = CHEAP if cheap else (*CHEAP, *FOUNDATION)
    if name not in known and not name.endswith(SITE_SUFFIX):
        raise ConfigError(f"'{name}' is not one of: {', '.join(known)}, the path of a site's detector (…{SITE_SUFFIX})")


def open_detector(
    name: str,
    find_weights: Callable[[str], Path],
    *,
    min_score: float | None = None,
    threads: int = 0,
    masks: bool = False,
) -> Detector:
    """Open a detector for every frame by its name; raises ConfigError, and WeightsError for missing weights.

    find_weights: the main file of a network, by its name. masks: whether `motion` adds the mask of what moved.
    """
    check_detector(name, cheap=True)
    if name == MOTION:
        return MotionDetector(masks=masks)
    if name in NETWORKS:
        return open_network(name, find_weights(name), min_score=min_score, threads=threads)
    # OpenVINO takes its time to load: commands without a network do not wait for it.
    from detect.site_detector import SiteDetector

    return SiteDetector(Path(name).expanduser(), min_score=min_score, threads=threads)


def start_score(name: str, foundation: FoundationSettings) -> float:
    """Score from which a detection starts a track; raises WeightsError for a site's detector that cannot be read."""
    if name in FOUNDATION:
        # What passes `box_score` has been asked for: below this it continues tracks, and starts one by evidence.
        return min(foundation.box_score + 0.1, 0.99)
    if name in CHEAP:
        return NETWORKS[name].start_score if name in NETWORKS else START_SCORE
    from detect.site_detector import read_metadata

    return read_metadata(Path(name).expanduser()).start_score


def open_network(name: str, path: Path, *, min_score: float | None = None, threads: int = 0) -> Detector:
    """Open the detector of a network whose main file is at `path`.

    `min_score` None is the network's own; `threads` 0 leaves their number to OpenVINO. Raises KeyError for a name not
    in NETWORKS, WeightsError for a file that cannot be read.
    """
    model = NETWORKS[name]
    # OpenVINO takes its time to load: commands without a network do not wait for it.
    if isinstance(model, SsdModel):
        from detect.ssd import SsdDetector

        return SsdDetector(path, model, min_score=min_score, threads=threads)
    if isinstance(model, AtssModel):
        from detect.atss import AtssDetector

        return AtssDetector(path, model, min_score=min_score, threads=threads)
    from detect.yolox import YoloxDetector

    return YoloxDetector(path, model, min_score=min_score, threads=threads)
