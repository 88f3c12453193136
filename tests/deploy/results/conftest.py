"""Albums that are closed at the end of a test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from deploy.results.frame_album import LIMIT_BYTES, FrameAlbum

MakeAlbum = Callable[..., FrameAlbum]


@pytest.fixture
def make_album(tmp_path: Path) -> Iterator[MakeAlbum]:
    """Makes albums in the test's folder."""
    with ExitStack() as open_albums:

        def make(limit_bytes: int = LIMIT_BYTES) -> FrameAlbum:
            return open_albums.enter_context(closing(FrameAlbum(tmp_path, limit_bytes=limit_bytes)))

        yield make
