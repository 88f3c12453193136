"""The terminal view: cameras, and vehicles moving from camera to camera."""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Literal, TextIO, cast

from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from associate.trajectory import Kind, TrajectoryEvent
from deploy.log.base import Log
from deploy.results.recent_journeys import RecentJourneys, followed
from deploy.site.repeating import repeating
from ingest.clock import NS
from ingest.decoding.left_out import in_words

if TYPE_CHECKING:
    from deploy.site.perception_worker import PerceptionWorker  # loads every library there is
    from deploy.site.status import CameraStatus

REFRESH_S = 0.25
PIPE_COLUMNS = 400
TRAJECTORY_COLUMNS = ("identity", "class", "cameras", "first", "last", "p", "state")
NUMBERS = ("first", "last", "p")
MIN_CAMERAS = 12
"""Columns for the cameras of a trajectory, however narrow the terminal is."""
STATE_STYLES = {
    Kind.PROVISIONAL: "yellow",
    Kind.CONFIRMED: "default",
    Kind.EXTENDED: "bold green",
    Kind.RETRACTED: "red",
    Kind.SPLIT: "red",
    Kind.CLOSED: "dim",
}


def moment(at_ns: int) -> str:
    """A capture time for people: media time where the recording has no date of its own."""
    if at_ns < 86_400 * NS:
        minutes, seconds = divmod(at_ns / NS, 60)
        return f"{int(minutes):02d}:{seconds:04.1f}"
    return datetime.fromtimestamp(at_ns / NS, UTC).astimezone().strftime("%H:%M:%S")


def trajectory_table(events: Sequence[TrajectoryEvent]) -> Table:
    """Identities, a row each, in the order in which they are given."""
    rows = [_row(event) for event in events]
    styles = [STATE_STYLES.get(event.kind, "default") for event in events]
    left = [name for name in TRAJECTORY_COLUMNS if name not in NUMBERS]
    return narrow_table("Trajectories", TRAJECTORY_COLUMNS, rows, styles=styles, left=left, wraps="cameras")


def trajectory_lines(events: Sequence[TrajectoryEvent], width: int) -> RenderableType:
    """The same as `trajectory_table` for a screen that is painted again and again: a line each, at a tenth of the time.

    Where a trajectory is too long for the width, its last cameras are shown.
    """
    rows = [list(TRAJECTORY_COLUMNS), *map(_row, events)]
    styles = ["bold cyan", *(STATE_STYLES.get(event.kind, "default") for event in events)]
    cameras = TRAJECTORY_COLUMNS.index("cameras")
    widths = [max(len(row[place]) for row in rows) for place in range(len(TRAJECTORY_COLUMNS))]
    widths[cameras] = max(MIN_CAMERAS, min(widths[cameras], width - sum(widths) + widths[cameras] - len(widths) + 1))
    lines = [Text("Trajectories", style="italic")]
    for row, style in zip(rows, styles, strict=True):
        if len(row[cameras]) > widths[cameras]:
            row[cameras] = "…" + row[cameras][1 - widths[cameras] :]
        cells = [
            cell.rjust(columns) if name in NUMBERS else cell.ljust(columns)
            for name, cell, columns in zip(TRAJECTORY_COLUMNS, row, widths, strict=True)
        ]
        lines.append(Text(" ".join(cells), style=style, no_wrap=True, overflow="ellipsis"))
    return Group(*lines)


def narrow_table(
    title: str,
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: Sequence[str] = (),
    wraps: str,
    styles: Sequence[str] | None = None,
) -> Table:
    """A table for 80 columns: a header has a line a word, and cells break only in the column that `wraps`.

    left: columns of words; the others, but for the first, are numbers and stand to the right.
    """
    table = Table(
        title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold cyan"
    )
    for place, name in enumerate(names):
        justify: Literal["left", "right"] = "left" if place == 0 or name in left else "right"
        table.add_column(name.replace(" ", "\n"), justify=justify, no_wrap=name != wraps, overflow="fold")
    for row, style in zip(rows, styles or ["default"] * len(rows), strict=True):
        table.add_row(*map(Text, row), style=style)
    return table


def _row(event: TrajectoryEvent) -> list[str]:
    cameras = " ▸ ".join(f"{visit.camera}…" if visit.open else visit.camera for visit in event.visits)
    link = event.evidence
    probability = f"{link.probability:.2f}" if link is not None and link.similarity is not None else ""
    first = moment(event.visits[0].enter_ns) if event.visits else ""
    last = moment(event.visits[-1].leave_ns) if event.visits else ""
    return [event.identity, event.label, cameras, first, last, probability, event.kind.value]


def camera_table(statuses: "Sequence[CameraStatus]") -> Table:
    """Status of every camera, a row each."""
    names = ("camera", "state", "sessions", "decoded", "skipped", "dropped", "analysed", "waited p95")
    rows = []
    for each in statuses:
        numbers = (each.sessions, each.decoded, each.skipped, each.dropped, each.analysed)
        waited = f"{each.waited_p95_ms:.0f} ms" if each.waited_p95_ms is not None else ""
        rows.append([each.camera, each.state, *map(str, numbers), waited])
    return narrow_table("Cameras", names, rows, left=("state",), wraps="camera")


def foundation_table(statuses: "Sequence[CameraStatus]") -> Table | None:
    """Key frames of the large detector and the reasons for sparing the others; None where there is no such detector."""
    by_camera = {each.camera: each.foundation for each in statuses if each.foundation is not None}
    if not by_camera:
        return None
    usage = next(iter(by_camera.values()))
    title = (
        f"Key frames: {usage.all_calls} calls of {usage.frames_a_call:.1f} frames, {usage.time_share:.0%} of the time"
    )
    names = ["camera", "key frames", *usage.key_frames, "spared", *usage.spared]
    rows = []
    for camera, each in by_camera.items():
        numbers = [sum(each.key_frames.values()), *each.key_frames.values()]
        numbers += [sum(each.spared.values()), *each.spared.values()]
        rows.append([camera, *map(str, numbers)])
    return narrow_table(title, [name.replace("_", " ") for name in names], rows, wraps="camera")


def camera_lines(statuses: "Sequence[CameraStatus]") -> list[Text]:
    """Lines below the table: what is wrong with a camera, and what of it was not delivered or has to be known."""
    lines = []
    for each in statuses:
        wrong = [each.error, f"clock: {each.clock_suspect}" if each.clock_suspect else None]
        wrong += [f"{each.failed} frames could not be analysed" if each.failed else None]
        wrong += [f"{each.unwritten} observations left out" if each.unwritten else None]
        wrong += [f"{each.given_up} records given up" if each.given_up else None]
        for said, style in ((wrong, "red"), ([in_words(each.left_out), *each.notes], "yellow")):
            if any(said):
                lines.append(Text(f"{each.camera}: {'; '.join(filter(None, said))}", style=style))
    return lines


def worker_tables(worker: "PerceptionWorker") -> RenderableType:
    """Status of the cameras of a process, and of its large detector if it has one."""
    from deploy.site.status import camera_statuses

    statuses = camera_statuses(worker)
    tables: list[RenderableType] = [camera_table(statuses), *camera_lines(statuses)]
    if (foundation := foundation_table(statuses)) is not None:
        tables += [Text(), foundation]
    return Group(*tables)


class Unpadded(io.TextIOBase):
    """A stream for lines of tables: what is written to it has no blanks at the ends of lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write it, and return how much of it is taken: all."""
        self._stream.write("\n".join(line.rstrip(" ") for line in text.split("\n")))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()


def make_console(*, highlight: bool = True) -> Console:
    """The terminal; a file or a pipe gets wide lines, so that no reason is cut off, and no padding."""
    if sys.stdout.isatty():
        return Console(highlight=highlight)
    width = None if "COLUMNS" in os.environ else PIPE_COLUMNS
    return Console(file=cast("IO[str]", Unpadded(sys.stdout)), width=width, highlight=highlight)


@contextmanager
def live_view(console: Console, log: Log, worker: "PerceptionWorker | None") -> Iterator[RecentJourneys]:
    """Show cameras and trajectories while the body runs; without a terminal nothing is drawn."""
    if not console.is_terminal:
        yield RecentJourneys()
        return
    with (
        followed(log) as journeys,
        Live(console=console, refresh_per_second=4, transient=True, redirect_stderr=True) as live,
        repeating(lambda: live.update(screen(journeys, worker, console.size)), every_s=REFRESH_S),
    ):
        yield journeys


def screen(journeys: RecentJourneys, worker: "PerceptionWorker | None", size: ConsoleDimensions) -> RenderableType:
    """Cameras, if there is a worker, and the trajectories that a terminal of this size has room for."""
    parts: list[RenderableType] = [] if worker is None else [worker_tables(worker), Text()]
    parts.append(trajectory_lines(journeys.newest(max(5, size.height - 12)), size.width))
    if journeys.problem is not None:
        parts.append(Text(f"nothing new can be read: {journeys.problem}", style="red"))
    if journeys.undecoded.total:
        parts.append(Text(str(journeys.undecoded), style="yellow"))
    return Group(*parts)


def print_lines(lines: list[bytes]) -> None:
    """JSON lines to standard output, at once."""
    sys.stdout.buffer.write(b"".join(line + b"\n" for line in lines))
    sys.stdout.buffer.flush()
