"""The server of a site: where it listens, what it refuses to start without, and its end."""

import asyncio
import ipaddress
import logging
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from argon2 import PasswordHasher
from starlette.types import ASGIApp

from deploy.log.base import Log
from deploy.site.config import Config
from deploy.web.access.audit import Audit
from deploy.web.access.control import Access
from deploy.web.access.login_limit import LoginLimit
from deploy.web.access.sessions import Sessions
from deploy.web.access.users import Users
from deploy.web.app import make_app
from deploy.web.index.follower import Follower
from deploy.web.index.place import folder_of, index_file
from deploy.web.index.store import Index
from deploy.web.live.hub import LiveHub
from deploy.web.live.offered_crops import OfferedCrops
from deploy.web.live.sources import LiveSources
from deploy.web.map.plan import open_plan
from deploy.web.metrics import Metrics
from deploy.web.roster.wishes import Wishes
from deploy.web.searching.searcher import Searcher
from deploy.web.site import WebSite
from ingest.clock import Clock, SystemClock
from ingest.errors import ConfigError

logger = logging.getLogger(__name__)

PORT = 8600
START_S = 20.0
MOST_CONNECTIONS = 500
ENDING_S = 5


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs. port: the one it listens on; ended: set when it has ended by itself; shown: its address."""

    port: int
    ended: threading.Event
    shown: str


def users_file(file: Path) -> Path:
    """The users of the site of a configuration."""
    return folder_of(file) / "users.json"


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT` or `:PORT`, on loopback without a host; raises ConfigError."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ConfigError(f"'{text}' is no address to listen on (use :8600, or 0.0.0.0:8600)")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """True for an address that only this machine reaches."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_site(
    config: Config,
    file: Path,
    log: Log,
    host: str,
    *,
    clock: Clock | None = None,
    hasher: PasswordHasher | None = None,
    live: LiveHub | None = None,
) -> WebSite:
    """The parts of a server; raises ConfigError where accounts are needed and there are none."""
    clock = clock or SystemClock()
    folder = folder_of(file)
    users = Users(users_file(file), hasher)
    if not is_loopback(host) and not users.all():
        raise ConfigError(
            f"{host} can be reached from other machines, and there are no users: "
            f"corridor users add {file} NAME --role admin (or listen on 127.0.0.1)"
        )
    access = Access(
        users=users,
        sessions=Sessions(clock),
        limit=LoginLimit(clock),
        audit=Audit(folder / "audit.jsonl", clock),
        loopback=is_loopback(host),
        local_csrf=secrets.token_urlsafe(32),
    )
    index = Index(index_file(file), log)
    follower = Follower(log, index)
    sources = LiveSources(log, follower.undecoded, clock, live)
    return WebSite(
        name=file.stem,
        config=config,
        log=log,
        index=index,
        follower=follower,
        crops=OfferedCrops(Path(config.crops.folder) if config.crops.keep else None, sources.workers, clock),
        access=access,
        metrics=Metrics(log, index, follower, sources),
        clock=clock,
        saying=threading.Lock(),
        live=sources,
        searcher=Searcher(config),
        plan=open_plan(config.map.plan),
        wishes=Wishes(config, log),
    )


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, and cut what has not ended by then: a loop that closes under a connection leaves its socket open."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)  # their sockets are closed in the loop's next round


def make_server(app: ASGIApp, host: str, port: int) -> uvicorn.Server:
    """The HTTP server of an application, not yet started."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        ws="wsproto",
        ws_per_message_deflate=False,
        http="h11",
        loop="asyncio",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=ENDING_S,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1,::1",  # a reverse proxy on this machine says whom it speaks for
        server_header=False,
        date_header=True,
    )
    return _Server(config)


def _listening(config: uvicorn.Config) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        return socket.create_server((config.host, config.port), family=family, backlog=128)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {config.host}:{config.port}: {error.strerror} (is another server there?)"
        ) from error


@contextmanager
def serving(site: WebSite, host: str, port: int) -> Iterator[Served]:
    """Serve a site while the block runs; raises as `running`."""
    try:
        # Event streams and live video end by themselves first, so that nobody waits for them.
        with running(make_app(site), host, port, name="web", before_end=site.follower.stop) as served:
            logger.info("the operator's view is at http://%s", served.shown)
            yield served
    finally:
        site.index.close()


@contextmanager
def running(app: ASGIApp, host: str, port: int, *, name: str, before_end: Callable[[], None]) -> Iterator[Served]:
    """Serve in a thread while the block runs; raises ConfigError where the address cannot be listened on.

    before_end: has answers that go on for ever come to an end.
    """
    server, ended = make_server(app, host, port), threading.Event()
    sockets = [_listening(server.config)]
    failures: list[BaseException] = []

    def run() -> None:
        try:
            server.run(sockets=sockets)
        except BaseException as failure:  # said by whoever waits
            failures.append(failure)
        finally:
            ended.set()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    bound = sockets[0].getsockname()
    try:
        yield Served(bound[1], ended, f"{f'[{bound[0]}]' if ':' in bound[0] else bound[0]}:{bound[1]}")
    finally:
        before_end()
        server.should_exit = True
        thread.join(ENDING_S + START_S)
    if failures:
        raise failures[0]
