"""Logs of city observations with their truth, as associators take them and as links are scored."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from associate.trajectory import TrajectoryEvent
from deploy.cli.score.inputs import times_beside, truths_in
from deploy.log.observations import read_messages
from deploy.log.opening import open_log
from deploy.results.scored_run import LoggedRun, camera_tracks, read_run
from embed.observation import CameraEpoch, Message, Observation
from training.scoring.comparison import Comparison
from training.scoring.truth import read_mot


class Associator(Protocol):
    """What links: `refuse` says why a message cannot be used, `update` returns the events that one brings about."""

    def refuse(self, message: Message) -> str | None: ...

    def update(self, message: Message) -> Sequence[TrajectoryEvent]: ...


@dataclass(frozen=True, eq=False)
class CityLog:
    """A log of `corridor city observations`, and its truth.

    messages: of all cameras, in the order of the log, which is that of their clocks. run: as `corridor score` reads
    it; its tracklets have numbers.
    """

    path: Path
    messages: Sequence[Message]
    run: LoggedRun
    comparison: Comparison

    @property
    def cameras(self) -> tuple[str, ...]:
        """Ids of the cameras, in the order of their numbers."""
        return tuple(each.camera for each in self.comparison.cameras)

    @property
    def encoder(self) -> str:
        """`name@hash` of the encoder that the vectors are from."""
        return next(iter(self.run.latest.values())).encoder

    @property
    def true_identities(self) -> dict[int, int]:
        """By tracklet: the vehicle it follows, those that follow none each on its own."""
        sightings = self.comparison.sightings
        own = 1 + max((visit.owner for visit in sightings.visits), default=0)
        return {
            tracklet: own + tracklet if visit is None else sightings.visits[visit].owner
            for tracklet, visit in sightings.visit_of.items()
        }


def read_city_log(path: Path) -> CityLog:
    """Read a log and the truth beside it, `NAME-truth` for `NAME.db`."""
    files = dict(sorted(truths_in(path.with_name(f"{path.stem}-truth")).items()))
    times = times_beside(files)
    with closing(open_log(f"sqlite:{path}", must_exist=True)) as log:
        run, messages = read_run(log), list(read_messages(log))
    cameras = [
        camera_tracks(camera, read_mot(file), None, run.cameras[camera], times[camera])
        for camera, file in files.items()
    ]
    return CityLog(path, messages, run, Comparison.of(cameras))


def associate(messages: Iterable[Message], associator: Associator) -> list[TrajectoryEvent]:
    """Everything that an associator says of messages in the order of their arrival."""
    usable = (message for message in messages if associator.refuse(message) is None)
    return [event for message in usable for event in associator.update(message)]


def moved(message: Message, by_ns: int) -> Message:
    """The message as if it had come so much later."""
    if not isinstance(message, Observation):
        return msgspec.structs.replace(message, at_ns=message.at_ns + by_ns)
    times_ns = (message.at_ns + by_ns, message.first_ns + by_ns, message.last_ns + by_ns)
    return msgspec.structs.replace(message, **dict(zip(("at_ns", "first_ns", "last_ns"), times_ns, strict=True)))


def later(messages: Iterable[Message], by_ns: int, generation: int) -> Iterator[Message]:
    """Messages as if they came so much later, from cameras that were started anew with this generation."""
    for message in messages:
        epoch = CameraEpoch(generation, message.epoch.session)
        anew = msgspec.structs.replace(moved(message, by_ns), epoch=epoch)
        if isinstance(anew, Observation):
            anew = msgspec.structs.replace(anew, id=f"{anew.tracklet}|{anew.sequence}")
        yield anew
