"""Recordings for tests of a site."""

from pathlib import Path

import pytest

from tests.deploy.site.test_perception_worker import SIZE
from tests.ingest.clips import write_clip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", 150, size=SIZE)


@pytest.fixture
def short(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "three_seconds.mp4", 75, size=SIZE)
