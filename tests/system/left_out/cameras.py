"""Network cameras: what of their streams is not delivered."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.city.rtsp.server import RtspServer
from ingest.camera import Camera
from ingest.clock import NS, SystemClock
from ingest.decoding.left_out import in_words
from ingest.errors import SourceError
from ingest.network.access_unit import AccessUnit
from ingest.network.streamed import StreamedVideo
from tests.ingest import odd_clips as odd
from tests.ingest.network.hls_camera import HlsCamera, serving
from tests.ingest.network.test_http_stream import WebCamera
from tests.ingest.network.test_streamed import SetBack, units
from tests.system.command import start
from tests.system.left_out.recordings import SHOWN
from tests.system.left_out.seen import Case, Seen, command, counts_in, site

LONGEST_S = 90.0
POLL_S = 0.1


def watch(folder: Path, cameras: dict[str, str], counter: str, *, program: str = "deploy.cli.main") -> Seen:
    """Watch a site until a counter of camera `a` is above 0 and it has frames, then stop it as a service is stopped.

    In a process of its own: the servers of the cameras are in this one.
    """
    site(folder, cameras)
    process = start(folder, "observe", "site.toml", "--status", "status.json", program=program)
    clock = SystemClock()
    until_s = clock.monotonic_s() + LONGEST_S
    while process.poll() is None and clock.monotonic_s() < until_s:
        counts = counts_in(folder / "status.json", "a")
        if counts.get(counter) and (counts["analysed"] or counter == "error"):
            break
        clock.sleep(POLL_S)
    process.terminate()
    out, err = process.communicate(timeout=120)
    return Seen(" ".join((out + err).split()), process.returncode, counts_in(folder / "status.json", "a"))


@contextmanager
def web(clip: bytes) -> Iterator[str]:
    """A camera over HTTP that sends a transport stream, again whenever it is opened."""
    WebCamera.clip = clip
    with ThreadingHTTPServer(("127.0.0.1", 0), WebCamera) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/ts"
        running.shutdown()


def rtsp(folder: Path, counter: str, spoil: Callable[[RtspServer], None]) -> Seen:
    with RtspServer() as server:
        spoil(server)
        return watch(folder, {"a": server.url("/a")}, counter)


def early(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    def spoil(server: RtspServer) -> None:
        server.add("/a", units).first_report_s = 0.5

    return rtsp(folder, "left_out.early", spoil)


def stray(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    def strays() -> Iterator[AccessUnit]:
        for number, unit in enumerate(units()):
            yield dataclasses.replace(unit, pts_90k=unit.pts_90k + (900_000_000 if number % 10 == 9 else 0))

    def spoil(server: RtspServer) -> None:
        server.add("/a", strays).report_interval_s = 1000.0

    return rtsp(folder, "left_out.stray", spoil)


def damaged(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    def spoil(server: RtspServer) -> None:
        server.add("/a", units).garbage_every = 6

    return rtsp(folder, "left_out.damaged", spoil)


def late(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    clip = odd.joined(folder / "a.ts", [(5.0, SHOWN[:15]), (5.0 + 14 / 25, SHOWN[15:])]).read_bytes()
    with web(clip) as url:
        return watch(folder, {"a": url}, "left_out.late")


def stray_http(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    parts = [(900.0, SHOWN[:20]), (0.0, SHOWN[:1]), (900.84, SHOWN[20:])]
    with web(odd.joined(folder / "a.ts", parts).read_bytes()) as url:
        return watch(folder, {"a": url}, "left_out.stray")


def untimed(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    with web(odd.encode(folder / "a.ts", SHOWN).read_bytes()) as url:
        return watch(folder, {"a": url}, "left_out.untimed", program="tests.system.left_out.without_times")


def other_video(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    with web(odd.two_videos(folder / "a.mkv", odd.images(40, (80, 48)), SHOWN).read_bytes()) as url:
        return watch(folder, {"a": url}, "notes")


def machine_clock(_: Path, patch: pytest.MonkeyPatch) -> Seen:
    clock = SetBack()
    with RtspServer() as server:
        server.add("/a", units).sender_reports = False
        video = StreamedVideo(Camera(id="a", source=server.url("/a")), None, clock=clock, report_wait_s=0.0)
        frames = video.frames()
        next(frames)
        clock.ahead_ns = 0
        with pytest.raises(SourceError) as raised:
            list(frames)
    counts = {f"left_out.{reason}": count for reason, count in video.status().left_out.items()}
    return Seen(f"{raised.value} {in_words(video.status().left_out)}", None, counts)


def never(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    with RtspServer() as server:
        server.add("/a", units)
        return watch(folder, {"a": server.url("/a"), "b": "rtsp://127.0.0.1:1/x"}, "analysed")


def none_at_all(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    return watch(folder, {"a": "rtsp://127.0.0.1:1/x"}, "error")


def playlist_times(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    with serving(HlsCamera(folder, program_off_s=-86_400.0, began_ns=SystemClock().now_ns() - 8 * NS)) as url:
        return watch(folder, {"a": f"{url}/live.m3u8"}, "clock_suspect")


def check(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    odd.encode(folder / "a.mp4", SHOWN)
    site(folder, {"a": "a.mp4", "b": "rtsp://127.0.0.1:1/x"})
    return command(folder, "cameras", "check", "site.toml")


def init(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    odd.encode(folder / "a.mp4", SHOWN)
    return command(folder, "init", "-c", "a=a.mp4", "-c", "b=rtsp://127.0.0.1:1/x")


CASES: dict[str, Case] = {
    "camera-early": early,
    "camera-late": late,
    "camera-stray": stray,
    "camera-stray-http": stray_http,
    "camera-untimed": untimed,
    "camera-damaged": damaged,
    "camera-other-video": other_video,
    "camera-machine-clock": machine_clock,
    "camera-never": never,
    "cameras-none": none_at_all,
    "hls-playlist-times": playlist_times,
    "check-some-nothing": check,
    "init-some-nothing": init,
}
