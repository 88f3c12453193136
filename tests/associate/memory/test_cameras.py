"""Cameras that have spoken."""

import pytest

from associate.memory.cameras import Cameras
from embed.observation import CameraEpoch
from ingest.clock import NS

FIRST, SECOND = CameraEpoch(1, 0), CameraEpoch(2, 0)


def test_cameras_have_indexes_in_the_order_of_their_first_words() -> None:
    cameras = Cameras()
    assert [cameras.hear(name, FIRST, 5) for name in ("south", "north", "south")] == [True, True, False]
    assert cameras.names == ["south", "north"]
    assert cameras.hear("south", SECOND, 7)
    assert (cameras["south"].index, cameras["south"].epoch, cameras["south"].since_ns) == (0, SECOND, 7)
    assert cameras["north"].since_ns == 5


def test_silence_is_noted_of_cameras_that_have_spoken() -> None:
    cameras = Cameras()
    cameras.hear("north", FIRST, 5)
    cameras.not_heard("north", 9)
    cameras.not_heard("south", 9)
    assert cameras["north"].since_ns == 9
    assert "south" not in cameras


@pytest.mark.parametrize(
    ("changed_s", "at_s", "known"),
    [(None, 0, True), (100, 100, False), (100, 219, False), (100, 220, True)],
    ids=["never changed", "just now", "memory and past are half of before", "twice the memory later"],
)
def test_a_changed_camera_is_known_again_after_twice_the_memory(changed_s: int | None, at_s: int, known: bool) -> None:
    cameras = Cameras()
    cameras.hear("north", FIRST, 5)
    if changed_s is not None:
        cameras.note_change("north", changed_s * NS)
    assert cameras.known_again("north", at_s * NS, memory_s=60.0) is known
