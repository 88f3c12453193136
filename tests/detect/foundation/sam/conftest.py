"""The sizes of SAM that the tests of this folder add to the published ones."""

import pytest


@pytest.fixture(autouse=True)
def builders(monkeypatch: pytest.MonkeyPatch) -> None:
    from detect.foundation import sam
    from tests.detect.foundation.sam.networks import BUILDERS

    for name, build in BUILDERS.items():
        monkeypatch.setitem(sam.BUILDERS, name, build)
