"""Position and speed of a tracklet, from the path of an observation."""

from associate.rows import Box
from embed.observation import Observation


def path_of(seen: Observation) -> list[Box]:
    """The boxes of an observation's path: centre, width and height in shares of the frame."""
    return [_box(seen, at) for at in range(len(seen.path))]


def _box(seen: Observation, at: int) -> Box:
    """Centre, width and height of a box of the path, in shares of the frame."""
    width, height = seen.frame_size
    box = seen.path[at]
    left, right = box.left / 10 / width, box.right / 10 / width
    top, bottom = box.top / 10 / height, box.bottom / 10 / height
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def speed_of(seen: Observation, boxes: list[Box]) -> tuple[float, float] | None:
    """Speed of the latest second, shares of the frame a second; None where the path says nothing."""
    if len(boxes) < 2:
        return None
    latest_us = seen.path[-1].offset_us
    first = next(at for at, box in enumerate(seen.path) if box.offset_us >= latest_us - 1_000_000)
    seconds = max((latest_us - seen.path[first].offset_us) / 1e6, 0.1)
    if first == len(boxes) - 1:
        return None
    return (boxes[-1][0] - boxes[first][0]) / seconds, (boxes[-1][1] - boxes[first][1]) / seconds
