"""From footage to a detector in use: recorded, labelled, learned, exported; stopped anywhere and gone on with."""

import json
import re
from pathlib import Path

import msgspec
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from deploy.site import teacher as site_teacher  # noqa: E402 - torch first
from detect.detections import Detections  # noqa: E402
from detect.settings import FoundationSettings  # noqa: E402
from detect.site_detector import SiteDetector  # noqa: E402
from ingest.clock import SystemClock  # noqa: E402
from ingest.errors import ConfigError, WeightsError  # noqa: E402
from tests.training.distil.drawn_traffic import camera, labelled, teacher, write_traffic  # noqa: E402
from training.distil.footage import COMPLETE  # noqa: E402
from training.distil.labels import LabelledFrame, Splits  # noqa: E402
from training.distil.pipeline import DistillationCallbacks, distil, make_student_spec  # noqa: E402
from training.distil.plan import Plan, make_plan, prepare  # noqa: E402
from training.distil.result import DistillationResult  # noqa: E402
from training.distil.student import DistillationProgress  # noqa: E402

STEPS, FEW_STEPS = 150, 6
FOUNDATION = FoundationSettings()


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Two cores are other tests' too."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_traffic(tmp_path_factory.mktemp("clips") / "drawn.mp4")


@pytest.fixture
def short(tmp_path: Path) -> Path:
    return write_traffic(tmp_path / "drawn.mp4", frames=40)


def run(
    clip: Path, out: Path, *, steps: int = STEPS, stop_at: tuple[str, int] | None = None, resume: bool = False
) -> DistillationResult | None:
    """Until the end, or so far into a part."""
    reached: list[bool] = []

    def work(name: str, done: int, of: int) -> None:
        if stop_at is not None and name == stop_at[0] and done >= stop_at[1]:
            reached.append(True)

    def progress(now: DistillationProgress) -> None:
        work("steps", now.step, now.steps)

    plan = make_plan([camera(clip)], "crossroad-1016", FOUNDATION, minutes=1.0, frames_per_s=8.0, steps=steps, seed=0)
    told = DistillationCallbacks(lambda line: None, work, progress, lambda: bool(reached))
    return distil(plan, [camera(clip)], teacher, out, SystemClock(), told, resume=resume)


def test_a_student_learns_drawn_traffic_in_seconds(clip: Path, tmp_path: Path) -> None:
    done = run(clip, tmp_path / "site.onnx")
    assert done is not None
    assert sorted(done.about.labels) == ["car", "truck"]
    assert done.about.size == (160, 96)
    every = done.agreement.all
    assert every.vehicles > 50
    assert every.recall is not None
    assert every.recall > 0.95
    assert every.precision is not None
    assert every.precision > 0.95
    assert done.agreement.named_alike == every.found
    assert SiteDetector(done.path).metadata == done.about
    report = json.loads((tmp_path / "site" / "report.json").read_text())
    assert report["held_out"]["all"]["recall"] == every.recall
    assert msgspec.convert(report["about"], type(done.about)) == done.about
    left = {path.name for path in (tmp_path / "site").iterdir()}
    assert left == {"checkpoint.pt", "frames", "labels.jsonl", "plan.json", "report.json", "sheet.png"}


STOPS: dict[str, tuple[tuple[str, int], list[str]]] = {
    "while frames are recorded": (("frames", 20), ["frames", "plan.json"]),
    "while they are labelled": (("labels", 20), ["frames", "labels.jsonl", "plan.json"]),
    "in the training": (("steps", 3), ["checkpoint.pt", "frames", "labels.jsonl", "plan.json"]),
}


def test_stopped_anywhere_and_gone_on_with_it_ends_the_same(short: Path, tmp_path: Path) -> None:
    whole = run(short, tmp_path / "whole.onnx", steps=FEW_STEPS)
    assert whole is not None
    for number, (stop_at, left) in enumerate(STOPS.values()):
        out = tmp_path / f"{number}.onnx"
        folder = out.with_suffix("")
        assert run(short, out, steps=FEW_STEPS, stop_at=stop_at) is None
        assert sorted(path.name for path in folder.iterdir()) == left
        assert (folder / "frames" / "drawn" / COMPLETE).exists() == (number > 0)
        assert not out.exists()
        assert run(short, out, steps=FEW_STEPS, resume=True) is not None
        assert out.read_bytes() == whole.path.read_bytes()


def test_a_folder_is_not_taken_over(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "site.onnx"
    run(clip, out, stop_at=("frames", 1))
    with pytest.raises(ConfigError, match="exists already"):
        run(clip, out)
    with pytest.raises(ConfigError, match="was begun with steps = 150, not 151"):
        run(clip, out, steps=151, resume=True)
    with pytest.raises(ConfigError, match=r"must end in \.onnx"):
        run(clip, tmp_path / "site")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write to"):
        run(clip, tmp_path / "file" / "site.onnx")


def begun(folder: Path) -> None:
    """Something of it, so that it is one to go on with."""
    (folder / "frames").mkdir()


OTHER: dict[str, tuple[dict[str, object], str]] = {
    "score of a box": ({"box_score": 0.35}, "the teacher's box_score = 0.3, not 0.35"),
    "score of a phrase": ({"phrase_score": 0.3}, "the teacher's phrase_score = 0.25, not 0.3"),
    "size of pictures": ({"short_side_px": 640}, "the teacher's short_side_px = 800, not 640"),
    "weights": ({"weights": "mine.pth"}, "the teacher's weights = None, not mine.pth"),
    "text encoder": ({"text_encoder": "bert"}, "the teacher's text_encoder = None, not bert"),
    "prompt": ({"prompt": "bus ."}, "prompts = "),
}


@pytest.mark.parametrize("name", OTHER)
def test_grounding_dino_opened_otherwise_is_another_teacher(tmp_path: Path, name: str) -> None:
    change, message = OTHER[name]

    def plan(foundation: FoundationSettings) -> Plan:
        cameras = [camera(tmp_path / "clip.mp4")]
        return make_plan(cameras, "grounding-dino-swin-t", foundation, minutes=1, frames_per_s=8, steps=1, seed=0)

    out = tmp_path / "site.onnx"
    begun(prepare(plan(FOUNDATION), out, resume=False))
    faster = msgspec.structs.replace(FOUNDATION, batch=2, device="cpu")
    prepare(plan(faster), out, resume=True)
    with pytest.raises(ConfigError, match=re.escape(f"was begun with {message}")):
        prepare(plan(msgspec.structs.replace(FOUNDATION, **change)), out, resume=True)


def test_a_site_s_detector_that_was_written_anew_is_another_teacher(tmp_path: Path) -> None:
    large, out = tmp_path / "large.onnx", tmp_path / "site.onnx"

    def plan() -> Plan:
        return make_plan([], str(large), FOUNDATION, minutes=1, frames_per_s=8, steps=1, seed=0)

    with pytest.raises(WeightsError, match=r"large\.onnx"):
        plan()
    large.write_bytes(b"one")
    begun(prepare(plan(), out, resume=False))
    assert prepare(plan(), out, resume=True) == tmp_path / "site"
    large.write_bytes(b"two")
    with pytest.raises(ConfigError, match="was begun with the teacher's sha256 = 7692c3ad3540, not 3fc4ccfe7458"):
        prepare(plan(), out, resume=True)


def test_resuming_what_was_never_begun(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is nothing to resume in .*site \(leave out --resume"):
        run(clip, tmp_path / "site.onnx", resume=True)
    assert not (tmp_path / "site").exists()


NOTHING: dict[str, tuple[int, str, str]] = {
    "no vehicle": (0, "crossroad-1016", "crossroad-1016 found no vehicle in 120 frames: is it the right footage"),
    "no vehicle for a prompt": (0, "grounding-dino-swin-t", "found no vehicle in 120 frames: check the prompt"),
    "too few": (3, "crossroad-1016", "found vehicles 3 times in 120 frames; at least 8"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_to_learn(clip: Path, tmp_path: Path, name: str) -> None:
    count, by, message = NOTHING[name]
    some = Detections.of([[0, 0, 9, 9]])
    frames = [
        LabelledFrame(each.recorded, some if number < count else Detections.none(), each.size)
        for number, each in enumerate(labelled(clip, tmp_path))
    ]
    plan = make_plan([camera(clip)], by, FOUNDATION, minutes=1, frames_per_s=8, steps=1, seed=0)
    with pytest.raises(ConfigError, match=message):
        make_student_spec(plan, 0.5, Splits.of(frames), lambda line: None)


def test_teachers_are_believed_by_their_own_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(site_teacher, "open_detector", lambda name, find: opened.append(name))
    plan = make_plan([], "crossroad-1016", FOUNDATION, minutes=1, frames_per_s=8, steps=1, seed=0)
    found = site_teacher.open_teacher(plan, FOUNDATION)
    assert opened == ["crossroad-1016"]
    assert found.sure == pytest.approx(0.42)
    with pytest.raises(ConfigError, match="'yolo' is not one of"):
        make_plan([], "yolo", FOUNDATION, minutes=1, frames_per_s=8, steps=1, seed=0)


def test_grounding_dino_as_the_teacher(short: Path, tmp_path: Path) -> None:
    """Its real architecture with random weights: the labels are the nouns of the prompt, whatever it sees in them."""
    pytest.importorskip("groundingdino")
    from tests.detect.foundation.grounding_dino_files import write_checkpoint, write_text_encoder

    text_encoder = write_text_encoder(tmp_path / "bert")
    checkpoint = write_checkpoint(tmp_path / "dino.pth", text_encoder)
    foundation = FoundationSettings(
        prompt="car . truck . fire truck .",
        weights=str(checkpoint),
        text_encoder=str(text_encoder),
        device="cpu",
        short_side_px=64,
        box_score=0.99,  # random weights are sure of much
    )
    cameras = [camera(short)]
    plan = make_plan(cameras, "grounding-dino-swin-t", foundation, minutes=1, frames_per_s=1, steps=1, seed=0)
    told = DistillationCallbacks(lambda line: None, lambda *work: None, lambda progress: None, lambda: False)
    done = distil(
        plan, cameras, lambda: site_teacher.open_teacher(plan, foundation), tmp_path / "site.onnx", SystemClock(), told
    )
    assert done is not None
    assert set(done.about.labels) <= {"car", "truck", "fire truck"}
    assert done.about.teacher == "grounding-dino-swin-t / car . truck . fire truck ."
    lines = [json.loads(line) for line in (tmp_path / "site" / "labels.jsonl").read_text().splitlines()]
    scores = [score for line in lines for score in line["scores"]]
    assert min(scores) < foundation.box_score < max(scores), "what it is unsure of is known, to be passed over"
