"""What docs/consuming.md shows, run as it is written; and that Kafka holds the bytes that SQLite does."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.log.kafka_cluster import create_topics
from deploy.log.opening import open_log
from deploy.log.topics import IDENTITIES, OBSERVATIONS, TRAJECTORIES
from tests.conftest import ROOT, skip_or_fail
from tests.contracts.kafka_broker import servers
from tests.ingest.clips import write_clip
from tests.system.command import corridor

PAGE = (ROOT / "docs" / "consuming.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SHELL = [block for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) if "kcat" in block]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cameras that saw the same road, run once over SQLite and once over Kafka."""
    folder = tmp_path_factory.mktemp("site")
    write_clip(folder / "clip.mp4", 150, size=(320, 192))
    cameras = "".join(
        f'[[cameras]]\nid = "{name}"\nsource = "clip.mp4"\nstarts_at = 2026-01-01T00:00:{start:02d}Z\n'
        for name, start in (("north", 0), ("south", 20))
    )
    settings = '[detect]\ndetector = "motion"\n[associate]\nmin_travel_s = 2\nmax_travel_s = 60\n'
    create_topics(servers())
    for name, url in (("sqlite", "sqlite:runs/corridor.db"), ("kafka", f"kafka://{servers()}")):
        (folder / f"{name}.toml").write_text(f'{cameras}{settings}[log]\nurl = "{url}"\n')
        result = corridor(folder, "run", f"{name}.toml")
        assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.parametrize("topic", [OBSERVATIONS, TRAJECTORIES])
def test_both_logs_hold_the_same_bytes(site: Path, topic: str) -> None:
    held = []
    for url in (f"sqlite:{site}/runs/corridor.db", f"kafka://{servers()}"):
        log = open_log(url)
        held.append([(record.key, record.value) for record in log.read(topic, 0, 100_000)])
        log.close()
    sqlite, kafka = held
    assert kafka == sqlite
    assert len(sqlite) > 5


def test_summaries_are_there(site: Path) -> None:
    log = open_log(f"kafka://{servers()}")
    assert log.read(IDENTITIES, 0, 10)
    log.close()


CASES = [(number, kind) for number, text in enumerate(PYTHON) for kind in ("sqlite", "kafka")[: 1 + ("_URL" in text)]]


@pytest.mark.parametrize(("number", "kind"), CASES)
def test_python_as_written(site: Path, number: int, kind: str) -> None:
    urls = {"sqlite": f"sqlite:{site}/runs/corridor.db", "kafka": f"kafka://{servers()}"}
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "KAFKA_BOOTSTRAP_SERVERS": servers(),
        "CORRIDOR_LOG": str(site / "runs/corridor.db"),
        "CORRIDOR_LOG_URL": urls[kind],
    }
    result = subprocess.run(
        [sys.executable, "-c", PYTHON[number]], capture_output=True, text=True, env=environment, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert re.search(r"north|zone-", result.stdout)


@pytest.mark.parametrize("block", SHELL)
def test_shell_as_written(site: Path, block: str) -> None:
    for tool in ("kcat", "jq"):
        if shutil.which(tool) is None:
            skip_or_fail("kafka", f"there is no {tool}")
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers()}
    result = subprocess.run(["bash", "-c", block], capture_output=True, text=True, env=environment, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "zone-1\tnorth" in result.stdout


def test_trajectories_are_read_from_kafka(site: Path) -> None:
    result = corridor(site, "trajectories", "kafka.toml")
    assert result.returncode == 0, result.stderr
    assert '"kind":"extended"' in result.stdout
