"""Log lines on cameras: one for each that comes, goes, or changes its clock, none twice, and a summary a minute."""

import logging
from collections.abc import Sequence

import msgspec
import pytest

from deploy.site.journal import CameraJournal
from deploy.site.status import CameraStatus
from ingest.clock import NS, ManualClock

NEW = CameraStatus(
    camera="a", state="opening", sessions=0, decoded=0, skipped=0, dropped=0, analysed=0, failed=0, asked_fps=8.0,
    analyse_fps=8.0,
)  # fmt: skip


def now(before: CameraStatus = NEW, **changes: object) -> CameraStatus:
    return msgspec.structs.replace(before, **changes)


OPEN = now(state="running", sessions=1, clock="arrival")
REFUSED = "camera 'a': cannot open rtsp://north: Connection refused"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1000 * NS)


def lines_of(
    clock: ManualClock, caplog: pytest.LogCaptureFixture, *looks: tuple[float, list[CameraStatus]]
) -> list[str]:
    """The lines of looks at given seconds, the level's first letter before each."""
    journal = CameraJournal(clock)
    with caplog.at_level(logging.INFO, "deploy.site.journal"):
        for at_s, statuses in looks:
            clock.sleep(1000 + at_s - clock.monotonic_s())
            journal.look(statuses)
    return [f"{record.levelname[0]} {record.getMessage()}" for record in caplog.records]


Story = tuple[Sequence[tuple[float, CameraStatus]], list[str]]

STORIES: dict[str, Story] = {
    "nothing happens": ([(0, NEW), (1, NEW)], []),
    "comes": ([(0, NEW), (1, now(OPEN, clock=None)), (2, now(OPEN, clock=None))], ["I camera 'a' is open"]),
    "never comes, and is tried again": (
        [
            (1, now(state="waiting", lost={"error": 1}, error=REFUSED)),
            (9, now(state="waiting", lost={"error": 2}, error=REFUSED)),
            (20, now(state="waiting", lost={"error": 3}, error=REFUSED)),
        ],
        [f"W {REFUSED} (error; it is opened again until it answers)"],
    ),
    "another reason": (
        [
            (1, now(state="waiting", lost={"error": 1}, error=REFUSED)),
            (9, now(state="refused", lost={"error": 1, "refused": 1}, error="camera 'a': 401 Unauthorized")),
        ],
        [
            f"W {REFUSED} (error; it is opened again until it answers)",
            "W camera 'a': 401 Unauthorized (refused; it is opened again until it answers)",
        ],
    ),
    "goes and is back": (
        [
            (1, OPEN),
            (5, now(OPEN, state="waiting", lost={"ended": 1})),
            (9, now(OPEN, state="waiting", lost={"ended": 1, "error": 1}, error=None)),
            (12, now(OPEN, sessions=2, lost={"ended": 1, "error": 1})),
        ],
        [
            "I camera 'a' is open",
            "I camera 'a': capture times by its clock 'arrival'",
            "W camera 'a' is gone (ended; it is opened again until it answers)",
            "I camera 'a' is open again after 7.0 s (session 2; lost so far: ended 1, error 1)",
        ],
    ),
    "goes and is back between two looks": (
        [(1, now(OPEN, clock=None)), (2, now(OPEN, clock=None, sessions=2, lost={"ended": 1}))],
        [
            "I camera 'a' is open",
            "I camera 'a' is open again (session 2; lost so far: ended 1)",
            "W camera 'a' is gone (ended; it is opened again until it answers)",
        ],
    ),
    "a stall, which the worker logs": (
        [(1, now(OPEN, clock=None)), (30, now(OPEN, clock=None, state="opening", lost={"stalled": 1}, error="x"))],
        ["I camera 'a' is open"],
    ),
    "a recording ends": (
        [
            (1, now(OPEN, clock=None)),
            (2, now(OPEN, clock=None, state="ended", decoded=100)),
            (3, now(OPEN, clock=None, state="ended", decoded=100)),
        ],
        ["I camera 'a' is open", "I camera 'a' has ended: 100 frames decoded"],
    ),
    "its clock comes, is wrong, and is believed again": (
        [
            (1, OPEN),
            (2, now(OPEN, clock="rtcp")),
            (3, now(OPEN, clock=None)),  # between two sessions
            (4, now(OPEN, clock="rtcp")),
            (5, now(OPEN, clock="arrival", clock_suspect="it is 3.0 s behind")),
            (6, now(OPEN, clock="arrival", clock_suspect="it is 3.1 s behind")),
            (7, now(OPEN, clock="rtcp")),
        ],
        [
            "I camera 'a' is open",
            "I camera 'a': capture times by its clock 'arrival'",
            "W camera 'a': capture times by clock 'rtcp' instead of 'arrival'",
            "W camera 'a': capture times by clock 'arrival' instead of 'rtcp': its own clock is not used, "
            "it is 3.0 s behind",
            "W camera 'a': capture times by clock 'rtcp' instead of 'arrival'",
        ],
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_what_a_camera_does_is_a_line_and_not_two(
    name: str, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    looks, expected = STORIES[name]
    assert lines_of(clock, caplog, *((at_s, [status]) for at_s, status in looks)) == expected


def test_a_summary_a_minute(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    a, b = now(OPEN, clock=None, waited_p95_ms=12.0), now(camera="b", state="waiting")
    looks: list[tuple[float, list[CameraStatus]]] = []
    for second in range(130):
        looks.append((second, [now(a, analysed=8 * second, dropped=second, given_up=second // 60), b]))
    lines = [line for line in lines_of(clock, caplog, *looks) if "cameras running" in line]
    summary = (
        "I in 60 s: 1 of 2 cameras running, 480 frames analysed (8.0 a second), 60 dropped, 0 failed, "
        "0 observations left out, 1 records given up, waiting at most 12 ms (p95); not running: b waiting"
    )
    assert lines == [summary, summary]
