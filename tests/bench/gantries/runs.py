"""The system on the two windows of a cut: perceived once, associated under as many settings as are asked about."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from associate.settings import AssociateSettings
from associate.topology import Travel
from associate.trajectory import TrajectoryEvent
from deploy.log.observations import read_messages
from deploy.log.opening import open_log
from deploy.results.journeys import journeys_of
from deploy.site.config import Config, parse_config
from deploy.site.wiring import make_associator, make_perception_worker
from embed.observation import Message, Observation, TrackletState, pack_vector, unpack_vector
from ingest.clock import NS
from ingest.video import RecordedVideo
from tests.bench.gantries.cuts import OFFSET_S, Cut, Truth, side_truth, window_video
from training.scoring.links import LinkScores, score_links
from training.scoring.timing import nearest_frames
from training.scoring.tracks import CameraTracks, TrackedBoxes

SIDES = ("up", "down")
WIDE_S = 12.0
"""The wide window of travel times: so much about the offset, which lets nearly every vehicle of a clip be the one."""


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """A cut as the system has seen it: its messages, and by side the frames it looked at and when they were captured.

    number_of: a number for every tracklet.
    """

    cut: Cut
    config: Config
    messages: list[Message]
    frames: dict[str, NDArray[np.int64]]
    times_ns: dict[str, NDArray[np.int64]]
    number_of: dict[str, int]

    @property
    def closed(self) -> list[Observation]:
        """The last word on every tracklet."""
        return [it for it in self.messages if isinstance(it, Observation) and it.state is TrackletState.CLOSED]


@dataclass(frozen=True, slots=True)
class Method:
    """A way to link: settings of association, a window of travel times, and what the vectors are replaced by."""

    name: str
    wide: bool = False
    min_probability: float = 0.8
    lag_s: float = 15.0
    chance: bool = False


OURS = Method("looks and travel time")
# Every vehicle gets looks by the toss of a coin, so that only travel times speak.
CHANCE = Method("travel time, looks by chance", chance=True)


def travel_window(cut: Cut, *, wide: bool) -> tuple[float, float]:
    """The shortest and longest time from leaving one view to entering the other, in seconds."""
    shortest_s, longest_s = (-WIDE_S, WIDE_S) if wide else cut.gap_s
    return OFFSET_S + shortest_s, OFFSET_S + longest_s


def configuration(cut: Cut, folder: Path, encoder: str, masks: str) -> Config:
    """The file that a user would write for the two recordings."""
    shortest_s, longest_s = travel_window(cut, wide=False)
    return parse_config(
        f"""
        [[cameras]]
        id = "up"
        source = '{window_video(cut, "up")}'
        starts_at = 1970-01-01T00:00:00Z
        [[cameras]]
        id = "down"
        source = '{window_video(cut, "down")}'
        starts_at = 1970-01-01T00:00:{OFFSET_S:02.0f}Z
        [detect]
        analyse_fps = {cut.rate_fps}
        masks = "{masks}"
        [embed]
        encoder = "{encoder}"
        [associate]
        only_listed = true
        [[associate.travel]]
        start = "up"
        end = "down"
        min_s = {shortest_s}
        max_s = {longest_s}
        [log]
        url = 'sqlite:{folder}/log.db'
        """,
        f"{cut.id}.toml",
    )


def perceive(cut: Cut, encoder: str, masks: str = "auto") -> Passage:
    """Run the perception half of `corridor run` on both windows."""
    with tempfile.TemporaryDirectory() as folder:
        config = configuration(cut, Path(folder), encoder, masks)
        log = open_log(config.log.url)
        frames: dict[str, list[int]] = {side: [] for side in SIDES}
        worker = make_perception_worker(
            config, log, tap=lambda frame, _: frames[frame.camera_id].append(frame.sequence + 1)
        )
        worker.run()
        messages = list(read_messages(log))
        log.close()
    times_ns = {side: _times_ns(cut, side) for side in SIDES}
    tracklets = dict.fromkeys(it.tracklet for it in messages if isinstance(it, Observation))
    number_of = {tracklet: number for number, tracklet in enumerate(tracklets)}
    analysed = {side: np.array(numbers, np.int64) for side, numbers in frames.items()}
    return Passage(cut, config, messages, analysed, times_ns, number_of)


def _times_ns(cut: Cut, side: str) -> NDArray[np.int64]:
    starts_ns = round(OFFSET_S * NS) if side == "down" else 0
    video = RecordedVideo(window_video(cut, side), side, starts_ns=starts_ns)
    return np.array([frame.captured_ns for frame in video.frames()], np.int64)


def tracks(passage: Passage, truth: Truth) -> list[CameraTracks]:
    """Both cameras as `corridor score` sees them; ids of the run are the tracklets' numbers."""
    cameras = []
    for side in SIDES:
        frames, times_ns = passage.frames[side], passage.times_ns[side]
        counted, ignored = side_truth(passage.cut, side, truth, frames)
        run = _run_boxes(passage, side)
        cameras.append(CameraTracks.of(side, frames, times_ns[frames - 1] / NS, counted, run, ignored))
    return cameras


def _run_boxes(passage: Passage, side: str) -> TrackedBoxes:
    rows, at_ns = [], []
    for it in passage.messages:
        if isinstance(it, Observation) and it.camera == side:
            for at in it.path:
                sides = (at.left / 10, at.top / 10, at.right / 10, at.bottom / 10)
                rows.append((0, passage.number_of[it.tracklet], *sides))
                at_ns.append(it.first_ns + at.offset_us * 1000 + 500)
    frames, _ = nearest_frames(np.array(at_ns, np.int64), passage.times_ns[side])
    return TrackedBoxes.of([(int(frame), *row[1:]) for frame, row in zip(frames, rows, strict=True)])


def settings(passage: Passage, method: Method) -> AssociateSettings:
    """What a method asks of association."""
    shortest_s, longest_s = travel_window(passage.cut, wide=method.wide)
    return msgspec.structs.replace(
        passage.config.associate,
        travel=[Travel(start="up", end="down", min_s=shortest_s, max_s=longest_s)],
        min_probability=method.min_probability,
        lag_s=method.lag_s,
    )


def associate(passage: Passage, method: Method, rng: np.random.Generator | None = None) -> list[TrajectoryEvent]:
    """What the association half of `corridor run` says about what was perceived."""
    config = msgspec.structs.replace(passage.config, associate=settings(passage, method))
    associator, events = make_associator(config), list[TrajectoryEvent]()
    tossed: dict[str, bytes] = {}
    for message in passage.messages:
        if method.chance and rng is not None and isinstance(message, Observation):
            if message.tracklet not in tossed:
                tossed[message.tracklet] = pack_vector(_toss(len(unpack_vector(message.vector)), rng))
            message = msgspec.structs.replace(message, vector=tossed[message.tracklet])
        events += associator.update(message)
    return events


def _toss(dim: int, rng: np.random.Generator) -> NDArray[np.float64]:
    vector = rng.normal(size=dim)
    return np.asarray(vector / np.linalg.norm(vector), np.float64)


def score(passage: Passage, cameras: Sequence[CameraTracks], events: Sequence[TrajectoryEvent]) -> LinkScores:
    """The links of a run against the true ones."""
    journeys = journeys_of(events)
    numbers = {identity: number for number, identity in enumerate(sorted(set(journeys.identity_of.values())))}
    identity_of = {passage.number_of[each]: numbers[name] for each, name in journeys.identity_of.items()}
    return score_links(cameras, identity_of)
