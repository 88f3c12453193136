"""A TCP proxy before a broker, which knows the requests that end a transaction, and loses or delays what is theirs."""

import socket
import struct
import threading
import time
from contextlib import suppress
from enum import Enum

PRODUCE, ADD_PARTITIONS, END_TXN = 0, 24, 26
"""Requests of Kafka's protocol: records; the partitions that a transaction writes to; its end."""
LATE_S = 0.4
PATIENCE_S = 5.0


class Harm(Enum):
    """What befalls the next commit."""

    LOST = "the reply to a commit is lost"  # it is done, and the connection breaks
    SILENT = "a commit is never answered"  # it is done, and the connection seems to be alive
    LATE = "the reply to a commit is late"
    STRAY = "a commit comes late, asked for again meanwhile"  # the first one arrives during the next transaction


class Proxy:
    """Stands before a broker, HOST:PORT, at `address`."""

    def __init__(self, broker: str, harms: "Harms") -> None:
        self._harms = harms
        host, _, port = broker.partition(":")
        self._broker = host, int(port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._closed = True
        for each in (self._listening, *self._sockets):
            _shut(each)

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(self._broker)
            except OSError:
                _shut(client)
                continue
            self._sockets += [client, broker]
            connection = _Connection(client, broker, self._harms)
            for work in (connection.requests, connection.replies):
                threading.Thread(target=work, daemon=True).start()


class Harms:
    """What is to befall the next commit, at whichever broker's proxy it comes by; `done`: those that have."""

    def __init__(self) -> None:
        self.done: list[Harm] = []
        self._next: Harm | None = None
        self._stray: tuple[_Connection, bytes] | None = None
        self._begun = False
        self._lock = threading.Lock()

    def befall(self, harm: Harm) -> None:
        """Have a harm befall the next commit."""
        self._next = harm

    def take(self) -> Harm | None:
        """The harm of the commit that comes by now."""
        with self._lock:
            harm, self._next = self._next, None
            self.done += [harm] if harm is not None else []
        return harm

    def hold(self, connection: "_Connection", frame: bytes) -> None:
        """Keep a commit back until the next transaction has written something."""
        self._stray, self._begun = (connection, frame), False

    def note_begin(self) -> None:
        """Note that a transaction has begun."""
        self._begun = True

    def note_written(self) -> None:
        """Note that records have been written: now a commit that was kept back comes, and is done first."""
        with self._lock:
            if not self._begun or self._stray is None:
                return
            (connection, frame), self._stray = self._stray, None
        with suppress(OSError):
            connection.broker.sendall(frame)
            connection.answered.wait(PATIENCE_S)


class _Connection:
    """The two directions of a connection, frame by frame."""

    def __init__(self, client: socket.socket, broker: socket.socket, harms: Harms) -> None:
        self.broker = broker
        self.answered = threading.Event()
        self._client = client
        self._harms = harms
        self._kinds: dict[int, int] = {}
        self._harmed: dict[int, Harm] = {}

    def requests(self) -> None:
        with suppress(OSError):
            while frame := _frame(self._client):
                kind, _, number = struct.unpack(">hhi", frame[4:12])
                self._kinds[number] = kind
                if kind == ADD_PARTITIONS:
                    self._harms.note_begin()
                harm = self._harms.take() if kind == END_TXN else None
                if harm is not None:
                    self._harmed[number] = harm
                if harm is Harm.STRAY:
                    self._harms.hold(self, frame)
                    _shut(self._client)
                    return
                self.broker.sendall(frame)
        _shut(self.broker)

    def replies(self) -> None:
        silent = False
        with suppress(OSError):
            while frame := _frame(self.broker):
                (number,) = struct.unpack(">i", frame[4:8])
                harm = self._harmed.get(number)
                if harm in (Harm.LOST, Harm.STRAY):
                    break
                silent = silent or harm is Harm.SILENT
                if harm is Harm.LATE:
                    time.sleep(LATE_S)
                if self._kinds.pop(number) == PRODUCE:
                    self._harms.note_written()
                if not silent:
                    self._client.sendall(frame)
        self.answered.set()
        _shut(self._client)
        _shut(self.broker)


def _frame(source: socket.socket) -> bytes:
    """The next request or reply with its length before it; empty at the end."""
    head = _exactly(source, 4)
    return head + _exactly(source, struct.unpack(">i", head)[0]) if head else b""


def _exactly(source: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        if not (part := source.recv(size - len(found))):
            return b""
        found += part
    return bytes(found)


def _shut(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
