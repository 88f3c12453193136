"""A small site to look at: a convoy past three cameras on a SQLite log, associated, with crops and a server."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from argon2 import PasswordHasher
from numpy.typing import NDArray

from associate.topology import Travel
from deploy.crops.store import CropSettings, CropStore
from deploy.log.base import Record
from deploy.log.opening import open_log
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS
from deploy.site.association_worker import AssociationWorker
from deploy.site.config import Config, parse_config
from deploy.web.access.users import Role, Users
from deploy.web.live.hub import LiveHub
from deploy.web.server import make_site, serving, users_file
from deploy.web.site import WebSite
from embed.crops import Crop
from embed.observation import Message, Observation, TrackletState, encode, order_key
from ingest.clock import NS, SystemClock
from tests.associate.samples import SETTINGS, associator, convoy
from tests.deploy.web.client import Client
from tests.embed.samples import tick

TOML = """
[[cameras]]
id = "a"
source = "a.mp4"
[[cameras]]
id = "b"
source = "b.mp4"
[[cameras]]
id = "c"
source = "c.mp4"
[associate]
zone = "z"
[crops]
keep = {keep}
"""
PATIENT = msgspec.structs.replace(
    SETTINGS, travel=[Travel(start=one, end=other, min_s=4, max_s=120) for one, other in ("ab", "bc")]
)
"""Association that waits for a vehicle for two minutes, and as long heeds a correction of it."""
PASSWORD = "a long password"
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Argon2 that costs next to nothing: what it is worth is not tested here."""


@dataclass(slots=True)
class Town:
    """The log, its association and its server."""

    file: Path
    config: Config
    log: SqliteLog
    association: AssociationWorker
    now_s: int
    port: int = 0
    hub: LiveHub | None = None
    server: ExitStack = field(default_factory=ExitStack)
    _site: WebSite | None = None

    @property
    def site(self) -> WebSite:
        assert self._site is not None
        return self._site

    def start(self) -> None:
        """Serve, again on the same port."""
        self._site = make_site(self.config, self.file, self.log, "127.0.0.1", hasher=QUICK, live=self.hub)
        self.port = self.server.enter_context(serving(self._site, "127.0.0.1", self.port)).port

    def stop(self) -> None:
        """End the server."""
        self.server.close()

    @property
    def client(self) -> Client:
        return Client(self.port)

    def go_on(self, seconds: int = 5) -> None:
        """Let the cameras' time pass, and association work on what there is."""
        for _ in range(seconds):
            self.now_s += 1
            put(self.log, [tick(camera, at_s=self.now_s, sequence=self.now_s) for camera in "abc"])
        self.association.drain()

    def catch_up(self) -> None:
        """Wait for the index to have what is on the log."""
        clock = SystemClock()
        for _ in range(400):
            topics = ("observations", "trajectories")
            if all(self.site.index.position(topic) >= self.log.end(topic) for topic in topics):
                return
            clock.sleep(0.025)
        raise AssertionError("the index does not catch up")


def put(log: SqliteLog, messages: Sequence[Message]) -> None:
    log.claim("cameras").commit([Record(OBSERVATIONS, message.camera, encode(message)) for message in messages])


def traffic(vehicles: int = 4) -> list[Message]:
    """A convoy that has just passed the last camera: the last vehicle is still under way, and may be corrected."""
    messages = convoy(vehicles)
    last_ns = max(message.at_ns for message in messages if isinstance(message, Observation))
    return [message for message in messages if message.at_ns <= last_ns + 4 * NS]


def colour_of(vehicle: int) -> NDArray[np.int64]:
    """The colour of a vehicle, BGR."""
    return np.random.default_rng(vehicle).integers(40, 220, 3)


def keep_crops(config: Config, messages: Sequence[Message]) -> None:
    """Two crops of every tracklet, in a colour of its vehicle."""
    store = CropStore(CropSettings(keep=True, folder=config.crops.folder), SystemClock())
    for seen in messages:
        if isinstance(seen, Observation) and seen.state is TrackletState.CLOSED:
            image = np.full((60, 90, 3), colour_of(seen.track), np.uint8)
            box = np.array([5, 5, 85, 55], np.float32)
            store.keep(seen, [Crop(image, box, 0.5, seen.first_ns), Crop(image // 2, box, 0.4, seen.last_ns)])


def configured(folder: Path, *, keep: bool = True, more: str = "") -> Config:
    return parse_config(TOML.format(keep=str(keep).lower()) + more, str(folder / "town.toml"))


@contextmanager
def town(
    folder: Path,
    *,
    vehicles: int = 4,
    keep: bool = True,
    users: dict[str, Role] | None = None,
    live: bool = False,
    more: str = "",
    until_s: float | None = None,
) -> Iterator[Town]:
    """Serve a town from a folder that is the working directory; `users` by name, all with PASSWORD.

    live: with a hub that the test feeds by hand. more: further tables of the configuration. until_s: only so much of
    the traffic has been seen.
    """
    config, messages = configured(folder, keep=keep, more=more), traffic(vehicles)
    if until_s is not None:
        messages = [message for message in messages if message.at_ns <= until_s * NS]
    log = open_log(config.log.url)
    assert isinstance(log, SqliteLog)
    put(log, sorted(messages, key=order_key))
    if keep:
        keep_crops(config, messages)
    association = AssociationWorker(log, "z", associator(PATIENT))
    association.drain()
    accounts = Users(users_file(folder / "town.toml"), QUICK)
    for name, role in (users or {}).items():
        accounts.add(name, role, PASSWORD)
    last_s = max(message.at_ns for message in messages) // NS
    found = Town(folder / "town.toml", config, log, association, last_s, hub=LiveHub("abc") if live else None)
    with found.server:
        found.start()
        found.catch_up()
        yield found
    log.close()
