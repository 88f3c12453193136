"""Tables for 80 columns in a terminal, unpadded in a pipe."""

import io
from typing import Any

import msgspec
import pytest
from rich.console import Console

from associate.trajectory import Kind, TrajectoryEvent, Visit, decode
from deploy.cli.terminal.screen import (
    camera_lines,
    camera_table,
    foundation_table,
    make_console,
    screen,
    trajectory_lines,
    trajectory_table,
)
from deploy.log.base import StoredRecord
from deploy.log.topics import TRAJECTORIES
from deploy.results.recent_journeys import RecentJourneys
from deploy.site.status import CameraStatus, FoundationStatus
from ingest.clock import NS
from tests.associate.samples import event

FOUNDATION = FoundationStatus(
    key_frames={"first": 1, "new": 234_567, "unsure": 12_345, "stale": 99},
    spared={"still": 1_234_567, "explained": 2_345_678, "over_budget": 12_345, "failed": 0},
    all_calls=1000,
    frames_a_call=3.5,
    time_share=0.5,
)
BUSY = CameraStatus(
    camera="motorway-north-gate-17",
    state="reconnecting",
    sessions=1234,
    decoded=123_456_789,
    skipped=98_765_432,
    dropped=1_234_567,
    analysed=23_456_789,
    failed=0,
    asked_fps=8,
    analyse_fps=8,
    waited_p95_ms=12_345.6,
    foundation=FOUNDATION,
    error="camera 'north': cannot open rtsp://10.0.0.1/x: " + "no route to host; " * 8 + "the end",
)
LONG = msgspec.structs.replace(
    event(),
    identity="zone-123456",
    at_ns=1_800_000_000 * NS,
    visits=[
        Visit(camera=f"camera-{number}", observation="o", enter_ns=1_800_000_000 * NS, leave_ns=1_800_000_001 * NS)
        for number in range(40)
    ],
)


def _shown(what: Any, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=40)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("name", ["cameras", "foundation", "trajectories", "lines"])
def test_tables_fit_80_columns_and_no_number_is_broken(name: str) -> None:
    shown = _shown(
        {
            "cameras": camera_table([BUSY]),
            "foundation": foundation_table([msgspec.structs.replace(BUSY, camera="north")]),
            "trajectories": trajectory_table([LONG]),
            "lines": trajectory_lines([LONG], 80),
        }[name]
    )
    words = {
        "cameras": ["123456789", "98765432", "23456789", "1234567", "reconnecting", "12346 ms"],
        "foundation": ["234567", "1234567", "2345678", "explained"],
        "trajectories": ["zone-123456", "extended", "0.97"],
        "lines": ["zone-123456", "extended", "0.97", "camera-39"],
    }[name]
    assert max(map(len, shown)) <= 80
    for word in words:
        assert any(word in line for line in shown), word


def test_the_reason_is_whole_however_narrow_the_terminal_is() -> None:
    (line,) = camera_lines([BUSY])
    assert " ".join(" ".join(_shown(line, 60)).split()).endswith("the end")


def test_lines_say_what_the_table_says() -> None:
    events = [event(), msgspec.structs.replace(event(), identity="z-17", kind=Kind.CLOSED)]
    in_table = [line.split() for line in _shown(trajectory_table(events), 120)]
    assert [line.split() for line in _shown(trajectory_lines(events, 120), 120)] == in_table


def test_nothing_is_padded_in_a_pipe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    make_console().print(trajectory_table([event(), event()]))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4  # title, header, and a row each
    assert lines == [line.rstrip() for line in lines]


def test_the_screen_has_room_for_the_newest_and_says_what_is_wrong() -> None:
    journeys = RecentJourneys()
    for number in range(100):
        journeys.take(_numbered(number))
    journeys.problem = "the broker is away"
    for offset in (1, 2):
        journeys.undecoded.decode(TRAJECTORIES, StoredRecord(offset, "z", b"{}", 0), decode)
    console = Console(width=80, height=30)
    shown = "\n".join(_shown(screen(journeys, None, console.size)))
    assert shown.count("z-") == 18
    assert "z-99" in shown
    assert "nothing new can be read: the broker is away" in shown
    assert "2 records of the topic trajectories cannot be decoded" in " ".join(shown.split())


def _numbered(number: int) -> TrajectoryEvent:
    return msgspec.structs.replace(event(), identity=f"z-{number}", at_ns=number * NS)
