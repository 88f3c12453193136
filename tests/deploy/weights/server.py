"""The publisher of the networks: a server that can be told to break off, to start over, and to serve other bytes."""

from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.deploy.weights.samples import BIN, CONFIG, ONNX, WORDS, XML


class Server:
    """Serves `content` by path; each request takes the next of `stop_after`: bytes until the line drops."""

    def __init__(self) -> None:
        self.content = {"/new/net.xml": XML, "/new/net.bin": BIN, "/new/tiny.onnx": ONNX}
        self.content |= {"/new/config.json": CONFIG, "/new/words.txt": WORDS}
        self.stop_after: list[int | None] = []
        self.resumes = True
        self.requests: list[tuple[str, str | None]] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, server: Server, *args: object) -> None:
        self.script = server
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.script.requests.append((self.path, wanted))
        body = self.script.content.get(self.path)
        if body is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.script.resumes else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        stop = self.script.stop_after.pop(0) if self.script.stop_after else None
        with suppress(ConnectionError):  # the client has heard enough
            self.wfile.write(body[start:] if stop is None else body[start : start + stop])

    def log_message(self, format: str, *args: object) -> None:
        pass
