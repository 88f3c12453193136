"""Old crops are deleted in a thread of their own, slowly: no camera waits for it.

The thread shares the interpreter with the inference thread, and its work is nearly all interpreter. So it rests after
every few files; a round over 100,000 files takes a minute or two.
"""

import logging
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ingest.clock import Clock

logger = logging.getLogger(__name__)

EVERY_S = 300.0
REST_S = 0.02
FILES_A_REST = 32
CLOSE_TIMEOUT_S = 10.0

_OWN_NAME = re.compile(r"^(\d+\.\d+-\d+)(?:-\d+\.jpg|\.json(?:\.part)?)\Z")
"""A file of the store; the group is the stem that all files of a tracklet share."""


@dataclass(slots=True, eq=False)
class TrackletFiles:
    """The files of one tracklet, crops without an index included: when the last was written, bytes, paths."""

    written_s: float = 0.0
    size: int = 0
    paths: list[str] = field(default_factory=list)

    def add(self, entry: "os.DirEntry[str]", about: os.stat_result) -> None:
        self.written_s = max(self.written_s, about.st_mtime)
        self.size += about.st_size
        self.paths.append(entry.path)


class Pruner:
    """Deletes the tracklets of a store that are too old, then the oldest of what is too much.

    Only files with the names of a store are deleted, links are not followed. `rounds` counts what has been finished.
    """

    def __init__(self, folder: Path, clock: Clock, *, keep_s: float, max_bytes: float) -> None:
        self.rounds = 0
        self._folder = folder
        self._clock = clock
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._warned: set[str] = set()

    def start(self) -> None:
        """Prune now and then, until `close`."""
        self._closing.clear()
        self._thread = threading.Thread(target=self._run, name="crop pruning", daemon=True)
        self._thread.start()

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Finish with one round without rests; what is not deleted in time is left to the next run."""
        if self._thread is not None:
            self._closing.set()
            self._thread.join(timeout_s)
            self._thread = None

    def _run(self) -> None:
        last = False
        while not last:
            last = self._closing.is_set()
            try:
                self.prune(rest=self._rest)
            except Exception as error:  # the next round may do better; nobody else would delete anything
                words = f"{type(error).__name__}: {error}"
                self._warn(words, f"old crops in {self._folder} cannot be deleted: {words}")
            self.rounds += 1
            if not last:
                self._closing.wait(EVERY_S)

    def _rest(self) -> None:
        self._closing.wait(REST_S)  # returns at once when closing

    def prune(self, rest: Callable[[], object] = lambda: None) -> int:
        """Run one round, calling `rest` after every few files; returns how many tracklets have gone."""
        tracklets = sorted(self._by_tracklet(rest).values(), key=lambda each: each.written_s)
        total = sum(each.size for each in tracklets)
        oldest_s = self._clock.now_ns() / 1e9 - self._keep_s
        gone, failed = 0, Counter[str]()
        paced = _every(FILES_A_REST, rest)
        for each in tracklets:
            if each.written_s >= oldest_s and total <= self._max_bytes:
                break
            for path in sorted(each.paths, reverse=True):  # the index first: a reader that finds it finds the crops
                next(paced)
                self._delete(path, each.written_s, failed)
            total -= each.size
            gone += 1
        for reason, files in failed.items():
            self._warn(reason, f"{files} old files of crops in {self._folder} cannot be deleted: {reason}")
        return gone

    def _delete(self, path: str, written_s: float, failed: "Counter[str]") -> None:
        try:
            # Another log in the same folder may have written under this name since it was listed.
            if Path(path).lstat().st_mtime <= written_s:
                Path(path).unlink()
        except FileNotFoundError:
            pass
        except OSError as error:
            failed[error.strerror or str(error)] += 1

    def _by_tracklet(self, rest: Callable[[], object]) -> dict[tuple[str, str], TrackletFiles]:
        """By camera folder and stem."""
        found: dict[tuple[str, str], TrackletFiles] = {}
        paced = _every(FILES_A_REST * 8, rest)  # listing costs less than deleting
        with os.scandir(self._folder) as folders:
            for folder in folders:
                if folder.is_symlink():
                    self._warn(folder.path, f"{folder.path} is a link: no old crops are deleted behind it")
                if not folder.is_dir(follow_symlinks=False):
                    continue
                with os.scandir(folder.path) as entries:
                    for entry in entries:
                        next(paced)
                        name = _OWN_NAME.match(entry.name)
                        if name and entry.is_file(follow_symlinks=False):
                            with suppress(FileNotFoundError):
                                about = entry.stat(follow_symlinks=False)
                                found.setdefault((folder.name, name[1]), TrackletFiles()).add(entry, about)
        return found

    def _warn(self, reason: str, line: str) -> None:
        """Warn once a reason."""
        if reason not in self._warned:
            self._warned.add(reason)
            logger.warning("%s", line)


def _every(count: int, rest: Callable[[], object]) -> Iterator[None]:
    """An endless iterator that calls `rest` at every `count`th step."""
    while True:
        for _ in range(count):
            yield
        rest()
