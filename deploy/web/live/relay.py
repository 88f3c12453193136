"""One camera of another process: its video, boxes and stills, fetched once however many watch.

The connection is there while somebody watches. A worker that is away costs nobody the page: what was seen last stays,
with a sentence.
"""

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from typing import BinaryIO, cast

import msgspec

from deploy.web.live.beats import LiveBeat
from deploy.web.live.hub import LiveCamera, Viewer
from deploy.web.live.messages import read_message
from deploy.web.live.workers import Workers
from ingest.clock import NS, Clock
from ingest.network.packet_tap import VideoPacket

SILENCE_S = 4.0
"""Time without a word of a worker, which says something every second, after which it is held to be away."""
RETRY_S = 1.0
STILL_AGE_S = 0.4
"""A still is asked for no more often, for all who watch."""
KEPT_AGE_S = 10.0
CAPTURED = "X-Captured-Ns"


class Away(msgspec.Struct, frozen=True):
    """Word to a page. away: why a camera's worker cannot be reached; empty when it is there again."""

    away: str


class AwayError(Exception):
    """A worker cannot be asked; the reason in words."""


class RelayedCamera(LiveCamera):
    """The live side of a camera that runs elsewhere."""

    def __init__(self, camera: str, workers: Workers, clock: Clock) -> None:
        super().__init__()
        self._camera, self._workers, self._clock = camera, workers, clock
        self._pulling = threading.Lock()
        self._thread: threading.Thread | None = None
        self._away = ""
        self._asking = threading.Lock()
        self._asked_s = -KEPT_AGE_S
        self._ended = threading.Event()

    def join(self, viewer: Viewer) -> None:
        with self._pulling:
            super().join(viewer)
            if self._away:
                viewer.offer(msgspec.json.encode(Away(self._away)))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"live {self._camera}", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """Fetch nothing more."""
        self._ended.set()

    def keep_still(self) -> None:
        """Have a still that is not old, for the time when the worker is away."""
        if self._workers.now(self._camera) is not None and self._clock.monotonic_s() - self._asked_s >= KEPT_AGE_S:
            self.still(0)

    def still(self, after_ns: int) -> tuple[int, bytes] | None:
        """As that of a camera here; the last one that there was, where the worker is away."""
        # Who could be shown the one before does not wait for one who waits for a worker that hangs.
        if self._asking.acquire(blocking=not self._still[1]):
            try:
                if self._clock.monotonic_s() - self._asked_s >= STILL_AGE_S:
                    with suppress(OSError, http.client.HTTPException, AwayError):  # the stream's thread says so
                        self._fetch_still()
                    self._asked_s = self._clock.monotonic_s()
            finally:
                self._asking.release()
        return self._still if self._still[1] and self._still[0] != after_ns else None

    def _fetch_still(self) -> None:
        with answer(self._workers, self._camera, f"/stills/{self._camera}?after={self._still[0]}") as response:
            image = response.read()
            captured_ns = response.headers.get(CAPTURED, "")
            if image and captured_ns.isdigit():
                self._still = (int(captured_ns), image)

    def _run(self) -> None:
        """Fetch while somebody watches."""
        while True:
            with self._pulling:
                if not self.watched or self._ended.is_set():
                    self._thread, self._away = None, ""
                    return
            try:
                self._pull()
            except (OSError, http.client.HTTPException, AwayError) as error:
                self._say(away_words(self._workers.last(self._camera), error))
                self._ended.wait(RETRY_S)
            self.begin_anew()

    def _pull(self) -> None:
        with answer(self._workers, self._camera, f"/frames/{self._camera}") as response:
            stream = cast("BinaryIO", response)
            while self.watched and not self._ended.is_set():
                message = read_message(stream)
                self._say("")
                if isinstance(message, VideoPacket):
                    self.packet(message)
                elif message:
                    self.text(message)

    def _say(self, away: str) -> None:
        if away != self._away:
            self._away = away
            self.text(msgspec.json.encode(Away(away)))


@contextmanager
def answer(
    workers: Workers, camera: str, path: str, *, within_s: float = SILENCE_S
) -> Iterator[http.client.HTTPResponse]:
    """The answer of a camera's worker; raises AwayError, OSError or HTTPException where none comes, or a refusal."""
    beat = workers.now(camera)
    if beat is None:
        raise AwayError("it has not been heard of since")
    host, _, port = beat.address.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=within_s)
    with closing(connection):
        connection.request("GET", path, headers={"Authorization": f"Bearer {beat.token}"})
        response = connection.getresponse()
        if response.status not in (200, 204):
            raise AwayError(f"it answers {response.status} {response.reason}")
        yield response


def away_words(beat: LiveBeat | None, error: Exception) -> str:
    """Why there is nothing new of a camera, for whoever looks at it."""
    if beat is None:
        return "no process offers this camera's video: corridor observe FILE --live :PORT"
    last = datetime.fromtimestamp(beat.at_ns / NS, UTC).astimezone()
    reason = str(error) or type(error).__name__
    return f"the process of this camera at {beat.address} cannot be reached ({reason}); its last word: {last:%H:%M:%S}"
