"""Viewers of the live page that read and show nothing: `python -m tests.bench.web.viewers PORT COUNT CAMERA...`.

Each opens a WebSocket a camera, as the page does. Prints `open` when all are, and ends with its input.
"""

import selectors
import socket
import sys
import threading

from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, Ping, RejectConnection, Request


class Viewer:
    """A WebSocket to a camera, which answers the server's pings."""

    def __init__(self, port: int, camera: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._camera = camera
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self.socket.sendall(self._protocol.send(Request(host=f"localhost:{port}", target=f"/live/{camera}")))

    def read(self) -> None:
        """Take what has come; raises OSError where the server has ended it."""
        data = self.socket.recv(1 << 20)
        self._protocol.receive_data(data or None)
        for event in self._protocol.events():
            if isinstance(event, Ping):
                self.socket.sendall(self._protocol.send(event.response()))
            elif isinstance(event, RejectConnection | CloseConnection):
                raise OSError(f"the server has ended a viewer's connection to {self._camera}: {event}")


def main() -> None:
    port, count, *cameras = sys.argv[1:]
    chosen = selectors.DefaultSelector()
    for _ in range(int(count)):
        for camera in cameras:
            viewer = Viewer(int(port), camera)
            chosen.register(viewer.socket, selectors.EVENT_READ, viewer)
    print("open", flush=True)
    reading = threading.Thread(target=sys.stdin.read, daemon=True)
    reading.start()
    while reading.is_alive():
        for ready, _ in chosen.select(0.2):
            ready.data.read()


if __name__ == "__main__":
    main()
