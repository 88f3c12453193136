"""One RTSP connection: requests in, answers out (RFC 2326, with RTP inside the connection)."""

import asyncio
import base64
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from deploy.city.rtsp.mount import Mount
from deploy.city.rtsp.packets import PAYLOAD_TYPE
from deploy.city.rtsp.viewer import Viewer
from ingest.network.access_unit import RTP_CLOCK_HZ

TRACK = "trackID=0"
PREPARE_S = 10.0
"""Longest time of a source to its first key frame."""

MAX_BODY = 4096
"""Bytes of a request's body, none of which is of any use here: nobody makes the server hold more by announcing it."""

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    503: "Service Unavailable",
}
METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "GET_PARAMETER", "SET_PARAMETER", "TEARDOWN")


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names are in lower case."""

    method: str
    url: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """The mount's path, without the track."""
        return unquote(urlsplit(self.url).path).rstrip("/").removesuffix(f"/{TRACK}")


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to a request."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def encode(self, sequence: str) -> bytes:
        """The bytes to send."""
        lines = [f"RTSP/1.0 {self.status} {REASONS.get(self.status, 'Error')}", f"CSeq: {sequence}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        body = self.body.encode()
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection:
    """Server of one client until it leaves."""

    def __init__(
        self,
        mounts: Mapping[str, Mount],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        rng: random.Random,
    ) -> None:
        self._mounts = mounts
        self._reader = reader
        self._writer = writer
        self._rng = rng
        self._nonce = f"{rng.getrandbits(128):032x}"
        self._session = f"{rng.getrandbits(64):016x}"
        self._viewer: Viewer | None = None
        self._mount: Mount | None = None

    async def serve(self) -> None:
        """Answer requests until the client leaves or breaks off."""
        try:
            while (request := await self._next()) is not None:
                answer = await self._handle(request)
                if answer is None:
                    continue
                self._writer.write(answer.encode(request.headers.get("cseq", "0")))
                await self._writer.drain()
                if request.method == "PLAY" and answer.status == 200:
                    self._start()
                if request.method == "TEARDOWN":
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            return  # the client broke off, or does not speak RTSP
        finally:
            self._pause()
            self._writer.close()

    async def _next(self) -> Request | None:
        """The next request; receiver reports, which come in between, are passed over."""
        first = await self._reader.read(1)
        while first == b"$":
            head = await self._reader.readexactly(3)
            await self._reader.readexactly(int.from_bytes(head[1:], "big"))
            first = await self._reader.read(1)
        if not first:
            return None
        head = first + await self._reader.readuntil(b"\r\n\r\n")
        lines = head.decode("utf-8", "replace").strip().split("\r\n")
        method, url, _ = lines[0].split(" ", 2)
        pairs = (line.partition(":") for line in lines[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= MAX_BODY:
            refusal = Answer(413, {"Connection": "close"})
            self._writer.write(refusal.encode(headers.get("cseq", "0")))
            return None
        await self._reader.readexactly(length)
        return Request(method.upper(), url, headers)

    async def _handle(self, request: Request) -> Answer | None:
        """The answer; None where there is to be none."""
        mount = self._mounts.get(request.path)
        if request.method not in METHODS:
            return Answer(405, {"Allow": ", ".join(METHODS)})
        if mount is None:
            return Answer(200, {"Public": ", ".join(METHODS)}) if request.method == "OPTIONS" else Answer(404)
        if mount.faults.mute:
            return None
        if (refusal := self._refusal(request, mount)) is not None:
            return refusal
        match request.method:
            case "OPTIONS":
                return Answer(200, {"Public": ", ".join(METHODS)})
            case "DESCRIBE":
                return await self._describe(request, mount)
            case "SETUP":
                return self._setup(request, mount)
            case "PLAY":
                named = {"Session": self._session, "Range": "npt=now-"}
                return Answer(200, named) if self._viewer is not None else Answer(455)
            case "PAUSE" | "TEARDOWN":
                self._pause()
        return Answer(200, {"Session": self._session})

    def _refusal(self, request: Request, mount: Mount) -> Answer | None:
        challenge = {"WWW-Authenticate": f'Digest realm="corridor", nonce="{self._nonce}"'}
        if mount.faults.refuse is not None:
            return Answer(mount.faults.refuse, challenge if mount.faults.refuse == 401 else {})
        if mount.account is None or request.method == "OPTIONS":
            return None
        if mount.account.admits(request.headers.get("authorization"), request.method, self._nonce):
            return None
        return Answer(401, {"WWW-Authenticate": mount.account.challenge(self._nonce)})

    async def _describe(self, request: Request, mount: Mount) -> Answer:
        if not await mount.prepare(PREPARE_S) or mount.sets is None:
            return Answer(503)
        address = self._writer.get_extra_info("sockname")[0]
        base = request.url.rstrip("/") + "/"
        body = describe(mount.sets, address, announce_sets=mount.faults.parameter_sets)
        return Answer(200, {"Content-Base": base, "Content-Type": "application/sdp"}, body)

    def _setup(self, request: Request, mount: Mount) -> Answer:
        wanted = request.headers.get("transport", "")
        offers = [offer for offer in wanted.split(",") if "RTP/AVP/TCP" in offer]
        if not offers or mount.faults.udp_only:
            return Answer(461)
        channels = re.search(r"interleaved=(\d+)", offers[0])
        channel = int(channels[1]) if channels else 0
        if not 0 <= channel <= 254:
            return Answer(400)
        self._pause()
        self._mount, self._viewer = mount, Viewer(self._writer.transport, channel, self._rng)
        chosen = f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1};ssrc={self._viewer.source:08X}"
        return Answer(200, {"Transport": chosen, "Session": f"{self._session};timeout=60"})

    def _start(self) -> None:
        if self._mount is not None and self._viewer is not None:
            self._mount.join(self._viewer)

    def _pause(self) -> None:
        if self._mount is not None and self._viewer is not None:
            self._mount.viewers.discard(self._viewer)


def describe(sets: tuple[bytes, bytes], address: str, *, announce_sets: bool) -> str:
    """The session description of one H.264 stream (RFC 8866; RFC 6184, 8.2.1)."""
    sequence, _ = sets
    parameters = f"packetization-mode=1;profile-level-id={sequence[1:4].hex().upper()}"
    if announce_sets:
        parameters += ";sprop-parameter-sets=" + ",".join(base64.b64encode(each).decode() for each in sets)
    family = "IP6" if ":" in address else "IP4"
    lines = [
        "v=0",
        f"o=- 0 0 IN {family} {address}",
        "s=corridor",
        f"c=IN {family} {'::' if family == 'IP6' else '0.0.0.0'}",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} H264/{RTP_CLOCK_HZ}",
        f"a=fmtp:{PAYLOAD_TYPE} {parameters}",
        f"a=control:{TRACK}",
    ]
    return "\r\n".join(lines) + "\r\n"
