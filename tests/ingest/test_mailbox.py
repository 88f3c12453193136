"""The newest live frame wins and drops are counted; recordings wait and come in order of time."""

import threading

import numpy as np

from ingest.clock import ManualClock
from ingest.frame import ClockQuality, Frame
from ingest.mailbox import Delivery, Mailbox


def delivery(camera: str, at_ns: int, session: int = 0) -> Delivery:
    image = np.zeros((2, 2, 3), np.uint8)
    return Delivery(camera, session, Frame(camera, at_ns, at_ns, ClockQuality.FILE, image))


def cameras_and_times(got: list[Delivery]) -> list[tuple[str, int | None]]:
    return [(each.camera_id, None if each.frame is None else each.frame.captured_ns) for each in got]


def taken_ns(box: Mailbox) -> int | None:
    got = box.take(timeout_s=0)
    return got[0].frame.captured_ns if got and got[0].frame else None


def test_the_newest_live_frame_wins_and_every_drop_is_counted() -> None:
    box = Mailbox()
    box.open("a", 0, live=True)
    for at_ns in range(5):
        assert box.put(delivery("a", at_ns))
    assert taken_ns(box) == 4
    assert taken_ns(box) is None
    assert box.dropped("a") == 4


def test_a_delivery_carries_the_drops_of_its_camera_over_all_sessions() -> None:
    box = Mailbox()
    box.open("a", 0, live=True)
    for at_ns in range(3):
        box.put(delivery("a", at_ns))
    (first,) = box.take(0)
    box.open("a", 1, live=True)
    for at_ns in range(2):
        box.put(delivery("a", at_ns, session=1))
    (second,) = box.take(0)
    assert (first.dropped, second.dropped) == (2, 3)


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
        (got,) = box.take(0)
        turns.append(got.camera_id)
    assert turns.count("slow") == turns.count("fast") == 10


def test_a_camera_whose_frames_come_faster_takes_no_fewer_turns() -> None:
    box = Mailbox(clock := ManualClock())
    for camera in ("slow", "fast"):
        box.open(camera, 0, live=True)
    turns = []
    for step in range(40):
        clock.sleep(0.01)
        for camera, every, put in (("fast", 1, box.renew), ("fast", 2, box.put), ("slow", 4, box.put)):
            if step % every == 0:
                put(delivery(camera, step))
        if step % 4 == 3:
            turns += [each.camera_id for each in box.take(0)]
    assert turns == ["slow", "fast"] * 5


def test_a_waiting_frame_is_renewed_and_none_is_made_of_nothing() -> None:
    box = Mailbox()
    box.open("a", 0, live=True)
    box.renew(delivery("a", 1))
    assert taken_ns(box) is None
    box.put(delivery("a", 2))
    box.renew(delivery("a", 3))
    box.renew(delivery("a", 4, session=1))
    assert taken_ns(box) == 3
    box.put(Delivery("a", 0))
    box.renew(delivery("a", 5))
    (last,) = box.take(0)
    assert last.frame is None
    assert box.dropped("a") == 0


def test_the_end_of_a_session_does_not_replace_its_last_frame() -> None:
    box = Mailbox()
    box.open("a", 0, live=True)
    box.put(delivery("a", 1))
    box.put(Delivery("a", 0))
    assert taken_ns(box) == 1
    (last,) = box.take(0)
    assert last.frame is None
    assert box.dropped("a") == 0


TIMES = {"a": [0, 30, 60, 90], "b": [10, 20, 70], "c": [5]}


def read_in_step(limit: int) -> list[list[tuple[str, int | None]]]:
    """What comes of three recordings, each decoded by a thread of its own."""
    box = Mailbox()
    for camera in TIMES:
        box.open(camera, 0, live=False)

    def decode(camera: str) -> None:
        for at_ns in TIMES[camera]:
            box.put(delivery(camera, at_ns))
        box.put(Delivery(camera, 0))

    threads = [threading.Thread(target=decode, args=(camera,)) for camera in TIMES]
    for thread in threads:
        thread.start()
    seen = []
    ended = 0
    while ended < 3:
        got = box.take(5, limit=limit)
        assert got
        seen.append(cameras_and_times(got))
        if got[0].frame is None:
            ended += 1
            box.shut(got[0].camera_id)
    for thread in threads:
        thread.join()
    assert box.take(0) == []
    return seen


def test_recordings_come_in_order_of_time_and_none_is_dropped() -> None:
    seen = [each for ((_, each),) in read_in_step(limit=1)]
    assert [at_ns for at_ns in seen if at_ns is not None] == sorted(t for each in TIMES.values() for t in each)


def test_frames_of_recordings_that_come_together_are_the_same_every_time() -> None:
    expected = [
        [("a", 0), ("c", 5)],
        [("c", None)],
        [("b", 10)],
        [("b", 20), ("a", 30)],
        [("a", 60), ("b", 70)],
        [("b", None)],
        [("a", 90)],
        [("a", None)],
    ]
    for _ in range(20):
        assert read_in_step(limit=8) == expected


def test_a_slow_decoder_changes_nothing_of_what_comes_together() -> None:
    box = Mailbox()
    for camera in ("a", "b"):
        box.open(camera, 0, live=False)
    for camera, at_ns in (("a", 0), ("b", 1)):
        box.put(delivery(camera, at_ns))
        assert box.take(0, limit=3) == []  # is another one of `a` before that of `b`?
    box.put(delivery("a", 2))
    assert cameras_and_times(box.take(0, limit=3)) == [("a", 0), ("b", 1)]


def live_cameras(*cameras: str) -> Mailbox:
    box = Mailbox()
    for camera in cameras:
        box.open(camera, 0, live=True)
    return box


def test_live_frames_that_wait_come_together_one_a_camera_the_longest_waiting_first() -> None:
    box = live_cameras("a", "b", "c")
    for camera, at_ns in (("b", 7), ("c", 1), ("a", 5), ("c", 2)):
        box.put(delivery(camera, at_ns))
    assert cameras_and_times(box.take(0, limit=2)) == [("b", 7), ("c", 2)]  # another frame, and still its turn
    assert cameras_and_times(box.take(0, limit=2)) == [("a", 5)]
    assert box.take(0, limit=2) == []


def test_others_are_waited_for_until_the_deadline_only() -> None:
    box = live_cameras("a", "b", "dead")
    box.put(delivery("a", 1))
    late = threading.Timer(0.05, lambda: box.put(delivery("b", 2)))
    late.start()
    assert cameras_and_times(box.take(0, limit=3, within_s=0.5)) == [("a", 1), ("b", 2)]
    late.join()
    box.put(delivery("a", 3))
    assert cameras_and_times(box.take(0, limit=3, within_s=0.01)) == [("a", 3)]


def test_nobody_waits_for_a_camera_that_will_not_come() -> None:
    """With all there is in hand, or the rest shut, an hour's deadline is no wait."""
    box = live_cameras("a", "b", "c")
    box.put(delivery("a", 1))
    box.put(delivery("b", 2))
    box.shut("c")
    assert cameras_and_times(box.take(0, limit=8, within_s=3600)) == [("a", 1), ("b", 2)]


def test_an_end_comes_alone() -> None:
    box = live_cameras("a", "b")
    box.put(delivery("a", 1))
    box.put(Delivery("a", 0))
    box.put(Delivery("b", 0))
    assert cameras_and_times(box.take(0, limit=8)) == [("a", 1)]
    assert cameras_and_times(box.take(0, limit=8)) == [("a", None)]
    assert cameras_and_times(box.take(0, limit=8)) == [("b", None)]


def test_a_paced_camera_goes_before_recordings_and_not_among_them() -> None:
    box = live_cameras("live")
    box.open("a", 0, live=False)
    box.put(delivery("a", 1))
    box.put(delivery("live", 9))
    assert cameras_and_times(box.take(0, limit=8)) == [("live", 9)]
    assert cameras_and_times(box.take(0, limit=8)) == [("a", 1)]


def test_a_recording_waits_for_the_others() -> None:
    box = Mailbox()
    box.open("a", 0, live=False)
    box.open("b", 0, live=False)
    box.put(delivery("a", 1))
    assert box.take(0) == []
    box.shut("b")
    assert taken_ns(box) == 1


def test_an_abandoned_session_is_not_listened_to() -> None:
    box = Mailbox()
    box.open("a", 0, live=True)
    box.put(delivery("a", 1))
    box.open("a", 1, live=True)
    assert box.take(0) == []
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


def test_a_frame_that_comes_after_an_end_does_not_replace_it() -> None:
    box = live_cameras("a")
    box.put(Delivery("a", 0))
    assert box.put(delivery("a", 1))
    (end,) = box.take(0)
    assert end.frame is None
    assert taken_ns(box) == 1
    assert box.dropped("a") == 0


def test_waiting_times_are_those_of_the_frames_that_were_fetched() -> None:
    """A frame that was replaced has no waiting time, and its successor's begins when that came."""
    box = Mailbox(clock := ManualClock())
    box.open("a", 0, live=True)
    box.put(delivery("a", 1))
    clock.sleep(5.0)
    box.put(delivery("a", 2))
    clock.sleep(0.25)
    assert taken_ns(box) == 2
    assert box.ages_s("a") == [0.25]
    assert box.ages_s("none") == []


def test_drops_are_counted_over_all_sessions() -> None:
    box = live_cameras("a")
    for session in range(3):
        box.open("a", session, live=True)
        for at_ns in range(3):
            box.put(delivery("a", at_ns, session))
        assert taken_ns(box) == 2
    assert box.dropped("a") == 6
    assert box.dropped("none") == 0


def test_a_camera_that_was_shut_takes_nothing_more_until_it_is_opened_again() -> None:
    box = live_cameras("a")
    box.put(delivery("a", 1))
    box.shut("a")
    assert box.take(0) == []
    assert not box.put(delivery("a", 2))
    assert not box.put(Delivery("a", 0))
    box.open("a", 1, live=True)
    assert box.put(delivery("a", 3, session=1))
    assert taken_ns(box) == 3
