"""What every request and every answer goes through: host, size, and the headers that bind a browser."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 1024
"""Bytes: forms and corrections are small."""

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

POLICY = "Content-Security-Policy"
HEADERS = {
    POLICY: "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Armour:
    """ASGI middleware.

    is_open: says whether no account is needed just now. Then only names of this machine are taken for a host, so that
    no page elsewhere can give its own name our address (DNS rebinding). larger: by path, the bytes of a body where they
    may be more than LARGEST_BODY. images: another origin that a page may show images of.
    """

    def __init__(
        self, app: ASGIApp, *, is_open: Callable[[], bool], larger: Mapping[str, int], images: str | None = None
    ) -> None:
        self._app, self._is_open, self._larger = app, is_open, larger
        self._headers = dict(HEADERS)
        if images is not None:
            self._headers[POLICY] = HEADERS[POLICY].replace("img-src 'self'", f"img-src 'self' {images}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if _name_of(headers.get("host", "")) not in LOOPBACK_NAMES and self._is_open():
            await _refused(421, "this server is for this machine: use http://localhost")(scope, receive, send)
            return
        if _from_elsewhere(scope, headers):
            await _refused(403, "a page of another site may not ask for this")(scope, receive, send)
            return
        length, largest = headers.get("content-length", "0"), self._larger.get(scope["path"], LARGEST_BODY)
        if not length.isdigit() or int(length) > largest:
            await _refused(413, f"more than {largest} bytes")(scope, receive, send)
            return
        await self._app(scope, _limited(receive, largest), _with_headers(send, self._headers))


def _from_elsewhere(scope: Scope, headers: Headers) -> bool:
    """True for a change, or a WebSocket, that the page of another origin asks for."""
    if scope["type"] == "http" and scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return False
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def _name_of(host: str) -> str:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name.lower()


def _refused(status: int, words: str) -> PlainTextResponse:
    return PlainTextResponse(f"{words}\n", status, headers=HEADERS)


def _limited(receive: Receive, largest: int) -> Receive:
    """Break off a body without a length that grows too large."""
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b"")) if message["type"] == "http.request" else 0
        return message if size <= largest else {"type": "http.disconnect"}

    return limited


def _with_headers(send: Send, bound: Mapping[str, str]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in bound.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending
