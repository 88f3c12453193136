"""The RTSP server: any number of mounts and clients, one thread for the network and one a mount."""

import asyncio
import random
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from deploy.city.rtsp.account import Account
from deploy.city.rtsp.connection import Connection
from deploy.city.rtsp.faults import Faults
from deploy.city.rtsp.mount import Mount, SourceFactory
from ingest.clock import Clock, SystemClock
from ingest.errors import ConfigError, SourceError

T = TypeVar("T")


class RtspServer:
    """Server of H.264 over RTSP 1.0 with RTP inside the TCP connection; what plays UDP only is refused (461).

        with RtspServer(port=8554) as server:
            server.add("/north", lambda: recorded_units(path, starts_ns=clock.now_ns(), loop=True))

    Mounts may be added before and after the start. `stop` cuts every connection; a stopped server may be started
    again, on the same port.
    """

    def __init__(
        self, port: int = 0, *, host: str = "127.0.0.1", clock: Clock | None = None, rng: random.Random | None = None
    ) -> None:
        """Prepare a server; with port 0 the system chooses one at the start."""
        self.host = host
        self.port = port
        self._clock = clock or SystemClock()
        self._rng = rng or random.SystemRandom()
        self._mounts: dict[str, Mount] = {}
        self._plans: dict[str, tuple[SourceFactory, Account | None, Faults]] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._listener: asyncio.Server | None = None

    def add(
        self,
        path: str,
        source_factory: SourceFactory,
        *,
        username: str | None = None,
        password: str | None = None,
        basic: bool = False,
    ) -> Faults:
        """Mount a source; whoever wants it must know the password, if there is one. Returns the mount's faults.

        Authentication is Digest, or with `basic` Basic. The factory is called when the mount is first asked for, and
        again when its source has ended. Raises ConfigError for a path that is taken or has no slash in front.
        """
        if not path.startswith("/") or path in self._plans or path != path.rstrip("/"):
            raise ConfigError(f"cannot serve the path '{path}': give a free one with a slash in front and none behind")
        account = Account(username or "", password, basic) if password is not None else None
        self._plans[path] = (source_factory, account, Faults())
        if self._loop is not None:
            self._call(lambda: self._mount(path))
        return self._plans[path][2]

    def faults(self, path: str) -> Faults:
        """Faults of a mount."""
        return self._plans[path][2]

    def url(self, path: str) -> str:
        """URL of a mount, without user name and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"rtsp://{host}:{self.port}{path}"

    def sent(self, path: str) -> int:
        """Frames that a mount has sent since the start, to whomever."""
        return self._mounts[path].sent

    def viewers(self, path: str) -> int:
        """Number of clients that play a mount."""
        return self._call(lambda: len(self._mounts[path].viewers))

    def drop_viewers(self, path: str) -> None:
        """Cut the connections of all who play a mount; they may come again."""
        self._call(self._mounts[path].drop_viewers)

    def start(self) -> None:
        """Listen; raises SourceError where the port cannot be had."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="rtsp server", daemon=True)
        thread.start()
        self._loop, self._thread = loop, thread
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), loop).result()
        except OSError as error:
            self.stop()
            raise SourceError(f"cannot serve RTSP on {self.host}:{self.port}: {error.strerror or error}") from error

    def stop(self) -> None:
        """Cut every connection and free the port; to be called again does no harm."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._shut(), loop).result()
        self._loop = self._thread = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _listen(self) -> None:
        for path in self._plans:
            self._mount(path)
        self._listener = await asyncio.start_server(self._serve, self.host, self.port, limit=1 << 16)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await Connection(self._mounts, reader, writer, self._rng).serve()
        except asyncio.CancelledError:
            writer.transport.abort()  # the server stops; not an error of this connection
        finally:
            self._connections.discard(task)

    async def _shut(self) -> None:
        for mount in self._mounts.values():
            mount.stop()
        self._mounts.clear()
        if self._listener is not None:
            self._listener.close()
        tasks = tuple(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # aborted transports close their sockets in the next round

    def _mount(self, path: str) -> None:
        factory, account, faults = self._plans[path]
        self._mounts[path] = Mount(path, factory, account, self._clock, self._rng, faults)

    def _call(self, work: Callable[[], T]) -> T:
        """Run something in the server's loop and wait for it."""
        assert self._loop is not None, "the server is not running"

        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()
