"""Cuts whose second camera is further away than anybody has said: offsets drawn, and no windows."""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from associate.associator import Associator
from associate.settings import AssociateSettings
from associate.topology import Travel
from associate.trajectory import TrajectoryEvent
from deploy.site.wiring import make_associator
from embed.observation import Message, order_key
from ingest.clock import NS
from tests.bench.association_city.logs import moved
from tests.bench.gantries.cuts import OFFSET_S
from tests.bench.gantries.runs import Passage
from training.scoring.decisions import read_decisions
from training.scoring.links import LinkScores, score_links
from training.scoring.tracks import CameraTracks

OFFSETS_S = (5.0, 90.0)
DRAWS = 3
"""Offsets of each cut."""


def drawn_offsets(cut: int, rng_seed: int = 0) -> list[float]:
    """Seconds from leaving the one window to entering the other, for the cut with a number."""
    rng = np.random.default_rng((rng_seed, cut))
    return [round(float(each), 1) for each in rng.uniform(*OFFSETS_S, DRAWS)]


def at_offset(messages: Sequence[Message], offset_s: float) -> list[Message]:
    """The messages as if the cameras were so far apart."""
    by_ns = round((offset_s - OFFSET_S) * NS)
    return sorted((moved(it, by_ns) if it.camera == "down" else it for it in messages), key=order_key)


def events_at(passage: Passage, offset_s: float, settings: AssociateSettings) -> Iterator[TrajectoryEvent]:
    """What association says of a passage at an offset."""
    associator: Associator = make_associator(msgspec.structs.replace(passage.config, associate=settings))
    for message in at_offset(passage.messages, offset_s):
        yield from associator.update(message)


def flat(passage: Passage) -> AssociateSettings:
    """Settings of somebody who knows nothing: no windows."""
    return msgspec.structs.replace(passage.config.associate, travel=[], only_listed=False)


def windowed(passage: Passage, offset_s: float) -> AssociateSettings:
    """Settings of somebody who knows the road."""
    shortest_s, longest_s = (offset_s + gap_s for gap_s in passage.cut.gap_s)
    travel = [Travel(start="up", end="down", min_s=shortest_s, max_s=longest_s)]
    return msgspec.structs.replace(passage.config.associate, travel=travel, only_listed=True)


def score_at(passage: Passage, cameras: Sequence[CameraTracks], offset_s: float, *, windows: bool) -> LinkScores:
    """Links of a passage at an offset against the true ones, as known in the end."""
    settings = windowed(passage, offset_s) if windows else flat(passage)
    decisions = read_decisions(events_at(passage, offset_s, settings), passage.number_of)
    return score_links(cameras, decisions.identities())
