"""Old crops: deleted beside the cameras and not by them, and nothing else is deleted."""

import logging
import os
import threading
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from deploy.crops import prune_files, pruning
from deploy.crops.pruning import Pruner
from deploy.crops.store import CropSettings, CropStore
from deploy.log.opening import open_log
from deploy.site.wiring import make_perception_worker
from embed.crops import Crop
from ingest.clock import NS, ManualClock
from tests.deploy.site.test_perception_worker import configure
from tests.embed.samples import observation
from tests.ingest.clips import write_clip

NOW_S = 100 * 3600


def pruner(folder: Path, *, keep_s: float = 3600.0, max_bytes: float = 1e9) -> Pruner:
    return Pruner(folder, ManualClock(NOW_S * NS), keep_s=keep_s, max_bytes=max_bytes)


def old_file(path: Path, *, written_s: float = 10.0, size: int = 5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (written_s, written_s))
    return path


def old_tracklet(folder: Path, track: int, *, written_s: float = 10.0) -> list[Path]:
    names = [f"1.0-{track}-0.jpg", f"1.0-{track}-1.jpg", f"1.0-{track}.json"]
    return [old_file(folder / name, written_s=written_s) for name in names]


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_only_files_with_the_names_of_a_store_go(tmp_path: Path) -> None:
    """The folder may have been chosen badly: what else is in it is not ours to delete, and does not count."""
    store = tmp_path / "store"
    old_tracklet(store / "north", 1)
    old_file(store / "north" / "12.3-45.json.part")  # cut short by a crash
    kept = ["north/corridor.db", "north/1.0-1-0.png", "north/x1.0-1.json", "north/deep/1.0-1.json", "1.0-1.json"]
    for name in kept:
        old_file(store / name, size=10_000_000 if name.endswith("db") else 5)
    assert pruner(store, max_bytes=1000).prune() == 2
    assert names_in(store) == sorted(kept)


def test_no_link_is_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    behind_folder = old_tracklet(elsewhere, 1)
    behind_file = old_file(tmp_path / "film.jpg")
    store.mkdir()
    (store / "north").symlink_to(elsewhere)
    (store / "south").mkdir()
    (store / "south" / "1.0-2-0.jpg").symlink_to(behind_file)
    machine = pruner(store)
    machine.prune()
    machine.prune()
    assert all(path.exists() for path in [*behind_folder, behind_file])
    assert [line for line in caplog.messages if "is a link" in line] == [
        f"{store / 'north'} is a link: no old crops are deleted behind it"
    ]


def test_it_rests_after_every_few_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune_files, "FILES_A_REST", 4)
    for track in range(40):
        old_tracklet(tmp_path / "north", track)
    rests: list[int] = []
    prune_files.prune_files(tmp_path, oldest_s=NOW_S, max_bytes=0, rest=lambda: rests.append(len(names_in(tmp_path))))
    assert names_in(tmp_path) == []
    while_deleting = [left for left in rests if left < 120]
    assert len(while_deleting) == 29
    assert all(before - after == 4 for before, after in pairwise(while_deleting))


def test_rests_are_a_multiple_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files go slowly they cost others more."""
    now_s, slept_s = [100.0], []

    def sleep(seconds: float) -> None:
        slept_s.append(seconds)
        now_s[0] += seconds

    monkeypatch.setattr(prune_files, "time", SimpleNamespace(monotonic=lambda: now_s[0], sleep=sleep))
    rests, never = prune_files.Rests(0.02), prune_files.Rests(0.0)
    for worked_s in (0.001, 0.02, 2.0):
        now_s[0] += worked_s
        rests()
        never()
    assert slept_s == pytest.approx([0.02, 0.3, 1.0])


def test_what_was_written_anew_after_it_was_listed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two logs may have the same names in one folder."""
    files = old_tracklet(tmp_path / "north", 1)
    listed = prune_files._by_tracklet(tmp_path, lambda: None, prune_files.PruneReport())
    files[0].write_bytes(b"new")
    monkeypatch.setattr(prune_files, "_by_tracklet", lambda *_: listed)
    assert pruner(tmp_path).prune() == 1
    assert names_in(tmp_path) == ["north/1.0-1-0.jpg"]


def test_what_cannot_be_deleted_is_said_once_and_the_rest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for track in range(3):
        old_tracklet(tmp_path / "north", track)
    unlink = Path.unlink

    def stubborn(self: Path, missing_ok: bool = False) -> None:
        if self.name.startswith("1.0-1"):
            raise PermissionError(13, "Permission denied")
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", stubborn)
    machine = pruner(tmp_path)
    machine.prune()
    machine.prune()
    assert len(names_in(tmp_path)) == 3
    assert caplog.messages == [f"3 old files of crops in {tmp_path} cannot be deleted: Permission denied"]


def test_the_thread_survives_a_failing_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pruning, "EVERY_S", 0.01)
    machine = pruner(tmp_path / "not there")
    machine.start()
    while machine.rounds < 3:
        threading.Event().wait(0.01)
    old_tracklet(tmp_path / "not there" / "north", 1)
    machine.close()
    assert names_in(tmp_path) == []
    assert len([line for line in caplog.messages if "cannot be deleted: FileNotFoundError" in line]) == 1


def test_no_camera_deletes_or_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process deletes nothing: a disk that never answers a deletion holds no camera up."""
    store = CropStore(CropSettings(keep=True, folder=str(tmp_path), keep_hours=1), ManualClock(NOW_S * NS))
    old = [path for track in range(100) for path in old_tracklet(tmp_path / "north", track)]

    def forbidden(self: Path, missing_ok: bool = False) -> None:
        raise AssertionError(f"{self} is deleted by {threading.current_thread().name}")

    monkeypatch.setattr(Path, "unlink", forbidden)
    image = np.full((60, 80, 3), 90, np.uint8)
    store.start()
    for track in range(2000, 2003):
        store.keep(observation("north", track), [Crop(image, np.array([5, 5, 75, 55], np.float32), 0.5, 10)])
    while store.pruner.rounds == 0:
        threading.Event().wait(0.01)
    store.close()
    assert not [path for path in old if path.exists()]
    assert store.pruner.gone == 100
    assert len(list(tmp_path.glob("north/1.0-200?*"))) == 6
    assert store.failures == 0


def test_closing_does_not_wait_for_the_rests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune_files, "REST_S", 600.0)
    for track in range(100):
        old_tracklet(tmp_path / "north", track)
    machine = pruner(tmp_path)
    machine.start()
    machine.close()
    assert names_in(tmp_path) == []
    machine.close()


def test_what_is_too_much_to_finish_with_is_left_to_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pruning, "CLOSE_TIMEOUT_S", 0.0)
    old_tracklet(tmp_path / "north", 1)
    machine = pruner(tmp_path)
    with caplog.at_level(logging.INFO):
        machine.start()
        machine.close()
    assert any("left to the next run" in line for line in caplog.messages)


def test_a_run_deletes_what_is_too_old_however_short_it_is(tmp_path: Path) -> None:
    crops = tmp_path / "crops"
    old = [path for track in range(50) for path in old_tracklet(crops / "a", track + 1000)]
    clip = write_clip(tmp_path / "clip.mp4", 75, size=(320, 192))
    config = configure(tmp_path, {"a": clip}, extra=f'[crops]\nkeep = true\nfolder = "{crops}"\n')
    make_perception_worker(config, open_log(config.log.url)).run()
    assert not [path for path in old if path.exists()]
    assert list(crops.glob("a/*.json"))
    assert "crop pruning" not in {thread.name for thread in threading.enumerate()}


def test_what_could_not_be_kept_is_counted_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = CropStore(CropSettings(keep=True, folder=str(tmp_path)), ManualClock(NOW_S * NS))
    image, box = np.full((60, 80, 3), 90, np.uint8), np.array([5, 5, 75, 55], np.float32)
    odd = [
        Crop(image, np.array([5, np.nan, 75, 55], np.float32), 0.5, 10),
        Crop(image, np.array([5, 5, np.inf, 55], np.float32), 0.5, 10),
        Crop(image, box, float("nan"), 10),
        Crop(image[:0], box, 0.5, 10),
    ]
    with caplog.at_level(logging.WARNING):
        for track, crop in enumerate(odd):
            store.keep(observation("a", track), [crop])
        store.close()
    assert store.failures == 4
    assert not list(tmp_path.rglob("*.json"))
    assert len(caplog.messages) == 2
    assert "crops of 4 tracklets could not be kept" in caplog.messages[1]
