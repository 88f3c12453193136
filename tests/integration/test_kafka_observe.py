"""Live cameras on Kafka, as `observe` wires them: through one spool, gone on with by the next process."""

import uuid
from contextlib import closing
from pathlib import Path

import pytest

from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.spool import writer as spooled_writer
from deploy.site.config import Config, parse_config
from deploy.site.wiring import make_perception_worker
from embed.observation import Tick
from tests.contracts.kafka_broker import servers
from tests.deploy.site.test_perception_worker import SIZE, assert_counted, messages_of
from tests.ingest.clips import write_clip

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture
def prefix() -> str:
    created = f"t{uuid.uuid4().hex[:8]}."
    create_topics(Cluster(servers(), created))
    return created


def configure(folder: Path) -> Config:
    clip = write_clip(folder / "clip.mp4", 50, size=SIZE)
    cameras = "".join(f'[[cameras]]\nid = "{name}"\nsource = "{clip}"\nrealtime = true\n' for name in "ab")
    where = f'[log]\nurl = "kafka://{servers()}"\nspool = "{folder}/spool"\n'
    return parse_config(f'{cameras}[detect]\ndetector = "motion"\n[embed]\nencoder = "colour"\n{where}', "test.toml")


def test_two_live_cameras_share_a_writer_and_their_end_is_known_to_the_next_process(
    tmp_path: Path, prefix: str
) -> None:
    config = configure(tmp_path)
    with closing(KafkaLog(Cluster(servers(), prefix))) as log:
        worker = make_perception_worker(config, log)
        worker.run()
        assert all(runtime.ended and not runtime.fenced for runtime in worker.runtimes.values())
        assert_counted(messages_of(log), epochs=2)
        assert [runtime.writer.held for runtime in worker.runtimes.values()] == [0, 0]
    assert list((tmp_path / "spool").iterdir()) == []
    with closing(KafkaLog(Cluster(servers(), prefix))) as log:
        again = make_perception_worker(config, log)
        assert all(runtime.ended for runtime in again.runtimes.values())
        assert {runtime.writer.generation for runtime in again.runtimes.values()} == {2}
        again.run()


def test_what_the_log_did_not_take_is_written_by_the_next_process(
    tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure(tmp_path)
    with closing(KafkaLog(Cluster(servers(), prefix))) as log:
        worker = make_perception_worker(config, log)
        with monkeypatch.context() as patch:
            patch.setattr(spooled_writer.SpoolThread, "_write", lambda thread: 0.01)  # nothing leaves the spool
            for runtime in worker.runtimes.values():
                close = runtime.writer.close
                patch.setattr(runtime.writer, "close", lambda close=close: close(timeout_s=0.1))
            worker.run()
        held = sum(runtime.writer.held for runtime in worker.runtimes.values())
        assert held > 0
        assert messages_of(log) == []
    with closing(KafkaLog(Cluster(servers(), prefix))) as log:
        make_perception_worker(config, log).run()
        messages = messages_of(log)
        first = [message for message in messages if message.epoch.generation == 1]
        assert_counted(first, epochs=2)
        assert {message.camera for message in first if isinstance(message, Tick) and message.final} == {"a", "b"}
        assert messages[: len(first)] == first
