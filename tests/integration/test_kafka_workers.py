"""Processes that share cameras on a real broker: slots, a budget, records of who has what, an end that is asked for."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.city.rtsp.server import RtspServer
from deploy.cli.app import app
from deploy.cli.exit_codes import ExitCode
from deploy.log.base import Log
from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.opening import open_log
from deploy.site.cameras import changes
from deploy.site.cameras.changes import CameraChanges
from deploy.site.cameras.duty import in_group
from deploy.site.cameras.roster import read_roster
from deploy.site.cameras.workers import Workers, watched_by
from deploy.site.config import Config, load_config
from deploy.site.wiring import make_perception_worker
from ingest.clock import SystemClock
from ingest.network.h264 import recorded_units
from tests.contracts.kafka_broker import servers
from tests.deploy.site.test_perception_worker import SIZE, counts_by_epoch, messages_of
from tests.ingest.clips import write_clip
from tests.integration.kafka_log.waiting import wait_until
from tests.system.command import start

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

SAID: dict[str, Any] = {"at_ns": 7, "by": "me"}
PATIENCE_S = 180.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RtspServer]:
    clip = write_clip(tmp_path / "clip.mp4", 50, size=SIZE)
    with RtspServer() as server:
        for path in ("/a", "/b", "/c"):
            server.add(path, lambda: recorded_units(clip, starts_ns=SystemClock().now_ns(), loop=True))
        yield server


@pytest.fixture
def file(tmp_path: Path, server: RtspServer) -> Path:
    """A site of two streams, with topics of its own."""
    prefix = f"{tmp_path.name.replace('_', '')[-20:]}."
    create_topics(Cluster(servers(), prefix))
    cameras = "".join(f'[[cameras]]\nid = "{it}"\nsource = "{server.url(f"/{it}")}"\n' for it in "ab")
    rest = f'[detect]\ndetector = "motion"\n[embed]\nencoder = "colour"\n[crops]\nfolder = "{tmp_path}/crops"\n'
    log = f'[log]\nurl = "kafka://{servers()}"\nprefix = "{prefix}"\nspool = "{tmp_path}/spool"\n'
    (tmp_path / "site.toml").write_text(cameras + rest + log)
    return tmp_path / "site.toml"


@contextmanager
def worker(config: Config, name: str, most: int | None = None) -> Iterator[threading.Thread]:
    """A process that shares cameras, as a thread."""
    log = open_log(config.log)
    perception = make_perception_worker(config, log, only=frozenset())

    def run() -> None:
        with in_group(config, log, read_roster(config, log), perception, name=name, most=most):
            perception.run()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        perception.stop()
        thread.join()
        log.close()


class Seen:
    """Who has which camera, as the log tells."""

    def __init__(self, log: Log) -> None:
        self._log, self._workers = log, Workers()

    def owners(self) -> dict[str, str]:
        """The worker of each camera that is analysed."""
        self._workers.read(self._log)
        owners = watched_by(self._workers.living(SystemClock().now_ns()))
        return {camera: it.worker for camera, (it, watched) in owners.items() if watched.first_ns}

    def process(self, name: str) -> int | None:
        """The process id of the worker of a name that watches cameras."""
        self._workers.read(self._log)
        found = [it.pid for it in self._workers.living(SystemClock().now_ns()) if it.worker == name and it.cameras]
        return found[0] if found else None

    def refused(self) -> set[str]:
        return {camera for it in self._workers.living(SystemClock().now_ns()) for camera in it.refused}


def test_cameras_move_to_the_worker_that_is_left(file: Path, server: RtspServer) -> None:
    config = load_config(file)
    log = open_log(config.log)
    assert isinstance(log, KafkaLog)
    seen = Seen(log)
    with worker(config, "w1", most=1) as first:
        wait_until(lambda: len(seen.owners()) == 1 and len(seen.refused()) == 1, PATIENCE_S)  # the other is beyond it
        with worker(config, "w2"):
            # A slot that is the second worker's now is in nobody's budget any more.
            wait_until(lambda: set(seen.owners().values()) == {"w1", "w2"}, PATIENCE_S)
            changes.add(log, config, "c", CameraChanges(source=server.url("/c")), **SAID)
            said = CliRunner().invoke(app, ["cameras", "drain", str(file), "w1", "--by", "me"])
            assert "worker 'w1' has ended" in said.output, said
            first.join(5.0)
            assert not first.is_alive()
            wait_until(lambda: seen.owners() == {"a": "w2", "b": "w2", "c": "w2"}, PATIENCE_S)
            said = CliRunner().invoke(app, ["cameras", "list", str(file), "--json"])
            assert said.output.count('"worker":"w2"') == 3
            gone = CliRunner().invoke(app, ["cameras", "drain", str(file), "w1"])
            assert "there is no worker 'w1' at present (there are: w2)" in str(gone.exception)
    # What each epoch said is whole: nobody wrote for a camera after another had taken it.
    for counts in counts_by_epoch(messages_of(log)).values():
        assert counts == list(range(1, len(counts) + 1))
    log.close()


@contextmanager
def observe(file: Path, name: str) -> Iterator["subprocess.Popen[str]"]:
    """The command itself, as a process."""
    with start(file.parent, "observe", file.name, "--worker", name) as process:
        try:
            yield process
        finally:
            process.kill()


def test_of_two_processes_with_one_name_the_first_ends_as_taken_over(file: Path) -> None:
    log = open_log(load_config(file).log)
    seen = Seen(log)
    with observe(file, "w1") as first:
        wait_until(lambda: seen.process("w1") == first.pid, PATIENCE_S)
        with observe(file, "w1") as second:
            _, said = first.communicate(timeout=PATIENCE_S)
            assert first.returncode == ExitCode.TAKEN_OVER, said
            assert "another process watches cameras as 'w1' now; stop one of the two" in said
            wait_until(lambda: seen.process("w1") == second.pid, PATIENCE_S)
    log.close()
