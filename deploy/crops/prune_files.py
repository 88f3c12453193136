"""Delete old crops; a program of its own, which uses only the standard library and starts in a few milliseconds.

In a thread beside the inference thread every file would cost both of them the interpreter several times.
"""

import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

REST_S = 0.01
LONGEST_REST_S = 1.0
REST_SHARE = 15.0
FILES_A_REST = 16
"""After so many files the process rests, for so many times as long as they took: it uses a sixteenth of a core.
Priority alone does not do it, as most of this work is done in the kernel and on the disk."""

OWN_NAME = re.compile(r"^(\d+\.\d+-\d+)(?:-\d+\.jpg|\.json(?:\.part)?)\Z")
"""A file of a store; the group is the stem that all files of a tracklet share."""


@dataclass(slots=True, eq=False)
class TrackletFiles:
    """The files of one tracklet, crops without an index included: when the last was written, bytes, paths."""

    written_s: float = 0.0
    size: int = 0
    paths: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class PruneReport:
    """Tracklets that have gone, files that could not be deleted by reason, and links that were not followed."""

    gone: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    links: list[str] = field(default_factory=list)


def prune_files(
    folder: Path, *, oldest_s: float, max_bytes: float, rest: Callable[[], object] = lambda: None
) -> PruneReport:
    """Delete the tracklets written before a Unix time, then the oldest beyond a size; rest after every few files.

    Only files with the names of a store are deleted or counted, and links are not followed. Raises OSError where a
    folder cannot be listed.
    """
    report = PruneReport()
    tracklets = sorted(_by_tracklet(folder, rest, report).values(), key=lambda each: each.written_s)
    total = sum(each.size for each in tracklets)
    paced = _every(FILES_A_REST, rest)
    for each in tracklets:
        if each.written_s >= oldest_s and total <= max_bytes:
            break
        for path in sorted(each.paths, reverse=True):  # the index first: a reader that finds it finds the crops
            next(paced)
            _delete(Path(path), each.written_s, report)
        total -= each.size
        report.gone += 1
    return report


def _delete(path: Path, written_s: float, report: PruneReport) -> None:
    try:
        # Another log in the same folder may have written under this name since it was listed.
        if path.lstat().st_mtime <= written_s:
            path.unlink()
    except FileNotFoundError:
        pass
    except OSError as error:
        report.failed[error.strerror or str(error)] += 1


def _by_tracklet(folder: Path, rest: Callable[[], object], report: PruneReport) -> dict[tuple[str, str], TrackletFiles]:
    """By camera folder and stem."""
    found: dict[tuple[str, str], TrackletFiles] = {}
    paced = _every(FILES_A_REST * 8, rest)  # listing costs less than deleting
    with os.scandir(folder) as cameras:
        for camera in cameras:
            if camera.is_symlink():
                report.links.append(camera.path)
            if not camera.is_dir(follow_symlinks=False):
                continue
            with os.scandir(camera.path) as entries:
                for entry in entries:
                    next(paced)
                    name = OWN_NAME.match(entry.name)
                    if name and entry.is_file(follow_symlinks=False):
                        with suppress(FileNotFoundError):
                            about = entry.stat(follow_symlinks=False)
                            files = found.setdefault((camera.name, name[1]), TrackletFiles())
                            files.written_s = max(files.written_s, about.st_mtime)
                            files.size += about.st_size
                            files.paths.append(entry.path)
    return found


def _every(count: int, rest: Callable[[], object]) -> Iterator[None]:
    """An endless iterator that calls `rest` at every `count`th step."""
    while True:
        for _ in range(count):
            yield
        rest()


class Rests:
    """Called after every few files: sleeps for a multiple of the time since the last rest, `least_s` at least."""

    def __init__(self, least_s: float) -> None:
        self._least_s = least_s
        self._since_s = time.monotonic()

    def __call__(self) -> None:
        if self._least_s:
            worked_s = time.monotonic() - self._since_s
            time.sleep(max(self._least_s, min(REST_SHARE * worked_s, LONGEST_REST_S)))
        self._since_s = time.monotonic()


def main(folder: str, oldest_s: str, max_bytes: str, rest_s: str) -> None:
    """Prune a folder and print the report as JSON; without rests where `rest_s` is 0."""
    os.nice(19)
    report = prune_files(Path(folder), oldest_s=float(oldest_s), max_bytes=float(max_bytes), rest=Rests(float(rest_s)))
    sys.stdout.write(json.dumps({"gone": report.gone, "failed": report.failed, "links": report.links}))


if __name__ == "__main__":
    main(*sys.argv[1:])
