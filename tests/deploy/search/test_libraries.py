"""faiss: there or not, and never twice."""

import pytest

from deploy.search.index import libraries
from ingest.errors import ConfigError


def test_two_of_it_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_installed", lambda distribution: True)
    with pytest.raises(ConfigError, match="faiss-cpu and faiss-gpu are both installed and overwrite each other"):
        libraries.has_faiss.__wrapped__()


def test_one_of_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_installed", lambda distribution: distribution == "faiss-gpu")
    monkeypatch.setattr(libraries, "find_spec", lambda name: object())
    assert libraries.has_faiss.__wrapped__()
    monkeypatch.setattr(libraries, "find_spec", lambda name: None)
    assert not libraries.has_faiss.__wrapped__()
