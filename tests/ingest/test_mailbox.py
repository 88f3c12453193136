"""The newest live frame wins and drops are counted; recordings wait and come in order of time."""

import threading

import numpy as np

from ingest.clock import ManualClock
from ingest.frame import ClockQuality, Frame
from ingest.mailbox import Delivery, Mailbox


def delivery(camera: str, at_ns: int, session: int = 0) -> Delivery:
    image = np.zeros((2, 2, 3), np.uint8)
    return Delivery(camera, session, Frame(camera, at_ns, at_ns, ClockQuality.FILE, image))


def taken_ns(box: Mailbox) -> int | None:
    got = box.take(timeout_s=0)
    return got.frame.captured_ns if got and got.frame else None


def test_the_newest_live_frame_wins_and_every_drop_is_counted() -> None:
    box = Mailbox()
    box.open("a", 0, live=True)
    for at_ns in range(5):
        assert box.put(delivery("a", at_ns))
    assert taken_ns(box) == 4
    assert taken_ns(box) is None
    assert box.dropped("a") == 4


def test_a_camera_with_a_late_clock_takes_no_more_turns_than_others() -> None:
    box = Mailbox(clock := ManualClock())
    for camera in ("slow", "fast"):
        box.open(camera, 0, live=True)
    turns = []
    for step in range(20):
        for camera, offset_ns in (("slow", 0), ("fast", 10**12)):
            if step % 2 == 0:
                clock.sleep(0.01)
                box.put(delivery(camera, offset_ns + step))
        got = box.take(0)
        assert got is not None
        turns.append(got.camera_id)
    assert turns.count("slow") == turns.count("fast") == 10


def test_the_end_of_a_session_does_not_replace_its_last_frame() -> None:
    box = Mailbox()
    box.open("a", 0, live=True)
    box.put(delivery("a", 1))
    box.put(Delivery("a", 0))
    assert taken_ns(box) == 1
    last = box.take(0)
    assert last is not None
    assert last.frame is None
    assert box.dropped("a") == 0


def test_recordings_come_in_order_of_time_and_none_is_dropped() -> None:
    box = Mailbox()
    times = {"a": [0, 30, 60, 90], "b": [10, 20, 70], "c": [5]}
    for camera in times:
        box.open(camera, 0, live=False)

    def decode(camera: str) -> None:
        for at_ns in times[camera]:
            box.put(delivery(camera, at_ns))
        box.put(Delivery(camera, 0))

    threads = [threading.Thread(target=decode, args=(camera,)) for camera in times]
    for thread in threads:
        thread.start()
    seen = []
    ended = 0
    while ended < 3:
        got = box.take(5)
        assert got is not None
        if got.frame is None:
            ended += 1
            box.shut(got.camera_id)
        else:
            seen.append(got.frame.captured_ns)
    for thread in threads:
        thread.join()
    assert seen == sorted(t for each in times.values() for t in each)


def test_a_recording_waits_for_the_others() -> None:
    box = Mailbox()
    box.open("a", 0, live=False)
    box.open("b", 0, live=False)
    box.put(delivery("a", 1))
    assert box.take(0) is None
    box.shut("b")
    assert taken_ns(box) == 1


def test_an_abandoned_session_is_not_listened_to() -> None:
    box = Mailbox()
    box.open("a", 0, live=True)
    box.put(delivery("a", 1))
    box.open("a", 1, live=True)
    assert box.take(0) is None
    assert not box.put(delivery("a", 2, session=0))
    assert box.put(delivery("a", 3, session=1))


def test_a_decoder_that_waits_is_freed_when_its_camera_is_shut() -> None:
    box = Mailbox()
    box.open("a", 0, live=False)
    box.put(delivery("a", 1))
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(box.put(delivery("a", 2))))
    thread.start()
    box.shut("a")
    thread.join(5)
    assert answers == [False]
