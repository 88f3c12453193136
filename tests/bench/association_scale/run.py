"""One associator over a synthetic stream: its time, its memory, its state, and which of its links are right."""

import inspect
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
import numpy as np

from associate.associator import Associator
from associate.settings import AssociateSettings
from associate.trajectory import Kind, TrajectoryEvent
from embed.observation import Observation, TrackletState
from tests.bench.association_scale.stream import ENCODER, UNKNOWN, Arrival, Site

SNAPSHOT_EVERY = 500
"""Messages from one commit of the state to the next, as the worker has it."""
REASON_WORDS = 4


def make(site: Site) -> Associator:
    """An associator with the defaults of `[associate]`, for the cameras of a site."""
    known = {each.encode_name for each in msgspec.structs.fields(AssociateSettings)}
    # The encoder of the bench has no file: an associator that needs a calibration for it gets one.
    calibration = {"similarity_midpoint": 0.45, "similarity_slope": 12.0} if "similarity_midpoint" in known else {}
    settings = msgspec.convert(calibration, AssociateSettings)
    return Associator(settings, cameras=site.names, encoder=ENCODER)


@dataclass(slots=True, eq=False)
class Meter:
    """What one run costs and says; times are of the processor, so that others on the machine do not count.

    update_s: of every observation. tick_s: of every other message. identity_of: by tracklet, the last identity it was
    given when complete. refused: messages that could not be used, by the first words of the reason.
    """

    machine: Associator
    update_s: "array[float]" = field(default_factory=lambda: array("d"))
    tick_s: "array[float]" = field(default_factory=lambda: array("d"))
    snapshot_s: float = 0.0
    events: int = 0
    identity_of: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    state: dict[str, int] = field(default_factory=dict)
    _since: int = 0

    def take(self, arrival: Arrival) -> None:
        """One message, timed."""
        message, appended = arrival.message, {}
        if _TAKES_APPEND:
            appended = {"appended_ns": arrival.appended_ns}
        began_s = time.process_time()
        refusal = self.machine.refuse(message, **appended)
        events = self.machine.update(message, **appended) if refusal is None else []
        took_s = time.process_time() - began_s
        (self.update_s if isinstance(message, Observation) else self.tick_s).append(took_s)
        if refusal is not None:
            self.refused[" ".join(refusal.split()[:REASON_WORDS])] += 1
        self._fold(events)
        self._since += 1
        if self._since == SNAPSHOT_EVERY:
            self.snapshot()

    def snapshot(self) -> None:
        """Give the changed rows away, as a commit does; only their sizes are kept."""
        self._since = 0
        began_s = time.process_time()
        changed = self.machine.changes()
        self.snapshot_s += time.process_time() - began_s
        for key, row in changed.items():
            if row is None:
                self.state.pop(key, None)
            else:
                self.state[key] = len(row)

    def _fold(self, events: Iterable[TrajectoryEvent]) -> None:
        for event in events:
            self.events += 1
            if event.kind is Kind.MERGED and event.superseded_by is not None:
                self.identity_of.update((visit.tracklet, event.superseded_by) for visit in event.visits)
            elif event.observation is not None and event.kind in (Kind.CONFIRMED, Kind.EXTENDED):
                self.identity_of[event.observation.rpartition("|")[0]] = event.identity

    @property
    def state_mb(self) -> float:
        """Size of the stored state."""
        return sum(self.state.values()) / 1e6

    @property
    def total_s(self) -> float:
        """Time in association: updates of all messages, and snapshots."""
        return sum(self.update_s) + sum(self.tick_s) + self.snapshot_s


_TAKES_APPEND = "appended_ns" in inspect.signature(Associator.update).parameters


@dataclass(slots=True, eq=False)
class Truth:
    """The tracklets of a stream: of which vehicle, since when, and which of them were ever closed."""

    vehicle_of: dict[str, int] = field(default_factory=dict)
    enter_ns: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    def take(self, arrival: Arrival) -> None:
        """Note what a message is about."""
        message = arrival.message
        if isinstance(message, Observation) and arrival.vehicle:
            self.vehicle_of[message.tracklet] = arrival.vehicle
            self.enter_ns[message.tracklet] = message.first_ns
            if message.state is TrackletState.CLOSED:
                self.closed.add(message.tracklet)

    def forget(self) -> None:
        """Let go of everything, where only costs are of interest."""
        self.vehicle_of.clear()
        self.enter_ns.clear()
        self.closed.clear()

    def links(self, identity_of: dict[str, str], among: set[str]) -> tuple[int, int, int]:
        """Right, proposed and true links between consecutive tracklets `among` some."""
        true = _links((self.vehicle_of[it], self.enter_ns[it], it) for it in among)
        said = _links((identity_of[it], self.enter_ns[it], it) for it in among if it in identity_of)
        return sum(self.vehicle_of[one] == self.vehicle_of[two] for one, two in said), len(said), len(true)


def _links(seen: Iterable[tuple[object, int, str]]) -> list[tuple[str, str]]:
    chains: dict[object, list[tuple[int, str]]] = defaultdict(list)
    for owner, enter_ns, tracklet in seen:
        chains[owner].append((enter_ns, tracklet))
    return [(one[1], two[1]) for chain in chains.values() for one, two in pairwise(sorted(chain))]


def ordinary(truth: Truth, odd: Site) -> set[str]:
    """Closed tracklets that none of the oddities of a site is about."""
    strange = {UNKNOWN, odd.names[-1]} if odd.clock_ahead else {UNKNOWN}
    return {it for it in truth.closed if it.split("|")[0] not in strange}


def running(meter: Meter, truth: Truth, stream: Iterable[Arrival]) -> Iterator[Arrival]:
    """Let a stream pass an associator, and yield every message after it."""
    for arrival in stream:
        truth.take(arrival)
        meter.take(arrival)
        yield arrival


def percentile_ms(taken_s: Iterable[float], share: float) -> float:
    """A percentile of durations, milliseconds."""
    return float(np.percentile(np.fromiter(taken_s, np.float64), share)) * 1e3
