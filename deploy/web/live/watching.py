"""The WebSocket of a camera: packets or stills, and boxes, to one viewer.

Text is `hello`, boxes, that there is video again, and the reason why a camera's worker is away, JSON. Binary is a head
(`messages.py`) and the data. A viewer that sends `stills` gets those from then on, until it sends `video`.
"""

import asyncio
from contextlib import suppress

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from deploy.web.access.users import Role
from deploy.web.live.hub import LiveCamera, Viewer
from deploy.web.live.messages import HEAD, STILL, VIDEO
from deploy.web.operation import check_role
from deploy.web.problems import RequestError
from deploy.web.site import WebSite
from ingest.network.packet_tap import VideoPacket

WATCH = "/live/{camera}"
STILL_EVERY_S = 0.5
REFUSED = 4403
"""Code of the end of a WebSocket that was refused; browsers see no more of it."""


class Hello(msgspec.Struct, frozen=True):
    """First message. codec: of the packets that come, empty where there are none (yet)."""

    codec: str


async def watch(site: WebSite, socket: WebSocket) -> None:
    """Serve one viewer until it leaves or the server ends."""
    camera = site.live.cameras.get(str(socket.path_params["camera"]))
    try:
        check_role(site.access.caller(socket), Role.VIEWER)
    except RequestError:
        camera = None
    if camera is None:
        await socket.close(REFUSED)
        return
    await socket.accept()
    viewer = Viewer()
    await socket.send_text(msgspec.json.encode(Hello(camera.codec)).decode())
    camera.join(viewer)
    tasks = [
        asyncio.create_task(_send(socket, viewer)),
        asyncio.create_task(_listen(camera, viewer, socket)),
        asyncio.create_task(_send_stills(camera, viewer, socket)),
        asyncio.create_task(_until_the_end(site)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        camera.leave(viewer)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(RuntimeError, WebSocketDisconnect):  # closed by the other side
            await socket.close()


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    while True:
        message = await viewer.next()
        if isinstance(message, VideoPacket):
            await socket.send_bytes(HEAD.pack(VIDEO, message.key, message.captured_ns // 1000) + message.data)
        else:
            await socket.send_text(message.decode())


async def _listen(camera: LiveCamera, viewer: Viewer, socket: WebSocket) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            stills = await socket.receive_text() == "stills"
            viewer.ask(stills=stills)
            if not stills:
                camera.resume(viewer)


async def _send_stills(camera: LiveCamera, viewer: Viewer, socket: WebSocket) -> None:
    """Send the last frame twice a second, where it is another one, to a viewer who wants stills."""
    sent_ns = 0
    while True:
        await viewer.stills.wait()
        still = await run_in_threadpool(camera.still, sent_ns)
        if still is not None:
            sent_ns, jpeg = still
            await socket.send_bytes(HEAD.pack(STILL, 1, sent_ns // 1000) + jpeg)
        await asyncio.sleep(STILL_EVERY_S)


async def _until_the_end(site: WebSite) -> None:
    while not site.follower.closing:
        await asyncio.sleep(STILL_EVERY_S)
