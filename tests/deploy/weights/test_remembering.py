"""Digests that are remembered."""

import hashlib
import json
import os
from io import BufferedReader
from pathlib import Path

import pytest

from deploy.weights import catalogue
from deploy.weights.catalogue import Network
from ingest import digest as weights_digest
from ingest.errors import WeightsError
from tests.deploy.weights.calls import pull, run
from tests.deploy.weights.samples import BIN, OLD_BIN, names_in, put


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are hashed, by name; files of any size count as large."""
    monkeypatch.setattr(weights_digest, "CACHE_FROM_BYTES", 1)
    names: list[str] = []
    real = hashlib.file_digest

    def note(stream: BufferedReader, algorithm: str) -> object:
        names.append(Path(str(stream.name)).name)
        return real(stream, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", note)
    return names


def test_a_large_file_is_hashed_once_and_again_by_verify(folder: Path, hashed: list[str]) -> None:
    put(folder)
    for _ in range(3):
        catalogue.find("net")
    assert hashed == ["net.xml", "net.bin"]
    run("list")
    assert hashed == ["net.xml", "net.bin"]
    run("verify", "net")
    assert hashed == ["net.xml", "net.bin"] * 2


def test_small_files_are_hashed_every_time(folder: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_digest, "CACHE_FROM_BYTES", len(BIN))
    put(folder)
    for _ in range(2):
        catalogue.find("net")
    assert hashed == ["net.xml", "net.bin", "net.xml"]


def test_what_was_pulled_is_not_hashed_again(net: Network, folder: Path, hashed: list[str]) -> None:
    pull(net, folder)
    assert hashed == ["net.xml.part", "net.bin.part"]
    assert catalogue.find("net") == folder / "net.xml"
    assert len(hashed) == 2
    assert set(json.loads((folder / ".digests.json").read_bytes())) == {"net.xml", "net.bin"}


@pytest.mark.parametrize("change", ["other content", "other content, old time", "moved in, old time"])
def test_a_file_that_changed_is_hashed_again_and_refused(folder: Path, hashed: list[str], change: str) -> None:
    put(folder)
    catalogue.find("net")
    path = folder / "net.bin"
    stat = path.stat()
    if "moved" in change:
        (folder / "other").write_bytes(OLD_BIN)
        (folder / "other").replace(path)
    else:
        path.write_bytes(OLD_BIN)
    if "old time" in change:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(WeightsError, match="different releases"):
        catalogue.find("net")


@pytest.mark.parametrize("memory", ["{", '{"net.bin": 5}', ""])
def test_a_broken_memory_is_no_harm(folder: Path, hashed: list[str], memory: str) -> None:
    put(folder)
    (folder / ".digests.json").write_text(memory)
    catalogue.find("net")
    catalogue.find("net")
    assert hashed == ["net.xml", "net.bin"]


def test_where_nothing_can_be_noted_files_are_hashed_every_time(folder: Path, hashed: list[str]) -> None:
    put(folder)
    (folder / ".digests.json").mkdir()  # as in a folder that cannot be written
    for _ in range(2):
        catalogue.find("net")
    assert hashed == ["net.xml", "net.bin"] * 2
    assert names_in(folder) == {"net.xml", "net.bin", ".digests.json"}
