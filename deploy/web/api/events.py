"""Trajectory events as server-sent events, which go on where a client was."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from deploy.log.topics import TRAJECTORIES
from deploy.web.operation import Call
from deploy.web.problems import RequestError
from deploy.web.site import WebSite

POLL_S = 0.2
KEEP_ALIVE_S = 15.0
"""A comment in time, so that proxies do not take a quiet stream for a dead one."""
RETRY_MS = 1000
AT_ONCE = 200
MOST_STREAMS = 200


class EventQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Place from which events come.

    after: offset of the last event that is known; without it, only what comes now. The header `Last-Event-ID`, which
        a browser sends by itself when it comes back, goes before it.
    """

    after: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None


async def stream_events(site: WebSite, call: Call) -> StreamingResponse:
    """Open a stream; its ids are offsets of the topic `trajectories`, its data that topic's records."""
    if site.metrics.open_streams >= MOST_STREAMS:
        raise RequestError(503, f"{MOST_STREAMS} event streams are open: try again later", retry_after_s=10)
    after = _last_event_id(call)
    if after is None:
        after = call.query.after
    if after is None:
        after = await run_in_threadpool(site.index.position, TRAJECTORIES)
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(_lines(site, after), headers=headers, media_type="text/event-stream")


def _last_event_id(call: Call) -> int | None:
    sent = call.request.headers.get("Last-Event-ID")
    if sent is None:
        return None
    if not sent.isascii() or not sent.isdigit() or int(sent) > 2**62:
        raise RequestError(400, f"Last-Event-ID '{sent[:40]}': the offset of an event, a whole number")
    return int(sent)


async def _lines(site: WebSite, after: int) -> AsyncIterator[bytes]:
    with site.metrics.stream():
        # The id at once: a client that is cut off before the first event comes back to this place.
        yield f"retry: {RETRY_MS}\nid: {after}\nevent: place\ndata: {after}\n\n".encode()
        quiet_s = 0.0
        while not site.follower.closing:
            records = await run_in_threadpool(site.follower.events_after, after, AT_ONCE)
            if records:
                after, quiet_s = records[-1].offset, 0.0
                yield b"".join(b"id: %d\ndata: %s\n\n" % (each.offset, each.value) for each in records)
                continue
            await asyncio.sleep(POLL_S)
            quiet_s += POLL_S
            if quiet_s >= KEEP_ALIVE_S:
                quiet_s = 0.0
                yield b": nothing new\n\n"
