"""The best pictures of every tracklet: kept, described, bounded."""

import logging
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from deploy.crops.store import CropSettings, CropStore, read_store
from deploy.log.opening import open_log
from deploy.site.wiring import make_perception_worker
from embed.crops import Crop
from embed.observation import Observation, TrackletState
from ingest.clock import NS, ManualClock
from ingest.errors import ConfigError
from tests.deploy.site.test_perception_worker import configure, messages_of
from tests.embed.samples import observation
from tests.ingest.clips import write_clip


def crop(seed: int = 0) -> Crop:
    image = np.random.default_rng(seed).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    return Crop(image, np.array([5, 5, 75, 55], np.float32), 0.5, 10 * NS)


def store(folder: Path, **settings: float) -> CropStore:
    return CropStore(CropSettings(keep=True, folder=str(folder), **settings), ManualClock(100 * 3600 * NS))


def test_every_closed_tracklet_has_its_pictures(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 150, size=(320, 192))
    config = configure(tmp_path, {"a": clip}, extra=f'[crops]\nkeep = true\nfolder = "{tmp_path}/crops"\n')
    log = open_log(config.log.url)
    make_perception_worker(config, log).run()
    closed = {m.tracklet for m in messages_of(log) if isinstance(m, Observation) and m.state is TrackletState.CLOSED}
    kept = read_store(tmp_path / "crops")
    assert {entry.tracklet for entry in kept} == closed
    for entry in kept:
        assert 1 <= len(entry.crops) <= 4
        for each in entry.crops:
            image = cv2.imread(str(tmp_path / "crops" / "a" / each.file))
            assert image is not None
            assert each.box_xyxy[2] <= image.shape[1]
            assert entry.first_ns <= each.captured_ns <= entry.last_ns


def test_it_is_off_by_default(tmp_path: Path) -> None:
    config = configure(tmp_path, {"a": write_clip(tmp_path / "clip.mp4", 60, size=(320, 192))})
    make_perception_worker(config, open_log(config.log.url)).run()
    assert not list(tmp_path.glob("**/*.jpg"))
    assert not Path("runs/test/crops").exists()


def test_old_and_too_many_pictures_go(tmp_path: Path) -> None:
    kept = store(tmp_path, keep_hours=10, max_mb=0.05)
    for track in range(20):
        kept.keep(observation("a", track), [crop(track)])
        for file in (tmp_path / "a").glob(f"1.0-{track}*"):
            os.utime(file, (99 * 3600 + track, 99 * 3600 + track))
    for file in (tmp_path / "a").glob("1.0-19*"):
        os.utime(file, (3600, 3600))  # the last one is far too old
    kept.prune()
    tracks = sorted(int(entry.tracklet.split("|")[2]) for entry in read_store(tmp_path))
    assert 0 < len(tracks) < 10
    assert tracks == list(range(19 - len(tracks), 19))
    assert len(list(tmp_path.glob("a/*.jpg"))) == len(tracks)


def test_a_store_that_cannot_be_written_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = store(tmp_path)
    (tmp_path / "a").write_text("a file where a folder should be")
    with caplog.at_level(logging.WARNING):
        for track in range(3):
            kept.keep(observation("a", track), [crop()])
    assert kept.failures == 3
    assert len(caplog.messages) == 1


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"crops\.folder"):
        store(tmp_path / "file" / "crops")


def test_a_broken_index_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.0-1.json").write_text("{")
    with pytest.raises(ConfigError, match=r"1\.0-1\.json"):
        read_store(tmp_path)
