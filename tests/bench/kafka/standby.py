"""`python -m tests.bench kafka_standby`: two `corridor associate` of one zone; the one that has it is killed.

First they run side by side for a minute: the zone's generation says how often it has changed hands.
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import Popen

from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.log.kafka_state import Followed
from deploy.log.topics import TRAJECTORIES
from deploy.site.association_state import owner_of
from ingest.clock import NS
from tests.bench.association_scale.stream import ENCODER
from tests.bench.kafka.cameras import Share, site_of
from tests.bench.kafka.outage import start as start_cameras
from tests.bench.measure import table
from tests.contracts.kafka_broker import new_broker
from tests.system.command import start

ZONE = "bench"
READY_S, TOGETHER_S, BETWEEN_S = 90.0, 60.0, 20.0
KILLS = 3
PATIENCE_S = 60.0


def main() -> None:
    broker = new_broker()
    create_topics(Cluster(broker.servers))
    with tempfile.TemporaryDirectory() as name, closing(KafkaLog(Cluster(broker.servers))) as log:
        folder = Path(name)
        share = Share(
            servers=broker.servers,
            writer="spool",
            folder=str(folder / "spool"),
            starts_ns=time.time_ns() + round(READY_S * NS),
            seconds=TOGETHER_S + KILLS * (BETWEEN_S + 30.0) + READY_S,
            cameras=20,
            vehicles_per_s=4.0,
        )
        (folder / "site.toml").write_text(_configuration(share))
        (cameras,) = start_cameras(share)
        services = [start(folder, "associate", "site.toml")]
        _until(lambda: log.end(TRAJECTORIES) > 0, PATIENCE_S + READY_S)
        services.append(start(folder, "associate", "site.toml"))
        before = _generation(log)
        time.sleep(TOGETHER_S)
        print(f"{before} generations at the first event, {_generation(log)} after {TOGETHER_S:.0f} s side by side\n")
        rows = [_kill_owner(folder, log, services) for _ in range(KILLS)]
        for process in (*services, cameras):
            process.kill()
            process.communicate()
    broker.discard()
    table(["the owner is killed", "taken over after", "next event on the log after", "events twice"], rows)


def _kill_owner(folder: Path, log: KafkaLog, services: list["Popen[str]"]) -> list[str]:
    """Kill the older of the two, which has the zone, and start another one in its place."""
    generation, end = _generation(log), log.end(TRAJECTORIES)
    services[0].kill()
    killed_s = time.time()
    taken_s = _until(lambda: _generation(log) > generation, PATIENCE_S)
    _until(lambda: bool(log.read(TRAJECTORIES, max(end, log.end(TRAJECTORIES) - 1), 1)), PATIENCE_S)
    told_s = time.time() - killed_s
    services[0].communicate()
    services.append(start(folder, "associate", "site.toml"))
    del services[0]
    time.sleep(BETWEEN_S)
    keys = [record.value for record in log.read(TRAJECTORIES, 0, 1_000_000)]
    return [f"generation {generation}", f"{taken_s:.1f} s", f"{told_s:.1f} s", str(len(keys) - len(set(keys)))]


def _generation(log: KafkaLog) -> int:
    followed = Followed()
    log.follow(owner_of(ZONE), followed)
    return followed.restored.commit.generation


def _until(works: Callable[[], bool], patience_s: float) -> float:
    began_s = time.time()
    while not works():
        assert time.time() - began_s < patience_s, "it did not come about"
        time.sleep(0.02)
    return time.time() - began_s


def _configuration(share: Share) -> str:
    names = site_of(share).names
    cameras = "".join(f'[[cameras]]\nid = "{name}"\nsource = "rtsp://127.0.0.1/{name}"\n' for name in names)
    return f'{cameras}[associate]\nzone = "{ZONE}"\nencoder = "{ENCODER}"\n[log]\nurl = "kafka://{share.servers}"\n'
