"""A town for the tests that only look, and one for each that changes something."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.web.town import Town, town

pytest.importorskip("starlette", reason="extra `web`")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town to look at, one for all tests of a module."""
    folder = tmp_path_factory.mktemp("town")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with town(folder) as served:
            yield served


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A town to change."""
    monkeypatch.chdir(tmp_path)
    with town(tmp_path) as served:
        yield served
