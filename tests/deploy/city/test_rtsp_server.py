"""The RTSP server's own side: its answers; clients are bare sockets here."""

import base64
import re
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count

import pytest

from deploy.city.rtsp.packets import interleaved, ticks
from deploy.city.rtsp.server import RtspServer
from ingest.clock import NS, SystemClock
from ingest.errors import ConfigError, SourceError
from ingest.network.access_unit import AccessUnit
from tests.deploy.city.unpacking import unpacked

SPS, PPS = bytes.fromhex("6742c00dd9014133"), bytes.fromhex("68ce0f2c80")[:-1]
CODE = b"\x00\x00\x00\x01"
FPS = 50


def unit(number: int, at_ns: int, size: int = 3000) -> AccessUnit:
    """No real picture, but cut like one: every fifth is a key picture."""
    key = number % 5 == 0
    slices = bytes([0x65 if key else 0x41]) + bytes([number % 250 + 1]) * size
    data = (CODE + SPS + CODE + PPS if key else b"") + CODE + slices
    return AccessUnit(data, ticks(at_ns), at_ns, key)


def endless() -> Iterator[AccessUnit]:
    began_ns = SystemClock().now_ns()
    for number in count():
        yield unit(number, began_ns + number * NS // FPS)


class Client:
    """A client that knows what it wants."""

    def __init__(self, server: RtspServer, path: str = "/a") -> None:
        self.socket = socket.create_connection((server.host, server.port), timeout=5)
        self.file = self.socket.makefile("rb")
        self.url = server.url(path)
        self.sequence = 0

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def ask(self, method: str, url: str = "", **headers: str) -> tuple[int, dict[str, str], str]:
        self.sequence += 1
        lines = [f"{method} {url or self.url} RTSP/1.0", f"CSeq: {self.sequence}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.answer()

    def answer(self) -> tuple[int, dict[str, str], str]:
        status = int(self.file.readline().split()[1])
        pairs = [line.decode().strip().partition(":") for line in iter(self.file.readline, b"\r\n")]
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return status, headers, self.file.read(int(headers.get("content-length", "0"))).decode()

    def play(self) -> None:
        assert self.ask("DESCRIBE")[0] == 200
        assert self.ask("SETUP", f"{self.url}/trackID=0", Transport="RTP/AVP/TCP;unicast;interleaved=0-1")[0] == 200
        assert self.ask("PLAY", Session="x")[0] == 200

    def packet(self) -> tuple[int, bytes]:
        """Channel and content of the next interleaved packet."""
        sign, channel, length = struct.unpack("!cBH", self.file.read(4))
        assert sign == b"$"
        return channel, self.file.read(length)


@pytest.fixture
def server() -> Iterator[RtspServer]:
    with RtspServer() as running:
        yield running


def test_a_stream_begins_with_a_key_picture_and_a_report_that_fits_it(server: RtspServer) -> None:
    server.add("/a", endless)
    with Client(server) as client:
        client.play()
        channel, report = client.packet()
        assert channel == 1
        ntp, timestamp = struct.unpack_from("!QI", report, 8)
        packets = [client.packet() for _ in range(6)]
    assert [each for each, _ in packets] == [0] * 6
    heads = [struct.unpack_from("!BBHII", packet) for _, packet in packets]
    sequences = [head[2] for head in heads]
    assert [(each - sequences[0]) % 65536 for each in sequences] == list(range(6))
    nals = unpacked([packet[12:] for (_, packet), head in zip(packets, heads, strict=True) if head[3] == heads[0][3]])
    assert [nal[0] & 0x1F for nal in nals] == [7, 8, 5]
    # The report's moment, on the RTP clock, is the first picture's up to the time it took to send it.
    assert 0 <= (timestamp - heads[0][3]) % 2**32 < 90_000
    now_s = SystemClock().now_ns() / NS
    assert abs((ntp >> 32) - 2_208_988_800 - now_s) < 5


def test_describe_tells_the_parameter_sets(server: RtspServer) -> None:
    faults = server.add("/a", endless)
    with Client(server) as client:
        status, headers, body = client.ask("DESCRIBE", Accept="application/sdp")
        assert (status, headers["content-type"]) == (200, "application/sdp")
        assert headers["content-base"] == f"{client.url}/"
        sets = ",".join(base64.b64encode(each).decode() for each in (SPS, PPS))
        assert f"sprop-parameter-sets={sets}" in body
        assert "profile-level-id=42C00D" in body
        faults.parameter_sets = False
        assert "sprop" not in client.ask("DESCRIBE")[2]


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("OPTIONS", {}, 200),
        ("ANNOUNCE", {}, 405),
        ("PLAY", {}, 455),
        ("SETUP", {"Transport": "RTP/AVP;unicast;client_port=5000-5001"}, 461),
        ("SETUP", {"Transport": "RTP/AVP/TCP;unicast;interleaved=255-256"}, 400),
        ("SETUP", {"Transport": "RTP/AVP;client_port=1-2,RTP/AVP/TCP;interleaved=2-3"}, 200),
        ("GET_PARAMETER", {}, 200),
        ("TEARDOWN", {}, 200),
    ],
)
def test_answers(server: RtspServer, method: str, headers: dict[str, str], status: int) -> None:
    server.add("/a", endless)
    with Client(server) as client:
        assert client.ask(method, **headers)[0] == status


def test_unknown_paths_and_refusals(server: RtspServer) -> None:
    faults = server.add("/a", endless)
    with Client(server, "/b") as client:
        assert client.ask("DESCRIBE")[0] == 404
    with Client(server) as client:
        for status in (401, 403, 404, 503):
            faults.refuse = status
            got, headers, _ = client.ask("DESCRIBE")
            assert got == status
            assert ("www-authenticate" in headers) == (status == 401)


def test_basic_accounts(server: RtspServer) -> None:
    server.add("/a", endless, username="u", password="p:w", basic=True)
    right = base64.b64encode(b"u:p:w").decode()
    with Client(server) as client:
        status, headers, _ = client.ask("DESCRIBE")
        assert (status, headers["www-authenticate"]) == (401, 'Basic realm="corridor"')
        assert client.ask("DESCRIBE", Authorization="Basic eDp5")[0] == 401
        assert client.ask("DESCRIBE", Authorization=f"Basic {right}")[0] == 200


@pytest.mark.parametrize("nonsense", [b"\r\n\r\n", b"GET\r\n\r\n", b"\xff" * 70_000, b"$\x00\xff\xffabc", b""])
def test_nonsense_ends_its_own_connection_only(server: RtspServer, nonsense: bytes) -> None:
    server.add("/a", endless)
    with Client(server) as bad:
        bad.socket.sendall(nonsense)
        bad.socket.shutdown(socket.SHUT_WR)
        with Client(server) as good:
            assert good.ask("DESCRIBE")[0] == 200


@pytest.mark.parametrize("length", [str(300 << 20), "4097", "-1", "1" * 4000])
def test_nobody_is_made_to_hold_what_a_request_announces(server: RtspServer, length: str) -> None:
    server.add("/a", endless, username="u", password="secret")
    with Client(server) as client:
        status, headers, _ = client.ask("GET_PARAMETER", **{"Content-Length": length})
        assert (status, headers["cseq"], headers["connection"]) == (413, "1", "close")
        assert client.file.read() == b""  # and nothing of it is waited for
    with Client(server) as client:
        client.socket.sendall(f"OPTIONS {client.url} RTSP/1.0\r\nCSeq: 7\r\nContent-Length: 4096\r\n\r\n".encode())
        client.socket.sendall(bytes(4096))
        assert client.answer()[0] == 200


def test_a_digest_of_other_letters_is_refused_and_the_connection_goes_on(server: RtspServer) -> None:
    server.add("/a", endless, username="u", password="secret")
    with Client(server) as client:
        nonce = client.ask("DESCRIBE")[1]["www-authenticate"].split('nonce="')[1].rstrip('"')
        wrong = f'Digest username="u", realm="corridor", nonce="{nonce}", uri="{client.url}", response="é"'
        assert client.ask("DESCRIBE", Authorization=wrong)[0] == 401
        assert client.ask("OPTIONS")[0] == 200


def test_receiver_reports_between_requests_are_passed_over(server: RtspServer) -> None:
    server.add("/a", endless)
    with Client(server) as client:
        client.socket.sendall(interleaved(1, bytes(32)))
        assert client.ask("OPTIONS")[0] == 200


def test_all_viewers_see_one_source_and_it_begins_anew_when_it_has_ended(server: RtspServer) -> None:
    begun: list[int] = []

    def short() -> Iterator[AccessUnit]:
        begun.append(1)
        began_ns = SystemClock().now_ns()
        for number in range(40):
            yield unit(number, began_ns + number * NS // FPS)

    server.add("/a", short)
    with Client(server) as first, Client(server) as second:
        first.play()
        second.play()
        for client in (first, second):
            content = client.file.read()  # to the end
            assert content[-8:-4] == struct.pack("!BBH", 0x81, 203, 1)
        assert len(begun) == 1
    with Client(server) as later:
        later.play()
        assert len(begun) == 2


def bugs() -> Iterator[AccessUnit]:
    raise ZeroDivisionError


def breaks() -> Iterator[AccessUnit]:
    raise SourceError("cannot read it")


@pytest.mark.parametrize("factory", [lambda: iter(()), breaks, bugs])
def test_a_source_without_a_picture_is_not_available(
    server: RtspServer, factory: Callable[[], Iterator[AccessUnit]]
) -> None:
    server.add("/a", factory)
    with Client(server) as client:
        assert client.ask("DESCRIBE")[0] == 503
        assert client.ask("DESCRIBE")[0] == 503


def test_viewers_are_counted_and_can_be_cut_off(server: RtspServer) -> None:
    server.add("/a", endless)
    with Client(server) as client:
        client.play()
        client.packet()
        assert server.viewers("/a") == 1
        server.drop_viewers("/a")
        assert server.viewers("/a") == 0
        with suppress(ConnectionResetError):
            client.file.read()


@pytest.mark.parametrize("path", ["a", "/a/", "/taken", "/"])
def test_paths_that_cannot_be_served(server: RtspServer, path: str) -> None:
    server.add("/taken", endless)
    with pytest.raises(ConfigError, match=re.escape(f"'{path}'")):
        server.add(path, endless)


def test_a_server_stops_and_starts_on_the_same_port() -> None:
    server = RtspServer()
    server.stop()
    server.add("/a", endless)
    server.start()
    port = server.port
    with Client(server) as client:
        client.play()
        server.stop()
        server.stop()
    with pytest.raises(OSError, match="refused"):
        Client(server)
    server.start()
    assert server.port == port
    with Client(server) as client:
        client.play()
    with pytest.raises(SourceError, match=str(port)):
        RtspServer(port).start()
    server.stop()
