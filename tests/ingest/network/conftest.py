"""Our own RTSP server, whose faults can be set."""

from collections.abc import Iterator

import pytest

from deploy.city.rtsp.faults import Faults
from deploy.city.rtsp.server import RtspServer
from tests.ingest.network.test_streamed import units


@pytest.fixture
def server() -> Iterator[RtspServer]:
    with RtspServer() as running:
        yield running


@pytest.fixture
def faults(server: RtspServer) -> Faults:
    return server.add("/a", units)
