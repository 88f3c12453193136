"""Cameras that catch up after an outage of the log: neither idle nor late, and not waited for longer than is due."""

from collections.abc import Iterable

import msgspec
import numpy as np
import pytest

from associate.reorder import ReorderBuffer, Verdict
from embed.observation import CameraEpoch, Tick
from ingest.clock import NS

IDLE_S = 10.0
BEGIN_S = 1_700_000_000
OUTAGE_S = (20, 320)
Said = tuple[Tick, int]
"""A tick and its append time, Unix nanoseconds."""


def said(camera: str, at_s: int, appended_s: float | None = None, *, behind_s: float | None = None) -> Said:
    """A tick of a second; by default it is appended at once, and says itself for how long it was held back."""
    appended_s = at_s if appended_s is None else appended_s
    behind_s = appended_s - at_s if behind_s is None else behind_s
    tick = Tick(
        camera=camera,
        epoch=CameraEpoch(1, 0),
        sequence=at_s,
        at_ns=(BEGIN_S + at_s) * NS,
        count=at_s + 1,
        behind_ns=round(behind_s * NS),
    )
    return tick, round((BEGIN_S + appended_s) * NS)


def seconds(camera: str, begin: int, end: int) -> list[Said]:
    return [said(camera, at_s) for at_s in range(begin, end)]


def caught_up(camera: str, begins_s: float, *, behind: bool = True) -> list[Said]:
    """What a camera said during the outage, all within a second."""
    begin, end = OUTAGE_S
    return [
        said(camera, at_s, begins_s + place / (end - begin), behind_s=None if behind else 0.0)
        for place, at_s in enumerate(range(begin, end))
    ]


class Machine:
    """A buffer that is given everything in the order of appending."""

    def __init__(self, *cameras: str) -> None:
        self._buffer = ReorderBuffer(cameras, idle_after_s=IDLE_S)
        self.released: list[str] = []
        self.late = 0

    def take(self, everything: Iterable[Said]) -> None:
        for tick, appended_ns in everything:
            self.late += self._buffer.push(tick, appended_ns) is Verdict.LATE
            self.released += [record.id for record in self._buffer.release(appended_ns)]

    def passed_s(self, now: Said) -> float:
        watermark = self._buffer.watermark_ns(now[1])
        assert watermark is not None
        return watermark / NS - BEGIN_S


def interleaved(*parts: list[Said]) -> list[Said]:
    return sorted((each for part in parts for each in part), key=lambda each: each[1])


def undisturbed(end: int) -> list[str]:
    machine = Machine("a", "b")
    machine.take(interleaved(seconds("a", 0, end), seconds("b", 0, end)))
    return machine.released


def outage(*, second_after_s: float, behind: bool = True) -> Machine:
    """Two processes; the second one comes back to the log some seconds after the first has caught up."""
    machine = Machine("a", "b")
    begin, end = OUTAGE_S
    machine.take(interleaved(seconds("a", 0, begin), seconds("b", 0, begin)))
    machine.take(caught_up("a", end, behind=behind))
    later = end + 1 + int(second_after_s)
    machine.take(seconds("a", end, later))
    machine.take(caught_up("b", later, behind=behind))
    machine.take(interleaved(seconds("a", later + 1, later + 40), seconds("b", end, later + 40)))
    return machine


def test_after_an_outage_nothing_is_late_and_the_order_is_that_of_an_undisturbed_run() -> None:
    for second_after_s in (0.0, 3.0, 9.0):
        machine = outage(second_after_s=second_after_s)
        assert machine.late == 0
        assert len(machine.released) > 600
        wanted = [each for each in undisturbed(400) if each in set(machine.released)]
        assert machine.released == wanted


def test_without_that_word_the_second_process_would_be_idle_and_late() -> None:
    assert outage(second_after_s=0.0, behind=False).late > 250


def test_a_camera_that_does_not_come_back_is_waited_for_as_long_as_ever() -> None:
    machine = Machine("a", "b")
    begin, end = OUTAGE_S
    machine.take(interleaved(seconds("a", 0, begin), seconds("b", 0, begin)))
    machine.take(caught_up("a", end))
    for at_s in range(end, end + 14):
        now = said("a", at_s)
        machine.take([now])
        waits = at_s < end + IDLE_S + 1
        assert machine.passed_s(now) == (begin - 1 if waits else at_s)


def test_one_that_breaks_off_amid_its_catching_up_is_waited_for_until_what_it_promised() -> None:
    machine = Machine("a", "b")
    begin, end = OUTAGE_S
    machine.take(interleaved(seconds("a", 0, begin), seconds("b", 0, begin)))
    machine.take(caught_up("a", end))
    machine.take(caught_up("b", end)[:50])
    for at_s in range(end + 1, end + 20):
        now = said("a", at_s)
        machine.take([now])
        assert (machine.passed_s(now) == at_s) == (at_s > end + IDLE_S)


def test_a_camera_that_was_idle_before_the_outage_holds_nobody_up() -> None:
    machine = Machine("a", "b", "dead")
    begin, end = OUTAGE_S
    machine.take([said("dead", 0)])
    machine.take(interleaved(seconds("a", 0, begin), seconds("b", 0, begin)))
    machine.take(interleaved(caught_up("a", end), caught_up("b", end)))
    assert machine.passed_s(said("a", end)) == end - 1


@pytest.mark.parametrize("delays_s", [[3.0], [3.0, 0.0, 0.0], [3.0, 0.0]], ids=["always", "now and then", "in turns"])
def test_a_log_that_is_always_late_keeps_no_dead_camera_alive(delays_s: list[float]) -> None:
    machine = Machine("a", "dead")
    machine.take(interleaved(seconds("a", 0, 20), seconds("dead", 0, 20)))
    passed = []
    for at_s in range(20, 60):
        now = said("a", at_s, at_s + 3.0, behind_s=delays_s[at_s % len(delays_s)])
        machine.take([now])
        passed.append(machine.passed_s(now))
    assert passed[:8] == [19.0] * 8
    assert passed[15:] == [float(at_s) for at_s in range(35, 60)]


def test_a_delay_that_cannot_be_holds_nobody_up() -> None:
    """A tick cannot have been held back for longer than since it was said."""
    machine = Machine("a", "b")
    machine.take([said("b", 0, behind_s=86_000.0), said("a", 0)])
    machine.take(seconds("a", 1, 20))
    assert machine.passed_s(said("a", 20)) == 19


def test_without_append_times_event_time_decides() -> None:
    buffer = ReorderBuffer(("a", "b"), idle_after_s=IDLE_S)
    for tick, _ in [*seconds("b", 0, 1), *seconds("a", 0, 20)]:
        buffer.push(tick)
        buffer.release()
    assert buffer.watermark_ns() == (BEGIN_S + 19) * NS


def test_of_messages_that_say_they_are_one_the_first_is_taken() -> None:
    """Their camera counts them as two, so that its counter does not tell."""
    buffer = ReorderBuffer(("a",), idle_after_s=IDLE_S)
    tick, appended_ns = said("a", 1)
    again = msgspec.structs.replace(tick, count=3, decoded=5)
    assert [buffer.push(each, appended_ns) for each in (tick, again)] == [Verdict.TAKEN, Verdict.DUPLICATE]
    assert buffer.release(appended_ns) == [tick]
    assert not buffer.release(appended_ns)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_held_back_is_what_asking_all_cameras_would_hold_back(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Most messages do not ask all cameras; nothing is released later, earlier or in another order for that."""
    rng, names = np.random.default_rng(seed), "abcde"
    clocks, everything = dict.fromkeys(names, 0), list[Said]()
    for appended_s in range(300):
        for name in rng.permutation(list(names[: 3 + appended_s // 100])).tolist():
            silent = rng.random() < 0.3 or (name == "b" and 100 <= appended_s < 130)
            if not silent:
                clocks[name] = max(clocks[name] + 1, appended_s - int(rng.integers(4)))
                everything.append(said(name, clocks[name], appended_s))
    machine = Machine(*names)
    machine.take(everything)
    monkeypatch.setattr(ReorderBuffer, "_held_back", lambda _: False)
    asking = Machine(*names)
    asking.take(everything)
    assert len(asking.released) > 700
    assert (machine.released, machine.late) == (asking.released, asking.late)
