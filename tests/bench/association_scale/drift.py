"""Alarms over an hour of a ring of cameras: none where nothing happens, and how soon where something does."""

from collections import defaultdict
from collections.abc import Callable, Iterator

from associate.associator import Associator
from associate.roads.records import Alarm
from associate.settings import AssociateSettings
from embed.observation import Message, Observation
from ingest.clock import NS
from tests.associate.roads.disturbed import from_the_other_side, in_another_light, with_clock_ahead
from tests.bench.association_scale.stream import ENCODER, START_NS, Site, arrivals
from tests.bench.measure import table

CHANGED_S = 1500.0
AFTER_S = 900.0
CAMERA = "c002"

CHANGES: dict[str, Callable[[Message], Message]] = {
    "road closed": lambda message: message,
    "clock 4 s ahead": lambda message: with_clock_ahead(message, 4.0),
    "clock 20 s ahead": lambda message: with_clock_ahead(message, 20.0),
    "turned round": from_the_other_side,
    "another light": lambda message: in_another_light(message, 0.7),
}
"""What happens to `CAMERA`; no vehicle comes to it from the camera before where the road is closed."""


def print_drift(hour_s: float, seeds: tuple[int, ...] = (11, 12, 13)) -> None:
    """Alarms of undisturbed runs, and delays of those that are to come; seeds below 100."""
    rows: list[list[str]] = []
    for seed in seeds:
        site = Site(cameras=6, vehicles_per_s=0.25, dim=64, seed=seed)
        found = [key for key, _ in _raised(site, _messages(site, hour_s, None))]
        rows.append([str(seed), f"none, {hour_s / 60:.0f} min", "", " ".join(found) or "none"])
        for name in CHANGES:
            first: dict[str, float] = defaultdict(float)
            for key, at_s in _raised(site, _messages(site, CHANGED_S + AFTER_S, name)):
                first.setdefault(key, at_s - CHANGED_S)
            rows.append([str(seed), name, *_delays(first)])
    print("\nsix cameras in a ring, a vehicle every 4 s, about 2 a minute on each road:\n")
    table(["seed", "what happened", "alarm after, s", "other alarms"], rows)


def _delays(first: dict[str, float]) -> tuple[str, str]:
    here = {key: at_s for key, at_s in first.items() if CAMERA in key}
    others = [key for key in first if key not in here]
    return ", ".join(f"{key.split('|')[2]} {at_s:.0f}" for key, at_s in here.items()), " ".join(others) or "none"


def _messages(site: Site, seconds: float, change: str | None) -> Iterator[tuple[Message, int]]:
    """The stream of a site, with something happening to one camera from `CHANGED_S` on."""
    changed_ns = START_NS + round(CHANGED_S * NS)
    last: dict[int, str] = {}
    away: set[str] = set()
    begun: set[str] = set()
    for message, appended_ns, vehicle in arrivals(site, seconds):
        if not isinstance(message, Observation):
            late = change is not None and message.camera == CAMERA and message.at_ns > changed_ns
            yield (CHANGES[change](message) if late and change else message), appended_ns
            continue
        if message.sequence == 0:
            came_from, last[vehicle] = last.get(vehicle), message.camera
            if change == "road closed" and came_from == "c001" and message.camera == CAMERA:
                away |= {message.tracklet} if message.at_ns > changed_ns else set()
            begun |= {message.tracklet} if message.at_ns <= changed_ns else set()
        if message.tracklet in away:
            continue
        ours = change is not None and message.camera == CAMERA and message.tracklet not in begun
        yield (CHANGES[change](message) if ours and change else message), appended_ns


def _raised(site: Site, messages: Iterator[tuple[Message, int]]) -> Iterator[tuple[str, float]]:
    """Keys of the alarms that are raised, each with its second."""
    machine = Associator(AssociateSettings(), cameras=site.names, encoder=ENCODER)
    for message, appended_ns in messages:
        if machine.refuse(message, appended_ns) is None:
            machine.update(message, appended_ns)
        for each in machine.take_roads():
            if isinstance(each, Alarm) and each.at_ns == each.since_ns:
                yield each.key, (each.at_ns - START_NS) / NS
