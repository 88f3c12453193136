"""`python -m tests.bench distillation`: a small detector for four cameras, taught on their own footage.

The teacher is crossroad-1016, the clips are those without truth, 10 to 30 s each. The student learns from the first
60 % of each, its scores are chosen on the next 10 %, and it is compared with its teacher on the last 30 %. Frames and
labels are kept in runs/bench; the training is done anew.
"""

import os
from typing import TYPE_CHECKING

import pytest

from deploy.weights.catalogue import FOLDER_VARIABLE
from detect.settings import FoundationSettings
from ingest.camera import Camera
from ingest.clock import SystemClock
from tests.bench.measure import table
from tests.bench.tracking import DATA, ROOT

if TYPE_CHECKING:
    from training.distil.agreement import MatchCounts

CLIPS = ("jamcam_08926", "highway_960x540", "overhead_640x360", "carpark_768x432")
TEACHER = "crossroad-1016"
RATE_FPS = 8.0
STEPS = 900
OUT = ROOT / "runs" / "bench" / f"distillation-{STEPS}.onnx"


def main() -> None:
    """Three tables: by camera, by size, and the speeds."""
    pytest.importorskip("torch")
    os.environ.setdefault(FOLDER_VARIABLE, str(DATA / "weights"))
    from deploy.site.teacher import open_teacher
    from training.distil.network import SiteNetwork
    from training.distil.pipeline import CHECKPOINT, DistillationCallbacks, distil
    from training.distil.plan import PLAN, make_plan

    cameras = [Camera(id=name, source=str(DATA / "video" / f"{name}.mp4")) for name in CLIPS]
    plan = make_plan(cameras, TEACHER, FoundationSettings(), minutes=1.0, frames_per_s=RATE_FPS, steps=STEPS, seed=0)
    (OUT.with_suffix("") / CHECKPOINT).unlink(missing_ok=True)
    clock = SystemClock()
    began_s = clock.monotonic_s()
    quiet = DistillationCallbacks(print, lambda name, done, of: None, lambda progress: None, lambda: False)
    before = (OUT.with_suffix("") / PLAN).exists()
    done = distil(plan, cameras, lambda: open_teacher(plan, FoundationSettings()), OUT, clock, quiet, resume=before)
    assert done is not None, "nobody stops it"
    about, agreement, speed = done.about, done.agreement, done.speed
    parameters = sum(each.numel() for each in SiteNetwork(len(about.labels)).parameters())
    width, height = about.size
    took_s = clock.monotonic_s() - began_s
    print(
        f"{about.frames} frames at {RATE_FPS:g}/s learned from, {STEPS} steps, {took_s:.0f} s in all; "
        f"{parameters / 1e6:.2f} M parameters, {width}x{height}; boxes from {about.start_score:.2f} on, IoU .5\n"
    )
    rows = {**agreement.cameras, "all": agreement.all}
    header = ["held out", "teacher's vehicles", "recall", "student's boxes", "precision"]
    table(header, [[name, *_cells(count)] for name, count in rows.items()])
    moved = agreement.moved
    note = f"{moved.vehicles} vehicles are elsewhere than in the last frame learned from"
    print(f"\n{note}; recall {_share(moved.recall)}\n")
    table(["square root of area, px", *header[1:]], [[name, *_cells(count)] for name, count in agreement.sizes.items()])
    print()
    ratio = speed.teacher_ms / speed.student_ms
    both = [[TEACHER, f"{speed.teacher_ms:.1f}", "1.0"], ["student", f"{speed.student_ms:.1f}", f"{ratio:.1f}"]]
    table(["interleaved, medians", "ms/frame", "times as fast"], both)
    print(f"\nlook at {done.sheet}")


def _cells(count: "MatchCounts") -> list[str]:
    return [str(count.vehicles), _share(count.recall), str(count.predicted), _share(count.precision)]


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.3f}"


if __name__ == "__main__":
    main()
