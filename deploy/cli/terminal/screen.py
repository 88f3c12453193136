"""The terminal view: cameras, and vehicles moving from camera to camera."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from associate.trajectory import Kind, TrajectoryEvent
from deploy.log.base import Log
from deploy.results.journeys import Journeys, read_events
from deploy.site.repeating import repeating
from ingest.clock import NS
from ingest.decoding.left_out import in_words

if TYPE_CHECKING:
    from deploy.site.perception_worker import PerceptionWorker  # loads every library there is
    from deploy.site.status import CameraStatus

REFRESH_S = 0.25
PIPE_COLUMNS = 200
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


def trajectory_table(journeys: Journeys, rows: int) -> Table:
    """The identities that moved last, newest first."""
    table = Table(title="Trajectories", title_justify="left", expand=True, box=None, header_style="bold cyan")
    for name, justify in (
        ("identity", "left"),
        ("class", "left"),
        ("cameras", "left"),
        ("first", "right"),
        ("last", "right"),
    ):
        table.add_column(name, justify=justify, no_wrap=name != "cameras")  # type: ignore[arg-type]
    table.add_column("p", justify="right")
    table.add_column("state")
    recent = sorted(journeys.latest.values(), key=lambda event: (-event.at_ns, event.identity))[:rows]
    for event in recent:
        table.add_row(*_row(event), style=STATE_STYLES.get(event.kind, "default"))
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
    table = Table(title="Cameras", title_justify="left", expand=True, box=None, header_style="bold cyan")
    for name in ("camera", "state", "sessions", "decoded", "skipped", "dropped", "analysed", "waited p95", "note"):
        table.add_column(name, justify="left" if name in ("camera", "state", "note") else "right")
    for status in statuses:
        notes = [status.error, f"clock: {status.clock_suspect}" if status.clock_suspect else None]
        notes += [f"{status.failed} frames could not be analysed" if status.failed else None]
        notes += [f"{status.unwritten} observations left out" if status.unwritten else None]
        notes += [f"{status.given_up} records given up" if status.given_up else None]
        numbers = (status.sessions, status.decoded, status.skipped, status.dropped, status.analysed)
        waited = f"{status.waited_p95_ms:.0f} ms" if status.waited_p95_ms is not None else ""
        note = Text("; ".join(filter(None, notes)), style="red", overflow="ellipsis", no_wrap=True)
        table.add_row(status.camera, status.state, *map(str, numbers), waited, note)
    return table


def foundation_table(statuses: "Sequence[CameraStatus]") -> Table | None:
    """Key frames of the large detector and the reasons for sparing the others; None where there is no such detector."""
    by_camera = {each.camera: each.foundation for each in statuses if each.foundation is not None}
    if not by_camera:
        return None
    usage = next(iter(by_camera.values()))
    title = (
        f"Key frames: {usage.all_calls} calls of {usage.frames_a_call:.1f} frames, {usage.time_share:.0%} of the time"
    )
    table = Table(title=title, title_justify="left", expand=True, box=None, header_style="bold cyan")
    table.add_column("camera")
    for name in ("key frames", *usage.key_frames, "spared", *usage.spared):
        table.add_column(name.replace("_", " "), justify="right")
    for camera, each in by_camera.items():
        numbers = [sum(each.key_frames.values()), *each.key_frames.values()]
        numbers += [sum(each.spared.values()), *each.spared.values()]
        table.add_row(camera, *map(str, numbers))
    return table


def left_out_lines(statuses: "Sequence[CameraStatus]") -> list[Text]:
    """A line for every camera of which something was not delivered, or of which something has to be known."""
    told = [(each.camera, [in_words(each.left_out), *each.notes]) for each in statuses]
    return [Text(f"{camera}: {'; '.join(filter(None, said))}", style="yellow") for camera, said in told if any(said)]


def worker_tables(worker: "PerceptionWorker") -> RenderableType:
    """Status of the cameras of a process, and of its large detector if it has one."""
    from deploy.site.status import camera_statuses

    statuses = camera_statuses(worker)
    tables: list[RenderableType] = [camera_table(statuses), *left_out_lines(statuses)]
    if (foundation := foundation_table(statuses)) is not None:
        tables += [Text(), foundation]
    return Group(*tables)


def make_console() -> Console:
    """The terminal; a file or a pipe gets wide lines, so that no reason is cut off."""
    wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=PIPE_COLUMNS if wide else None)


@contextmanager
def live_view(console: Console, log: Log, worker: "PerceptionWorker | None") -> Iterator[None]:
    """Show cameras and trajectories while the body runs; without a terminal nothing is drawn."""
    journeys, state = Journeys(), {"offset": 0}

    def refresh() -> RenderableType:
        events, state["offset"] = read_events(log, state["offset"])
        for event in events:
            journeys.take(event)
        table = trajectory_table(journeys, max(5, console.height - 12))
        return Group(worker_tables(worker), Text(), table) if worker is not None else table

    if not console.is_terminal:
        yield
        return
    with Live(console=console, refresh_per_second=4, transient=True, redirect_stderr=True) as live:
        with repeating(lambda: live.update(refresh()), every_s=REFRESH_S):
            yield
        live.update(refresh())


def print_lines(lines: list[bytes]) -> None:
    """JSON lines to standard output, at once."""
    sys.stdout.buffer.write(b"".join(line + b"\n" for line in lines))
    sys.stdout.buffer.flush()
