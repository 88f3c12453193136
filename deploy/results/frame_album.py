"""Analysed frames, kept on disk as long as a run lasts, to paint images from them at its end."""

import errno
import logging
import os
import tempfile
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from detect.detections import Detections
from ingest.errors import ConfigError
from ingest.frame import Frame, Image

logger = logging.getLogger(__name__)

LIMIT_BYTES = 8_000_000_000
_CHUNKS = 32
"""The album is as many files: the oldest is given up when the limit is reached."""


@dataclass(frozen=True, slots=True)
class _Shot:
    """One JPEG of an album: its capture time, and where it is."""

    captured_ns: int
    chunk: int
    start: int
    length: int


class FrameAlbum:
    """Analysed frames as JPEG, in files without a name: a tap for the perception worker.

    Beyond `limit_bytes` the oldest frames are given up and counted in `given_up`. Raises ConfigError where the folder
    cannot be written; a disk that is full later ends the collecting, with a warning.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.given_up = 0
        self._shots: dict[str, list[_Shot]] = defaultdict(list)
        self._folder, self._chunk_bytes = folder, limit_bytes // _CHUNKS
        self._chunks: dict[int, IO[bytes]] = {}
        self._full = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._begin_chunk()
        except OSError as error:
            raise ConfigError(f"cannot write to the folder {folder}: {error.strerror}") from error

    def __call__(self, frame: Frame, found: Detections) -> None:
        del found  # boxes come from the log, where they have identities
        if self._full:
            self.given_up += 1
            return
        _, jpeg = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, 88])
        try:
            self._keep(frame, np.asarray(jpeg, np.uint8).tobytes())
        except OSError as error:
            logger.warning("no more frames are kept for images: %s: %s", self._folder, error.strerror)
            self._full = True
            self.given_up += 1

    @property
    def cameras(self) -> list[str]:
        """The cameras that have frames here, sorted."""
        return sorted(camera for camera, shots in self._shots.items() if shots)

    def times_ns(self, camera_id: str) -> list[int]:
        """Capture times of the frames of a camera, in the order in which they came."""
        return [shot.captured_ns for shot in self._shots[camera_id]]

    def at(self, camera_id: str, captured_ns: int) -> tuple[int, Image] | None:
        """The last frame of a camera at that time, and when it was captured; None before its first."""
        shots = self._shots[camera_id]
        place = bisect_left(shots, captured_ns + 1, key=lambda shot: shot.captured_ns)
        if not place:
            return None
        shot = shots[place - 1]
        file = self._chunks[shot.chunk]
        file.seek(shot.start)
        jpeg = np.frombuffer(file.read(shot.length), np.uint8)
        return shot.captured_ns, np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)

    def close(self) -> None:
        """Forget all frames."""
        for file in self._chunks.values():
            file.close()
        self._chunks.clear()
        self._shots.clear()

    def _keep(self, frame: Frame, jpeg: bytes) -> None:
        newest = max(self._chunks)
        start = self._chunks[newest].seek(0, os.SEEK_END)
        if start and start + len(jpeg) > self._chunk_bytes:
            newest, start = self._begin_chunk(), 0
        if self._chunks[newest].write(jpeg) < len(jpeg):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._shots[frame.camera_id].append(_Shot(frame.captured_ns, newest, start, len(jpeg)))

    def _begin_chunk(self) -> int:
        number = max(self._chunks, default=-1) + 1
        # Beside what is painted: a temporary folder may be in memory.
        self._chunks[number] = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
        if len(self._chunks) > _CHUNKS:
            self._give_up(min(self._chunks))
        return number

    def _give_up(self, chunk: int) -> None:
        self._chunks.pop(chunk).close()
        for camera, shots in self._shots.items():
            kept = [shot for shot in shots if shot.chunk != chunk]
            self.given_up += len(shots) - len(kept)
            self._shots[camera] = kept
