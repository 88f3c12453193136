"""The frames of a run are found again from what it tells."""

import numpy as np
import pytest

from ingest.clock import NS
from tests.bench.tracking import analysed as frames_at
from training.scoring.timing import FrameCount, analysed_frames, frame_times_ns, nearest_frames


def test_nearest_frames_count_from_one() -> None:
    times_ns = frame_times_ns(5, 25.0, 1000)
    assert (times_ns - 1000).tolist() == [0, 40_000_000, 80_000_000, 120_000_000, 160_000_000]
    frames, off = nearest_frames(times_ns + np.array([0, 4_000_000, -4_000_000, 0, 40_000_000]), times_ns)
    assert frames.tolist() == [1, 2, 3, 4, 5]
    assert off.tolist() == pytest.approx([0, 0.1, 0.1, 0, 1.0])


def test_another_frame_rate_is_seen_to_be_off() -> None:
    _, off = nearest_frames(frame_times_ns(250, 25.0, 0), frame_times_ns(302, 30.0, 0))
    assert float(np.median(off)) > 0.15


@pytest.mark.parametrize("rate_fps", [25.0, 12.5, 8.0, 6.25, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_frames_without_vehicles_are_put_back(rate_fps: float, seed: int) -> None:
    times_ns = frame_times_ns(250, 25.0, 0).tolist()
    frames = [index + 1 for index in frames_at(times_ns, rate_fps)]
    rng = np.random.default_rng(seed)
    quiet = set(rng.choice(frames, len(frames) // 3, replace=False).tolist())
    ticks, second = [], None
    for count, frame in enumerate(frames, start=1):
        if times_ns[frame - 1] // NS != second:
            second = times_ns[frame - 1] // NS
            ticks.append(FrameCount("1.0", frame, count))
    ticks.append(FrameCount("1.0", frames[-1], len(frames)))
    seen = np.array([frame for frame in frames if frame not in quiet])
    found = analysed_frames(np.repeat(seen, 2), ticks)
    assert len(found) == len(frames)
    assert set(seen.tolist()) <= set(found.tolist())
    assert max(abs(one - other) for one, other in zip(found.tolist(), frames, strict=True)) <= 25 / rate_fps


def test_nothing_is_put_between_two_sessions() -> None:
    ticks = [FrameCount("1.0", 1, 1), FrameCount("1.0", 5, 5), FrameCount("1.1", 50, 7), FrameCount("1.1", 54, 11)]
    assert analysed_frames(np.array([], np.int64), ticks).tolist() == [1, 2, 3, 4, 5, 50, 51, 52, 53, 54]
