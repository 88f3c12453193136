"""The end of a server, with those who do not take what they asked for."""

import gc
import socket
import warnings

import pytest
from starlette.types import Receive, Scope, Send

from deploy.web import server


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    """An answer that goes on for ever."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})


def test_one_who_does_not_read_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ENDING_S", 1)
    with server.running(endless, "127.0.0.1", 0, name="test", before_end=lambda: None) as served:
        viewer = socket.create_connection(("127.0.0.1", served.port))
        viewer.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert viewer.recv(10)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        gc.collect()
    viewer.close()
    assert not [str(each.message) for each in found]
