"""Alarms: the present, which is the memory, against the past, which is what has left it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np

from associate.links.model import LinkModel
from associate.links.travel_times import Floats
from associate.memory.memory import Memory
from associate.roads.closed import WATCHED_LINKS, passings
from associate.roads.moved import sights
from associate.roads.records import Alarm, AlarmKind
from associate.roads.stepped import steps
from associate.rows import Flow
from associate.state import Table

FEW, SOME = 0.25, 0.5
"""Share of what is found usually below which a road is closed, and from which it is open again."""

LEAST_FOUND, SAMPLES = 0.3, 4
"""Share of the expected links that has to be found usually, over as many minutes: where links are that uncertain that
fewer are, nobody can say that none are."""

GATES_APART, LOOKS_APART = 0.5, 0.12
GATES_BACK, LOOKS_BACK = 0.3, 0.06
GAIN, GAIN_BACK = 25.0, 8.0
AGAINST = -5.0
STEP_APART_S = 1.0
NEIGHBOURS = 2
"""A clock has to be wrong for two others: travel times of one pair may have changed for another reason."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A road or a camera as the alarm that it would be. new: it is to be raised. lasts: one that stands stays."""

    alarm: Alarm
    new: bool
    lasts: bool


def alarms(
    memory: Memory,
    standing: Mapping[str, Alarm],
    flows: Table[Flow],
    silent: Iterable[str],
    zone: str,
    now_s: float,
    at_ns: int,
) -> list[Alarm]:
    """The alarms that are new, those whose figures are known better, and those that have ended.

    standing: those there were, by key. flows: by `START|END`, which get a sample. silent: cameras that are not heard at
    present.
    """
    past = memory.traffic.past_model()
    names = memory.cameras.names
    known = [names[camera] for camera in np.flatnonzero(_between(past) >= WATCHED_LINKS).tolist()]
    watched = {name for name in known if memory.cameras.known_again(name, at_ns, memory.memory_s)}
    for key in flows.names:
        if not set(key.split("|")) <= watched:
            flows.drop(key)
    alarm = partial(Alarm, zone=zone, at_ns=at_ns, since_ns=at_ns)
    judged = [*_cameras(memory, past, alarm, now_s), *_roads(memory, past, flows, set(silent), alarm, now_s)]
    verdicts = {it.alarm.key: it for it in judged}
    said: list[Alarm] = []
    for key, told in standing.items():
        verdict = verdicts.get(key)
        # Step 1: over is what is no longer so, or of which all was forgotten; what cannot be judged now goes on
        if not told.cameras <= watched or (verdict is not None and not verdict.lasts):
            said.append(msgspec.structs.replace(told, at_ns=at_ns, over=True))
        # Step 2: soon after a step half of the latest tracklets are of before, so that it seems smaller than it is
        elif verdict is not None and _apart_s(told, verdict.alarm) >= STEP_APART_S:
            said.append(msgspec.structs.replace(verdict.alarm, since_ns=told.since_ns))
    # Step 3: a camera that is not what it was explains the roads from it and to it
    new = [it.alarm for key, it in verdicts.items() if it.new and key not in standing and it.alarm.cameras <= watched]
    changed = {each.camera for each in [*standing.values(), *new] if each.kind is not AlarmKind.ROAD_CLOSED}
    return said + [each for each in new if each.kind is not AlarmKind.ROAD_CLOSED or not changed & each.cameras]


def _apart_s(one: Alarm, other: Alarm) -> float:
    return abs((one.ahead_s or 0.0) - (other.ahead_s or 0.0))


def _between(past: LinkModel) -> Floats:
    """Links (C,) of each camera with others."""
    links = np.where(np.eye(past.cameras, dtype=np.bool_), 0.0, past.links)
    return np.asarray(links.sum(0) + links.sum(1), np.float64)


def _cameras(memory: Memory, past: LinkModel, alarm: Callable[..., Alarm], now_s: float) -> Iterator[Verdict]:
    names = memory.cameras.names
    for sight in sights(memory.window, memory.tracklets.gates, past.cameras, memory.tracklets.centred):
        yield Verdict(
            alarm(
                kind=AlarmKind.CAMERA_MOVED,
                camera=names[sight.camera],
                gates=round(sight.gates, 2),
                looks=round(sight.looks, 2),
            ),
            new=sight.gates >= GATES_APART or sight.looks >= LOOKS_APART,
            lasts=sight.gates >= GATES_BACK or sight.looks >= LOOKS_BACK,
        )
    found = list(steps(memory.window, memory.pairs, past, now_s))
    likeliest = max((step.gain for step in found), default=0.0)
    for step in found:
        agreed = step.neighbours >= NEIGHBOURS and step.against > AGAINST
        yield Verdict(
            alarm(kind=AlarmKind.CLOCK_STEPPED, camera=names[step.camera], ahead_s=round(step.ahead_s, 2)),
            new=agreed and GAIN <= step.gain == likeliest,
            lasts=step.gain >= GAIN_BACK,
        )


def _roads(
    memory: Memory, past: LinkModel, flows: Table[Flow], silent: set[str], alarm: Callable[..., Alarm], now_s: float
) -> Iterator[Verdict]:
    names = memory.cameras.names
    remembered_s = now_s - memory.memory_s
    since_s = np.array([np.inf if name in silent else max(_since_s(memory, name), remembered_s) for name in names])
    for each in passings(memory.window, memory.pairs, past, now_s, since_s):
        key, share = f"{names[each.start]}|{names[each.end]}", each.found / each.expected
        flow = flows.get(key) or Flow(share=0.0, samples=0)
        known = flow.samples >= SAMPLES and flow.share >= LEAST_FOUND
        if not known or share >= SOME * flow.share:
            flows.put(key, flow.with_sample(share))
        yield Verdict(
            alarm(
                kind=AlarmKind.ROAD_CLOSED,
                camera=names[each.start],
                end=names[each.end],
                expected=round(each.expected, 2),
                found=round(each.found, 2),
            ),
            new=known and share <= FEW * flow.share,
            lasts=share < SOME * flow.share,
        )


def _since_s(memory: Memory, camera: str) -> float:
    since_ns = memory.cameras[camera].since_ns
    return memory.progress.seconds(since_ns) if since_ns else -np.inf
