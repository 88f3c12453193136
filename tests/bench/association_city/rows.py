"""The rows of the bench: associations, references and oracles on one log."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np

from associate.associator import Associator
from associate.settings import AssociateSettings
from associate.trajectory import TrajectoryEvent
from deploy.results.baseline import SHIPPED_FLOOR, peer_of
from deploy.site.config import parse_config
from deploy.site.wiring import make_associator
from embed.observation import Message, Observation, Tick, pack_vector, unpack_vector
from ingest.clock import NS
from tests.bench.association_city.former import former_events
from tests.bench.association_city.logs import CityLog, associate, later
from tests.bench.association_city.score import Bounds, Row, bounds_of, score, score_identities
from training.scoring.baseline import best_floor, windows_of_truth
from training.scoring.clustering import cluster

Values = Mapping[str, object]
"""Settings of `[associate]` by name."""

PAUSE_NS = 3600 * NS
"""Time from what is learned from to what is reported, so that neither is late for the other."""


def configuration(log: CityLog, values: Values | None = None, travel: Iterable[Values] = ()) -> str:
    """The configuration of a user who knows nothing but the cameras, and what else is asked for."""
    lines = [f"[[cameras]]\nid = {json.dumps(each)}\nsource = 'city://smooth/0'\n" for each in log.cameras]
    lines += ["[associate]\n", *(f"{name} = {json.dumps(value)}\n" for name, value in (values or {}).items())]
    for entry in travel:
        lines += ["[[associate.travel]]\n", *(f"{name} = {json.dumps(value)}\n" for name, value in entry.items())]
    return "".join(lines)


def ours(text: str) -> Associator:
    """The associator as it is wired for a configuration."""
    return make_associator(parse_config(text, "site.toml"))


def true_travel(log: CityLog) -> list[Values]:
    """True windows of all pairs of cameras that a vehicle connects, as `[[associate.travel]]`."""
    windows = windows_of_truth(log.comparison.sightings, log.cameras)
    return [
        {"start": start, "end": end, "min_s": float(windows.low_s[a, b]), "max_s": float(windows.high_s[a, b])}
        for a, start in enumerate(log.cameras)
        for b, end in enumerate(log.cameras)
        if windows.low_s[a, b] < windows.high_s[a, b]  # never where there is none (NaN)
    ]


def true_features(log: CityLog) -> list[Message]:
    """Messages whose vectors are the vehicle itself: a direction drawn for each, for every stray one of its own."""
    identities, drawn = log.true_identities, dict[int, bytes]()
    own = 1 + max(identities.values(), default=0)
    messages: list[Message] = []
    for message in log.messages:
        if isinstance(message, Observation):
            number = log.run.tracklets[message.tracklet]
            vehicle = identities.get(number, own + number)
            if vehicle not in drawn:
                vector = np.random.default_rng((7, vehicle)).standard_normal(len(unpack_vector(message.vector)))
                drawn[vehicle] = pack_vector(vector / np.linalg.norm(vector))
            message = msgspec.structs.replace(message, vector=drawn[vehicle])
        messages.append(message)
    return messages


def learned_state(text: str, messages: Iterable[Message]) -> dict[str, bytes]:
    """The state of an associator after messages, as a log keeps it."""
    associator = ours(text)
    # The site is stopped and started again: its cameras have not ended for good.
    going_on = (msgspec.structs.replace(it, final=False) if isinstance(it, Tick) else it for it in messages)
    associate(going_on, associator)
    return {key: row for key, row in associator.changes().items() if row is not None}


def after_learning(log: CityLog, text: str, taught: CityLog) -> list[TrajectoryEvent]:
    """Events of an associator that has seen other traffic of the same cameras before; times are those of the log."""
    associator = ours(text)
    associator.restore(learned_state(text, taught.messages))
    # The log comes after what was learned from, from cameras that were started anew; its events are moved back.
    events = associate(later(log.messages, PAUSE_NS, 2), associator)
    known = {observation: other for other, observation in _names(log)}
    return [_moved_back(event, known) for event in events if event.observation is None or event.observation in known]


def _names(log: CityLog) -> Iterable[tuple[str, str]]:
    """Ids of the observations: as they are, and as `later` calls them."""
    for before, after in zip(log.messages, later(log.messages, PAUSE_NS, 2), strict=True):
        if isinstance(before, Observation):
            yield before.id, after.id


def _moved_back(event: TrajectoryEvent, known: Mapping[str, str]) -> TrajectoryEvent:
    visits = [
        msgspec.structs.replace(visit, observation=known.get(visit.observation, visit.observation))
        for visit in event.visits
    ]
    seen = event.observation if event.observation is None else known[event.observation]
    return msgspec.structs.replace(event, at_ns=event.at_ns - PAUSE_NS, visits=visits, observation=seen)


def clusterings(log: CityLog, bounds: Bounds) -> dict[str, Row]:
    """The clustering with true windows, at the floor of the calibration and at the one that the truth likes best."""
    given = peer_of(log.run, log.cameras, settings=AssociateSettings(), windows_from_truth=True, floor=SHIPPED_FLOOR)
    tree = cluster(given.tracklets, windows_of_truth(log.comparison.sightings, log.cameras), 0.0)
    best = best_floor(log.comparison, given.numbers, tree)

    def row(floor: float) -> Row:
        identity_of = dict(zip(given.numbers.tolist(), tree.cut(floor).tolist(), strict=True))
        return score_identities(log, identity_of, bounds)

    return {
        f"clustering, true windows, floor {SHIPPED_FLOOR:g}": row(SHIPPED_FLOOR),
        "clustering, true windows, best floor": row(best),
    }


def rows_of(log: CityLog, taught: CityLog | None, only: Sequence[str] = ()) -> dict[str, Row]:
    """All rows of one log, or `only` some by the beginning of their name; taught: of the same cameras."""
    bounds = bounds_of(log)
    flat, known = configuration(log), configuration(log, {"only_listed": True}, true_travel(log))
    events: dict[str, Callable[[], list[TrajectoryEvent]]] = {
        "today": lambda: former_events(flat, log.messages),
        "today, true windows": lambda: former_events(known, log.messages),
        "ours, flat": lambda: associate(log.messages, ours(flat)),
        "ours, true travel times": lambda: associate(log.messages, ours(known)),
        "ours, true features": lambda: associate(true_features(log), ours(flat)),
    }
    if taught is not None:
        events["ours, learned"] = lambda: after_learning(log, flat, taught)

    def wanted(name: str) -> bool:
        return not only or any(name.startswith(each) for each in only)

    rows = {"no links": score_identities(log, {}, bounds)}
    rows |= {name: score(log, run(), bounds) for name, run in events.items() if wanted(name)}
    if wanted("clustering"):
        rows |= clusterings(log, bounds)
    rows["ceiling"] = score_identities(log, log.true_identities, bounds)
    return rows
