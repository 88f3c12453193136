"""A road camera as an HLS playlist: a clip in a loop, in segments of a second."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ingest.clock import NS, SystemClock
from tests.ingest import odd_clips as odd

SEGMENT_S = 1
LISTED = 6
CLOCK = SystemClock()
MASTER = (
    "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=160x96\nlow/live.m3u8\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=400000,RESOLUTION=160x96\nhigh/live.m3u8\n"
)


@dataclass
class HlsCamera:
    """How the camera is.

    program_off_s: how wrong EXT-X-PROGRAM-DATE-TIME is; None leaves it out. restarts: every segment's media time begins
    at 0 again (EXT-X-DISCONTINUITY). began_ns: when the first segment's first frame was captured, Unix time. segment_s:
    length of a segment.
    """

    folder: Path
    program_off_s: float | None = None
    restarts: bool = False
    began_ns: int = field(default_factory=CLOCK.now_ns)
    requests: list[str] = field(default_factory=list)
    segment_s: int = SEGMENT_S
    encoding: threading.Lock = field(default_factory=threading.Lock)

    def playlist(self) -> str:
        done = (CLOCK.now_ns() - self.began_ns) // (self.segment_s * NS)  # only a whole segment is listed
        first = max(0, done - LISTED)
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:3",
            f"#EXT-X-TARGETDURATION:{self.segment_s}",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
        ]
        for number in range(first, done):
            if self.program_off_s is not None:
                captured_s = self.began_ns / NS + number * self.segment_s + self.program_off_s
                stated = datetime.fromtimestamp(captured_s, UTC).isoformat(timespec="milliseconds")
                lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{stated}")
            if self.restarts:
                lines.append("#EXT-X-DISCONTINUITY")
            lines += [f"#EXTINF:{self.segment_s:.3f},", f"{number}.ts"]
        return "\n".join(lines) + "\n"

    def segment(self, number: int) -> bytes:
        with self.encoding:  # two readers ask for the newest one at once
            path = self.folder / f"{number}.ts"
            if not path.exists():
                shown = odd.images(self.segment_s * odd.FPS)
                starts_s = 0 if self.restarts else number * self.segment_s
                odd.encode(path, shown, starts_s=starts_s, options={"preset": "ultrafast", "tune": "zerolatency"})
            return path.read_bytes()


@contextmanager
def serving(camera: HlsCamera) -> Iterator[str]:
    """The address of the server: /live.m3u8, /live (no suffix), /master.m3u8."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            camera.requests.append(self.path)
            name = self.path.rpartition("/")[2]
            if name == "master.m3u8":
                body = MASTER.encode()
            elif name in ("live.m3u8", "live"):
                body = camera.playlist().encode()
            elif name.endswith(".ts"):
                body = camera.segment(int(name.removesuffix(".ts")))
            else:
                self.send_error(404)
                return
            kind = "video/mp2t" if name.endswith(".ts") else "application/vnd.apple.mpegurl"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
