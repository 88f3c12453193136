"""The options `--mosaic` and `--sheet`: images that a run leaves of its cameras and vehicles."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from deploy.log.base import Log
from deploy.log.decoding import Undecoded
from deploy.results.journeys import read_journeys
from ingest.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from deploy.results.frame_album import FrameAlbum  # loads OpenCV


@dataclass(slots=True)
class RunImages:
    """The images that were asked for, and the frames that they will be painted from; None for neither.

    problem: why not all of them have been painted.
    """

    mosaic: Path | None = None
    sheet: Path | None = None
    album: "FrameAlbum | None" = None
    problem: str | None = None

    def refuse(self, reason: str) -> None:
        """Raise ConfigError if any were asked for: there will be no frames."""
        if self.album is not None:
            raise ConfigError(f"nothing to paint for {self._options}: {reason} (name another log in [log] url)")

    def raise_problem(self) -> None:
        """Raise SourceError where something that was asked for has not been painted."""
        if self.problem is not None:
            raise SourceError(self.problem)

    def paint(self, console: Console, log: Log, undecoded: Undecoded) -> None:
        """Paint what was asked for and say where it is; raises ConfigError where it cannot be written.

        Where there is nothing to paint, that is the `problem`: another error may be the reason of it. What cannot be
        decoded is left out and counted in `undecoded`.
        """
        if self.album is None:
            return
        if not self.album.cameras:
            self.problem = f"nothing to paint for {self._options}: no frame has been analysed"
            return
        from deploy.results.mosaic import largest_boxes, read_paths, write_mosaic, write_sheet

        journeys = read_journeys(log, undecoded)
        with console.status("painting the images"):
            if self.mosaic is not None:
                write_mosaic(self.mosaic, self.album, read_paths(log, undecoded), journeys)
            rows = None
            if self.sheet is not None:
                rows = write_sheet(self.sheet, self.album, largest_boxes(log, undecoded), journeys)
        if rows is not None and rows.painted == 0:
            self.problem = f"{self.sheet} is not painted: no camera has seen a vehicle completely"
        elif rows is not None:
            more = f" (the first {rows.painted} of {rows.of})" if rows.painted < rows.of else ""
            _say(console, f"One row a vehicle{more}:", self.sheet)
        if self.mosaic is not None:
            _say(console, "All cameras as one:", self.mosaic)

    @property
    def lacking(self) -> int:
        """Frames that were analysed and not kept, and so are in no image."""
        return 0 if self.album is None else self.album.given_up

    @property
    def _options(self) -> str:
        asked = {"--mosaic": self.mosaic, "--sheet": self.sheet}
        return " and ".join(f"{option} {path}" for option, path in asked.items() if path is not None)


def _say(console: Console, what: str, path: Path | None) -> None:
    console.print(f"{what:<20} {path}", highlight=False, soft_wrap=True, markup=False)


@contextmanager
def run_images(mosaic: Path | None, sheet: Path | None) -> Iterator[RunImages]:
    """Keep frames for the images while the block runs; raises ConfigError for what cannot be written."""
    if mosaic is None and sheet is None:
        yield RunImages()
        return
    for path, ending, option in ((mosaic, ".mp4", "--mosaic"), (sheet, ".png", "--sheet")):
        if path is not None and path.suffix.lower() != ending:
            raise ConfigError(f"{option} {path}: expected a file that ends with {ending}")
        if path is not None and path.is_dir():
            raise ConfigError(f"{option} {path} is a folder; name a file in it")
    from deploy.results.frame_album import FrameAlbum

    first = mosaic or sheet
    assert first is not None
    with closing(FrameAlbum(first.parent)) as album:
        yield RunImages(mosaic, sheet, album)
