"""A camera's HLS as packagers of today make it: fragments of MP4 behind a header of their own, one file or many."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import av

from ingest.clock import NS, SystemClock
from tests.ingest import odd_clips as odd

CLOCK = SystemClock()
LISTED = 6


def pack(folder: Path, seconds: int, *, one_file: bool) -> list[str]:
    """Pack a film into segments of a second; returns the lines of its playlist. `one_file`: ranges of bytes of one."""
    options = {"hls_segment_type": "fmp4", "hls_time": "1", "hls_list_size": "0", "hls_playlist_type": "event"}
    options |= {"hls_flags": "single_file"} if one_file else {}
    codec = {"tune": "zerolatency", "preset": "ultrafast", "g": str(odd.FPS)}
    with av.open(str(folder / "film.m3u8"), "w", format="hls", options=options) as target:
        stream = target.add_stream("libx264", rate=odd.FPS, options=codec)
        shown = odd.images(seconds * odd.FPS)
        stream.height, stream.width = shown[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for number, image in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, odd.FPS)
            target.mux(stream.encode(frame))
        target.mux(stream.encode())
    return (folder / "film.m3u8").read_text().splitlines()


def listed(lines: list[str], began_ns: int) -> str:
    """The playlist of now: the last whole segments, with the time of the first one, and no offsets but where needed."""
    header = next(line for line in lines if line.startswith("#EXT-X-MAP"))
    segments, single = [], []
    for line in lines:
        if line.startswith(("#EXTINF", "#EXT-X-BYTERANGE")):
            single.append(line)
        elif not line.startswith("#"):
            segments.append([*single, line])
            single = []
    done = min(len(segments), (CLOCK.now_ns() - began_ns) // NS)
    first = max(0, done - LISTED)
    stated = datetime.fromtimestamp(began_ns / NS + first, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
    text = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}", header]
    text.append(f"#EXT-X-PROGRAM-DATE-TIME:{stated}")
    for place, segment in enumerate(segments[first:done]):
        # A range follows the one before it, unless its beginning is stated (RFC 8216, 4.3.2.2).
        text += [line.partition("@")[0] if place and "BYTERANGE" in line else line for line in segment]
    return "\n".join(text) + "\n"


@contextmanager
def serving_packed(folder: Path, *, one_file: bool, began_ns: int, seconds: int = 20) -> Iterator[str]:
    """The address of its playlist."""
    lines = pack(folder, seconds, one_file=one_file)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *given: object) -> None:
            super().__init__(*given, directory=str(folder))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            name = self.path.strip("/")
            body = listed(lines, began_ns).encode() if name == "live.m3u8" else (folder / name).read_bytes()
            begin, _, end = (self.headers.get("Range") or "").removeprefix("bytes=").partition("-")
            part = body[int(begin or 0) : int(end) + 1 if end else len(body)]
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(part)))
            self.send_header("Accept-Ranges", "bytes")
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{int(begin) + len(part) - 1}/{len(body)}")
            self.end_headers()
            self.wfile.write(part)

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/live.m3u8"
        running.shutdown()
