"""Progress of local sources: a frame, or processor time of a thread that reads."""

import threading

import pytest

from ingest.clock import NS, ManualClock, SystemClock, thread_cpu_s
from ingest.reading import LOOKED_AT_MOST_S, ReadingProgress

CPU = {
    "it hangs": ([5.0] * 70, 69.0),
    "it works all the time": ([0.01 * second for second in range(70)], 0.0),
    "it worked once in the middle": ([5.0] * 40 + [5.01] * 30, 29.0),
    "its thread has ended": ([None] * 70, 69.0),
}
"""By name: the thread's processor time at every second, and for how long there was no progress at the end."""


@pytest.mark.parametrize(("used_s", "expected_s"), CPU.values(), ids=CPU)
def test_processor_time_is_progress(used_s: list[float | None], expected_s: float) -> None:
    clock, seconds = ManualClock(), iter(used_s)
    progress = ReadingProgress(clock, cpu_s=lambda thread: next(seconds))
    progress.begin("a")
    for _ in used_s:
        clock.sleep(1)
        idle_s = progress.idle_s()
    assert idle_s == pytest.approx(expected_s, abs=1)


def test_a_frame_is_progress() -> None:
    clock = ManualClock()
    progress = ReadingProgress(clock, cpu_s=lambda thread: 1.0)
    for _ in range(50):
        clock.sleep(1)
        progress.idle_s()
    assert progress.idle_s() > 40
    progress.frame()
    assert progress.idle_s() == 0


def test_time_in_which_nobody_looked_hardly_counts() -> None:
    """The process was stopped, or the machine: nothing could be seen of the reading."""
    clock = ManualClock()
    progress = ReadingProgress(clock, cpu_s=lambda thread: 1.0)
    clock.sleep(1)
    before_s = progress.idle_s()
    clock.sleep(3600)
    assert progress.idle_s() <= before_s + LOOKED_AT_MOST_S


def test_cameras_that_share_it_wait_for_each_other() -> None:
    """One camera of the city holds the renderer, the others wait for it: that is progress of all of them."""
    clock = ManualClock(10 * NS)
    used_s: dict[int, float] = {}
    progress = ReadingProgress(clock, cpu_s=lambda thread: used_s.get(thread, 0.0))
    works, done = threading.Event(), threading.Event()

    def read(camera: str) -> None:
        progress.begin(camera)
        used_s[threading.get_native_id()] = 1.0
        works.set()
        done.wait(20)
        progress.end(camera)

    threads = [threading.Thread(target=read, args=(camera,)) for camera in ("a", "b")]
    for thread in threads:
        thread.start()
        assert works.wait(20)
        works.clear()
    for _ in range(100):
        clock.sleep(1)
        used_s[threads[0].native_id or 0] += 0.1
        assert progress.idle_s() == 0
    done.set()
    for thread in threads:
        thread.join()


def test_processor_time_of_a_thread_as_the_system_counts_it() -> None:
    enough, clock = threading.Event(), SystemClock()

    def work() -> None:
        while not enough.is_set():
            sum(range(1000))

    threads = [threading.Thread(target=work), threading.Thread(target=enough.wait)]
    for thread in threads:
        thread.start()
    working, waiting = (thread.native_id or 0 for thread in threads)
    for _ in range(600):
        if (thread_cpu_s(working) or 0) >= 0.05:
            break
        clock.sleep(0.05)
    assert (thread_cpu_s(working) or 0) >= 0.05
    assert (thread_cpu_s(waiting) or 0) < 0.05
    enough.set()
    for thread in threads:
        thread.join()
    for _ in range(200):  # the system takes a moment to forget it
        if thread_cpu_s(working) is None:
            break
        clock.sleep(0.05)
    assert thread_cpu_s(working) is None
