"""The port of a worker: video, boxes, stills and crops of its cameras, for whoever has the token of its heartbeats."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.log.base import Log
from deploy.web.live.beats import LiveBeat, beat_of, beating
from deploy.web.live.hub import LiveCamera, LiveHub, Viewer
from deploy.web.live.messages import alive, packed
from deploy.web.live.relay import CAPTURED
from deploy.web.reading.crops import CropFolder
from deploy.web.server import running
from ingest.clock import Clock, SystemClock
from ingest.errors import ConfigError

ALIVE_S = 1.0
EVERYWHERE = ("0.0.0.0", "::")


@contextmanager
def offered(
    address: tuple[str, int], log: Log, hub: LiveHub, crops: Path | None = None, *, clock: Clock | None = None
) -> Iterator[int]:
    """Offer the cameras of a hub while the block runs, and say so on the log; yields the port.

    crops: folder of their crops; None where none are kept.

    Raises ConfigError for an address that nobody can be sent to, or that cannot be listened on.
    """
    host, asked = address
    if host in EVERYWHERE:
        raise ConfigError(
            f"--live {host}:{asked}: name the address of this machine by which the operator's view reaches it, "
            f"such as --live 10.0.0.5:{asked}"
        )
    clock, token, ending = clock or SystemClock(), secrets.token_urlsafe(32), Ending()
    name = min(hub.cameras, default=host)
    app = Token(Starlette(routes=routes_of(hub, CropFolder(crops), ending)), token)
    with running(app, host, asked, name="live", before_end=ending.begin) as served:
        shown = f"[{host}]" if ":" in host else host

        def beat() -> LiveBeat:
            cameras, where = sorted(hub.cameras), f"{shown}:{served.port}"
            return beat_of(name, where, cameras, token, clock.now_ns(), crops=crops is not None)

        with beating(log, beat, clock):
            yield served.port


class Ending:
    """Word to the streams that the process is about to end."""

    begun = False

    def begin(self) -> None:
        self.begun = True


def routes_of(hub: LiveHub, crops: CropFolder, ending: Ending) -> list[Route]:
    """The routes of a worker's port."""

    async def frames(request: Request) -> Response:
        camera = hub.cameras.get(request.path_params["camera"])
        if camera is None:
            return PlainTextResponse("there is no such camera here\n", 404)
        return StreamingResponse(_frames(camera, ending), media_type="application/octet-stream")

    async def still(request: Request) -> Response:
        camera, after = hub.cameras.get(request.path_params["camera"]), request.query_params.get("after", "0")
        found = await run_in_threadpool(camera.still, int(after) if after.isdigit() else 0) if camera else None
        if found is None:
            return Response(status_code=204)
        captured_ns, jpeg = found
        return Response(jpeg, media_type="image/jpeg", headers={CAPTURED: str(captured_ns)})

    def health(request: Request) -> Response:
        found = hub.health_of(request.path_params["camera"])
        return Response(msgspec.json.encode(found), 200 if found else 404, media_type="application/json")

    def crop(request: Request) -> Response:
        camera, name = request.path_params["camera"], request.path_params["name"]
        path = crops.file(camera, name)
        if path is not None:
            return FileResponse(path, media_type="image/jpeg")
        index = crops.index(camera, name)
        return Response(index, 200 if index else 404, media_type="application/json")

    return [
        Route("/frames/{camera}", frames),
        Route("/stills/{camera}", still),
        Route("/health/{camera}", health),
        Route("/crops/{camera}/{name}", crop),
    ]


async def _frames(camera: LiveCamera, ending: Ending) -> AsyncIterator[bytes]:
    """Packets and boxes as they come, and a sign of life every second."""
    viewer = Viewer()
    camera.join(viewer)
    try:
        yield alive()
        while not ending.begun:
            try:
                yield packed(await asyncio.wait_for(viewer.next(), ALIVE_S))
            except TimeoutError:
                yield alive()
    finally:
        camera.leave(viewer)


class Token:
    """ASGI middleware: a stranger is told nothing, not even what there is."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._sent = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        sent = dict(scope["headers"]).get(b"authorization", b"")
        if not secrets.compare_digest(sent, self._sent):
            await PlainTextResponse("this port is for corridor serve\n", 401)(scope, receive, send)
            return
        await self._app(scope, receive, send)
