"""Traffic and events to test association with."""

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from associate.associator import Associator
from associate.settings import AssociateSettings
from associate.topology import Travel
from associate.trajectory import Evidence, Kind, TrajectoryEvent, Visit, event_id
from embed.observation import BoxAt, CameraEpoch, Message, TrackletState, order_key
from ingest.clock import NS
from tests.embed.samples import ENCODER, observation, tick

SETTINGS = AssociateSettings(
    zone="z",
    travel=[Travel(start="a", end="b", min_s=4, max_s=12), Travel(start="b", end="c", min_s=4, max_s=12)],
    only_listed=True,
)


def event() -> TrajectoryEvent:
    """An event with everything in it."""
    return TrajectoryEvent(
        id=event_id("z", "b|1.0|1|2", 0),
        zone="z",
        kind=Kind.EXTENDED,
        identity="z-1",
        revision=3,
        at_ns=25 * NS,
        decided_by="b|1.0|1|2",
        label="vehicle",
        visits=[
            Visit(camera="a", observation="a|1.0|1|2", enter_ns=10 * NS, leave_ns=13 * NS),
            Visit(camera="b", observation="b|1.0|1|2", enter_ns=20 * NS, leave_ns=24 * NS),
        ],
        observation="b|1.0|1|2",
        evidence=Evidence(
            probability=0.97,
            similarity=0.91,
            appearance=3.2,
            travel_time=0.4,
            travel_s=7.0,
            runner_up="z-2",
            margin=0.95,
        ),
        superseded_by=None,
    )


def looks(number: int) -> NDArray[np.float32]:
    """A vector of norm 1; those of different numbers are orthogonal."""
    vector = np.zeros(256, np.float32)
    vector[number % 256] = 1
    return vector


def associator(settings: AssociateSettings = SETTINGS, cameras: tuple[str, ...] = ("a", "b", "c")) -> Associator:
    return Associator(settings, cameras=cameras, encoder=ENCODER)


def tracklet(
    camera: str,
    track: int,
    vector: NDArray[np.float32],
    enter_s: float,
    leave_s: float,
    *,
    epoch: CameraEpoch = CameraEpoch(1, 0),  # noqa: B008 - frozen
    closed: bool = True,
) -> list[Message]:
    """The observations of one vehicle passing one camera, from the left to the right side of its frames."""

    def box(at_s: float) -> BoxAt:
        left = round(5800 * min((at_s - enter_s) / (leave_s - enter_s), 1.0))
        return BoxAt(round((at_s - enter_s) * 1e6), left, 1500, left + 600, 1900)

    def said(sequence: int, state: TrackletState, at_s: float, last_s: float) -> Message:
        told = observation(
            camera,
            track,
            at_s=at_s,
            first_s=enter_s,
            last_s=last_s,
            state=state,
            sequence=sequence,
            epoch=epoch,
            vector=vector,
        )
        return msgspec.structs.replace(told, path=[box(enter_s if sequence == 0 else last_s - 0.5), box(last_s)])

    middle_s = (enter_s + leave_s) / 2
    messages = [
        said(0, TrackletState.OPENED, enter_s + 0.5, enter_s + 0.5),
        said(1, TrackletState.UPDATED, middle_s, middle_s),
    ]
    return [*messages, said(2, TrackletState.CLOSED, leave_s + 1.2, leave_s)] if closed else messages


def ticks(cameras: Iterable[str], until_s: float, *, final: bool = True) -> list[Message]:
    """A tick a second of each camera."""
    said: list[Message] = []
    for camera in cameras:
        said += [tick(camera, at_s=second, sequence=second) for second in range(int(until_s))]
        said.append(tick(camera, at_s=until_s, sequence=int(until_s), final=final))
    return said


def convoy(vehicles: int = 6, *, look_alikes: bool = False, seed: int = 0) -> list[Message]:
    """Vehicles that pass a, b and c, some seconds behind each other, in order of time."""
    rng = np.random.default_rng(seed)
    messages: list[Message] = []
    for number in range(vehicles):
        own = looks(0 if look_alikes else number)
        enter_s = 5 + 4 * number + float(rng.uniform(0, 2))
        for camera in "abc":
            noisy = own + 0.02 * rng.normal(size=256)
            vector = np.asarray(noisy / np.linalg.norm(noisy), np.float32)
            messages += tracklet(camera, number + 1, vector, enter_s, enter_s + 3)
            enter_s += 3 + float(rng.uniform(6, 9))
    messages += ticks("abc", 5 + 4 * vehicles + 60)
    return sorted(messages, key=order_key)


def play(machine: Associator, messages: Iterable[Message]) -> list[TrajectoryEvent]:
    return [told for message in messages for told in machine.update(message)]
