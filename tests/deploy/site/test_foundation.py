"""How a large detector is wired in, and what is told of it; planted ones stand in, so that no torch is needed."""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from deploy.cli.terminal.screen import foundation_table, make_console
from deploy.log.opening import open_log
from deploy.site import foundation
from deploy.site.config import Config, parse_config
from deploy.site.encoders import mask_source
from deploy.site.foundation import (
    DetectorUsage,
    FoundationDetector,
    MeteredDetector,
    open_foundation,
    open_grounding_dino,
    open_sam,
)
from deploy.site.status import camera_statuses, write_status
from deploy.site.wiring import MASKERS, make_batch_detector, make_masker, make_perception_worker, tracker_maker
from detect.detections import Detections
from detect.key_frames.budget import BudgetCounts, BudgetedDetector
from detect.settings import DetectSettings, FoundationSettings
from ingest.clock import NS, ManualClock, SystemClock
from ingest.errors import ConfigError, WeightsError
from ingest.frame import ClockQuality, Frame
from ingest.toml_file import convert
from tests.ingest.clips import write_clip

IMAGE = np.zeros((4, 4, 3), np.uint8)


def configure(folder: Path, extra: str = "") -> Config:
    tables = "".join(f'[[cameras]]\nid = "{name}"\nsource = "{folder}/clip.mp4"\n' for name in "ab")
    detect = '[detect]\ndetector = "grounding-dino-swin-t"\n[foundation]\ncheap = "motion"\n'
    return parse_config(f'{tables}{detect}{extra}\n[log]\nurl = "sqlite:{folder}/log.db"\n', "f.toml")


class Slow:
    """A large detector that takes a second a frame, and finds one vehicle in each."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        self._clock.sleep(len(frames))
        return [Detections.of([[10, 10, 40, 30]], labels="tram") for _ in frames]


def frames(*cameras: str) -> list[Frame]:
    return [Frame(camera, 0, 0, ClockQuality.FILE, IMAGE) for camera in cameras]


def test_the_use_of_a_detector_is_its_calls_frames_and_share_of_the_time() -> None:
    clock = ManualClock()
    clock.sleep(100)
    metered = MeteredDetector(Slow(clock), clock)
    assert (metered.usage(), metered.usage().share, metered.usage().frames_a_call) == (DetectorUsage(), 0, 0)
    found = metered(frames("a", "b"))
    assert [each.labels for each in found] == [("tram",), ("tram",)]
    clock.sleep(5)
    metered(frames("a"))
    usage = metered.usage()
    assert usage == DetectorUsage(calls=2, frames=3, busy_s=3.0, elapsed_s=8.0)
    assert (usage.frames_a_call, usage.share) == (1.5, 0.375)


def test_a_call_that_fails_has_taken_its_time_too() -> None:
    clock = ManualClock()

    def fail(frames: Sequence[Frame]) -> list[Detections]:
        clock.sleep(2)
        raise ValueError("an odd picture")

    metered = MeteredDetector(fail, clock)
    with pytest.raises(ValueError, match="odd"):
        metered(frames("a"))
    assert metered.usage() == DetectorUsage(calls=1, frames=1, busy_s=2.0, elapsed_s=2.0)


class FixedBudget:
    """Counts by camera, as the budget keeps them."""

    def counts(self, camera_id: str) -> BudgetCounts:
        return BudgetCounts(first=1, new=4, stale=2, still=30, over_budget=3) if camera_id == "a" else BudgetCounts()


def test_what_was_spared_and_why_is_told_by_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(tmp_path / "clip.mp4", 5)
    clock = ManualClock()
    metered = MeteredDetector(Slow(clock), clock)
    metered(frames("a", "b"))
    clock.sleep(6)
    planted = FoundationDetector(cast(BudgetedDetector, FixedBudget()), metered)
    monkeypatch.setattr(foundation, "open_foundation", lambda *_: planted)
    config = configure(tmp_path)
    worker = make_perception_worker(config, open_log(config.log.url))
    write_status(tmp_path / "status.json", worker, SystemClock())
    north, south = (each["foundation"] for each in json.loads((tmp_path / "status.json").read_bytes()))
    assert north["key_frames"] == {"first": 1, "new": 4, "unsure": 0, "stale": 2}
    assert north["spared"] == {"still": 30, "explained": 0, "over_budget": 3, "failed": 0}
    assert sum(south["key_frames"].values()) + sum(south["spared"].values()) == 0
    assert (north["all_calls"], north["frames_a_call"], north["time_share"]) == (1, 2.0, 0.25)
    console = make_console()
    with console.capture() as shown:
        console.print(foundation_table(camera_statuses(worker)))
    lines = shown.get().splitlines()
    assert lines[0].strip() == "Key frames: 1 calls of 2.0 frames, 25% of the time"
    assert lines[3].split() == ["a", "7", "1", "4", "0", "2", "33", "30", "0", "3", "0"]


def test_without_a_large_detector_nothing_is_told_of_one(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", 5)
    config = parse_config(
        f'[[cameras]]\nid="a"\nsource="{tmp_path}/clip.mp4"\n[detect]\ndetector="motion"\n'
        f'[log]\nurl="sqlite:{tmp_path}/log.db"',
        "f.toml",
    )
    worker = make_perception_worker(config, open_log(config.log.url))
    assert [each.foundation for each in camera_statuses(worker)] == [None]
    assert foundation_table(camera_statuses(worker)) is None


@pytest.mark.parametrize(
    ("budget", "fewest", "most"), [("max_calls_per_s = 0.001", 2, 8), ("max_calls_per_s = 8", 40, 80)]
)
def test_settings_reach_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: str, fewest: int, most: int
) -> None:
    """All cameras' frames are handed over together; five seconds of pictures that no box can be carried through."""
    clock, rng = ManualClock(), np.random.default_rng(0)
    monkeypatch.setattr(foundation, "open_grounding_dino", lambda name, settings, camera_ids: Slow(clock))
    config = configure(tmp_path, f"{budget}\nbatch_wait_ms = 30")
    detector, batching = make_batch_detector(config, config.cameras, clock)
    assert isinstance(detector, FoundationDetector)
    assert (batching.limit, batching.within_s) == (2, 0.03)
    for index in range(40):
        image = rng.integers(0, 256, (48, 64, 3), np.uint8)
        found = detector([Frame(camera, index, index * NS // 8, ClockQuality.FILE, image) for camera in "ab"])
        if index == 0:
            assert [each.labels for each in found] == [("tram",), ("tram",)]
            assert (detector.usage().calls, detector.usage().frames) == (1, 2)
    assert fewest <= detector.usage().frames <= most
    assert [detector.counts(camera).frames for camera in "ab"] == [40, 40]
    assert sum(detector.counts(camera).key_frames for camera in "ab") == detector.usage().frames


def test_a_picture_that_the_large_detector_cannot_look_at_costs_no_other_camera_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    large = Slow(clock)

    def odd(frames: Sequence[Frame]) -> list[Detections]:
        if any(frame.camera_id == "b" for frame in frames):
            raise ValueError("an odd picture")
        return large(frames)

    monkeypatch.setattr(foundation, "open_grounding_dino", lambda name, settings, camera_ids: odd)
    config = configure(tmp_path)
    detector, _ = make_batch_detector(config, config.cameras, clock)
    assert isinstance(detector, FoundationDetector)
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    for index in range(4):
        found = detector([Frame(each, index, index * NS // 8, ClockQuality.FILE, image) for each in "ab"])
        assert [len(each) for each in found] == [1, 0]
    assert detector.counts("a") == BudgetCounts(first=1, still=3)
    counts = detector.counts("b")
    assert counts.frames == 4
    assert counts.key_frames == 0
    assert counts.failed >= 1
    warned = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warned) == 1
    assert "camera 'b': the large detector could not look at frame 0 (64x48), the cheap one goes on" in warned[0]


def test_a_box_that_passes_continues_a_track_and_a_surer_one_starts_it() -> None:
    tracker = tracker_maker(DetectSettings(detector="grounding-dino-swin-b"), FoundationSettings(box_score=0.4))()
    image = np.zeros((100, 200, 3), np.uint8)

    def track_ids(index: int, *scores: float) -> list[int]:
        boxes = [[10.0 + 80 * row + index, 10, 50 + 80 * row + index, 50] for row in range(len(scores))]
        at_ns = (16 + index) * NS // 8
        tracked = tracker(Frame("a", 16 + index, at_ns, ClockQuality.FILE, image), Detections.of(boxes, [*scores]))
        return [int(each) for each in tracked.track_ids]

    tracker(Frame("a", 0, 0, ClockQuality.FILE, image), Detections.none())  # what is there at first may be scenery
    assert track_ids(0, 0.51, 0.49) == [1]
    assert track_ids(1, 0.41, 0.49) == [1]


OWN = FoundationSettings(weights="w.pth", text_encoder="t", sam_weights="s.pth")
LIBRARIES: dict[str, Callable[[], object]] = {
    "torch": lambda: open_grounding_dino("grounding-dino-swin-t", OWN),
    "groundingdino": lambda: open_grounding_dino("grounding-dino-swin-t", OWN),
    "segment_anything": lambda: make_masker("sam-vit-b", OWN),
}


@pytest.mark.parametrize("missing", LIBRARIES)
def test_an_installation_without_the_libraries_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    if missing != "torch":
        pytest.importorskip("torch")
    ours = ("detect.foundation.grounding_dino", "detect.foundation.sam", "detect.accelerator")
    for name in [each for each in sys.modules if each.startswith((f"{missing}.", *ours))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(
        ConfigError, match=f"needs the libraries that `make foundation` installs: .*{missing}"
    ) as raised:
        LIBRARIES[missing]()
    assert "\n" not in str(raised.value)


MISSING: dict[str, tuple[Callable[[], object], str]] = {
    "detector": (lambda: open_grounding_dino("grounding-dino-swin-b", FoundationSettings()), "grounding-dino-swin-b"),
    "text encoder": (
        lambda: open_grounding_dino("grounding-dino-swin-t", FoundationSettings(weights="own.pth")),
        "bert-base-uncased",
    ),
    "masks": (lambda: open_sam("sam-vit-h", FoundationSettings()), "sam-vit-h"),
    "cheap": (
        lambda: open_foundation(
            DetectSettings(detector="grounding-dino-swin-t"), FoundationSettings(), ["a"], SystemClock()
        ),
        "crossroad-1016",
    ),
}


@pytest.mark.parametrize("what", MISSING)
def test_missing_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(tmp_path))
    if what == "cheap":
        monkeypatch.setattr(foundation, "open_grounding_dino", lambda *_: Slow(ManualClock()))
    opened, name = MISSING[what]
    with pytest.raises(WeightsError, match=f"weights of '{name}' are missing: .*corridor weights pull {name}"):
        opened()


@pytest.mark.parametrize(
    ("masks", "encoder", "source"),
    [
        ("auto", "grl-64", "ellipse"),
        ("auto", "colour", "grabcut"),
        ("box", "grl-64", "box"),
        ("sam-vit-b", "colour", "sam-vit-b"),
    ],
)
def test_where_masks_come_from(masks: str, encoder: str, source: str) -> None:
    settings = convert({"masks": masks}, DetectSettings, "test")
    assert mask_source(settings, encoder) == source
    if source in MASKERS:
        assert isinstance(make_masker(source), MASKERS[source])
