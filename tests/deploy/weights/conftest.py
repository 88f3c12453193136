"""A weights folder, a catalogue in place of the real one, and the server that publishes its networks."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from deploy.weights import catalogue
from deploy.weights.catalogue import Catalogue, Network
from tests.deploy.weights.samples import make_catalogue
from tests.deploy.weights.server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=partial(server.http.serve_forever, poll_interval=0.01))
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder, and a catalogue whose publishers nobody answers for."""
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    use(monkeypatch, make_catalogue("http://127.0.0.1:9"))
    return tmp_path


def use(monkeypatch: pytest.MonkeyPatch, stand_in: Catalogue) -> Catalogue:
    monkeypatch.setattr(catalogue, "load_catalogue", lambda: stand_in)
    return stand_in


@pytest.fixture
def net(folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Network:
    """The network `net`, published by the server of the test."""
    return use(monkeypatch, make_catalogue(server.url)).networks["net"]
