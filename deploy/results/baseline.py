"""Input of the clustering baseline from a run: closed tracklets, travel-time windows and a similarity floor."""

import hashlib
import logging
import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from associate.settings import AssociateSettings
from associate.topology import Topology
from deploy.results.scored_run import LoggedRun
from deploy.site.encoders import COLOUR
from embed.encoder import file_id
from embed.observation import Observation, TrackletState, unpack_vector
from embed.settings import SHIPPED_FILE
from ingest.clock import NS
from ingest.errors import ConfigError
from training.scoring.baseline import BaselineInput
from training.scoring.clustering import Tracklets, Windows

logger = logging.getLogger(__name__)

COLOUR_FLOOR, SHIPPED_FLOOR = 0.64, 0.644
"""Midpoints of logistic curves through the cosines of real pairs (`python -m tests.bench gantries`)."""


def peer_of(
    run: LoggedRun,
    camera_names: Sequence[str],
    *,
    settings: AssociateSettings,
    windows_from_truth: bool = False,
    floor: float | None = None,
    sweep: bool = False,
) -> BaselineInput:
    """The closed tracklets of some cameras; windows and, where none is given, the floor are those of `settings`.

    Without a floor of its own the baseline takes the cosine that is evidence for neither, which is known of the
    encoders that come with the program.
    Raises ConfigError where nothing is closed, where encoders are mixed, and where a floor is needed and not known.
    """
    place_of = {name: place for place, name in enumerate(camera_names)}
    here = {number: seen for number, seen in run.latest.items() if seen.camera in place_of}
    closed = {number: seen for number, seen in here.items() if seen.state is TrackletState.CLOSED and _usable(seen)}
    if len(closed) < len(here):
        logger.warning(
            "--baseline: left out %d of %d tracklets, which are not closed or have no usable feature",
            *(len(here) - len(closed), len(here)),
        )
    if not closed:
        raise ConfigError("--baseline: the log has no closed tracklet with a feature in these cameras")
    encoders = sorted({seen.encoder for seen in closed.values()})
    if len(encoders) > 1:
        raise ConfigError(
            f"--baseline: the log mixes encoders, whose features are not comparable: {', '.join(encoders)}"
        )
    tracklets = Tracklets(
        cameras=np.array([place_of[seen.camera] for seen in closed.values()], np.int64),
        enter_s=np.array([seen.first_ns for seen in closed.values()], np.float64) / NS,
        leave_s=np.array([seen.last_ns for seen in closed.values()], np.float64) / NS,
        features=np.stack([unpack_vector(seen.vector) for seen in closed.values()]),
    )
    if floor is None and not sweep:
        floor = known_floor(encoders[0])
    windows = None if windows_from_truth else windows_of(settings, camera_names)
    return BaselineInput(np.array(list(closed), np.int64), tracklets, tuple(camera_names), windows, floor, sweep)


def _usable(seen: Observation) -> bool:
    """True where association could use it, too."""
    try:
        unpack_vector(seen.vector)
    except ValueError:
        return False
    return True


def known_floor(encoder: str) -> float:
    """The cosine of an encoder, by the id of its vectors, that is evidence for neither one vehicle nor two.

    Raises ConfigError.
    """
    name, _, digits = file_id(encoder).partition("@")
    if name == COLOUR:
        return COLOUR_FLOOR
    if digits and hashlib.sha256(SHIPPED_FILE.read_bytes()).hexdigest().startswith(digits):
        return SHIPPED_FLOOR
    raise ConfigError(
        f"--baseline: no similarity floor is known for encoder '{encoder}'; give one with --floor, or --sweep-floor"
    )


def windows_of(settings: AssociateSettings, camera_names: Sequence[str]) -> Windows:
    """The windows of `[associate]`; a camera that is not listed with itself has the default window, too."""
    place_of = {name: place for place, name in enumerate(camera_names)}
    topology = Topology(settings.travel, settings.default_window)
    listed = {}
    for one in camera_names:
        for two in camera_names:
            window = topology.window(one, two)
            if window is not None:
                listed[place_of[one], place_of[two]] = window.min_s, window.max_s
    default = settings.default_window
    return Windows.of(len(camera_names), listed, (default.min_s, default.max_s) if default is not None else None)


def read_windows(path: Path) -> AssociateSettings:
    """The `[associate]` table of a configuration, whatever else is in it; raises ConfigError."""
    try:
        table = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read the windows {path}: {error.strerror}") from error
    except ValueError as error:  # of either decoding
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    if "associate" not in table:
        raise ConfigError(
            f"{path} has no [associate] table (expected [[associate.travel]] with start, end, min_s, max_s)"
        )
    try:
        return msgspec.convert(table["associate"], AssociateSettings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}, [associate]: {error}") from error
