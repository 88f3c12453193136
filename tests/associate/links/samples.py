"""Tracklets, and trips between two cameras as pairs of them."""

from collections.abc import Sequence

import numpy as np

from associate.links.counts import Counts, PairCounts
from associate.links.pairs import PairTable
from associate.links.window import Window
from associate.rows import Box, Tracklet
from associate.topology import Topology
from associate.topology import Window as Limits
from embed.observation import CameraEpoch
from ingest.clock import NS

CAMERAS = "abc"
A, B, C = range(3)
IN_VIEW_S = 2.0
TOPOLOGY = Topology([], Limits(-90, 300))

Trip = tuple[int, int, float, float]
"""From one camera to another, which is entered at a moment after so many seconds."""

HERE: Box = (0.5, 0.5, 0.1, 0.1)


def tracklet(number: int, enter_s: float, leave_s: float, first: Box, last: Box, speed: float = 0.0) -> Tracklet:
    return Tracklet(
        number=number,
        id=f"a|1.0|{number}",
        observation=f"a|1.0|{number}|2",
        camera="a",
        epoch=CameraEpoch(1, 0),
        label="car",
        score=0.8,
        encoder="e@1",
        vector=np.ones(4, np.float32).tobytes(),
        enter_ns=round(enter_s * NS),
        leave_ns=round(leave_s * NS),
        opened_ns=round(enter_s * NS),
        closed_ns=round(leave_s * NS),
        first=first,
        last=last,
        gate_in=0,
        speed=(speed, 0.0),
    )


def no_counts() -> Counts:
    none = PairCounts.none(TOPOLOGY.bins.count)
    return Counts(np.zeros((3, 3)), none, none, np.zeros(3), np.zeros(3), 0.0)


def put_pairs(window: Window, trips: Sequence[Trip], share: float, *, in_view_s: float = IN_VIEW_S) -> PairTable:
    """Two tracklets for each trip, and their pair."""
    first = len(window)
    for number, (start, end, at_s, travel_s) in enumerate(trips):
        left_s = at_s - travel_s
        one, other = first + 2 * number, first + 2 * number + 1
        window.put(tracklet(one, left_s - in_view_s, left_s, HERE, HERE), start, 0, 0)
        window.put(tracklet(other, at_s, at_s + IN_VIEW_S, HERE, HERE), end, 0, 0)
    earlier = first + 2 * np.arange(len(trips))
    column = np.zeros(len(trips), np.float32)
    return PairTable(earlier + 1, earlier, column, column, column + np.float32(share), column.copy())
