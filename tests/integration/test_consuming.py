"""What docs/consuming.md shows, run as it is written beside a running site; and that Kafka holds SQLite's bytes."""

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import Cluster
from deploy.log.opening import open_log
from deploy.log.topics import IDENTITIES, OBSERVATIONS, TRAJECTORIES
from tests.conftest import ROOT, skip_or_fail
from tests.contracts.kafka_broker import RUN, servers
from tests.ingest.clips import write_clip
from tests.system.command import corridor, start

PAGE = (ROOT / "docs" / "consuming.md").read_text()
EXAMPLES = re.findall(r"```(python|bash|java)\n(.*?)```", PAGE, re.DOTALL)
ON_KAFKA = [each for each in EXAMPLES if re.search(r"KafkaConsumer|kcat", each[1])]
LOCAL = [each for each in EXAMPLES if each not in ON_KAFKA]
SQLITE_URL = "sqlite:runs/site/corridor.db"
DEVELOPMENT_BROKER = "localhost:19092"
PATIENCE_S = 60.0
SETTINGS = '[detect]\ndetector = "motion"\n[associate]\nmin_travel_s = 2\nmax_travel_s = 60\n'


def _site(folder: Path, *, realtime: bool) -> str:
    """A configuration of two cameras that saw the same road, 20 s apart by their clocks."""
    write_clip(folder / "clip.mp4", 150, size=(320, 192))
    cameras = "".join(
        f'[[cameras]]\nid = "{name}"\nsource = "clip.mp4"\nstarts_at = 2026-01-01T00:00:{seconds:02d}Z\n'
        f"realtime = {str(realtime).lower()}\n"
        for name, seconds in (("north", 0), ("south", 20))
    )
    return cameras + SETTINGS


@pytest.fixture(scope="module")
def live_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which `corridor run site.toml` has just been started, as README has it."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "site.toml").write_text(_site(folder, realtime=True))
    (folder / "corridor").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m deploy.cli.main "$@"\n')
    (folder / "corridor").chmod(0o755)
    run = start(folder, "run", "site.toml")
    deadline_s = time.monotonic() + PATIENCE_S
    while not (folder / "runs/site/corridor.db").exists():
        assert time.monotonic() < deadline_s, "the run has made no log"
        time.sleep(0.1)
    yield folder
    run.kill()
    run.communicate()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same site, run to its end over SQLite and over Kafka."""
    folder = tmp_path_factory.mktemp("site")
    text = _site(folder, realtime=False)
    create_topics(Cluster(servers()))
    for name, url in (("site", SQLITE_URL), ("kafka", f"kafka://{servers()}")):
        (folder / f"{name}.toml").write_text(f'{text}[log]\nurl = "{url}"\n')
        result = corridor(folder, "run", f"{name}.toml")
        assert result.returncode == 0, result.stderr
    return folder


def _command(language: str, text: str, folder: Path) -> list[str]:
    """How an example is run: a Java source as it is, with the jars of the development broker."""
    if language != "java":
        return [sys.executable if language == "python" else "bash", "-c", text]
    (folder / "Journeys.java").write_text(text)
    libraries = subprocess.run([RUN, "libs"], check=True, capture_output=True, text=True).stdout.strip()
    return ["java", "-cp", f"{libraries}/*", "Journeys.java"]


def _first_line(language: str, text: str, folder: Path) -> str:
    """What an example prints first; it is ended then, as Ctrl-C ends it."""
    command = _command(language, text, folder)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{folder}:{os.environ['PATH']}"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
        line = process.stdout.readline().decode() if ready else ""
        os.killpg(process.pid, 9)
        errors = process.stderr.read().decode()
    assert line, f"nothing within {PATIENCE_S:.0f} s: {errors}"
    return line


def _check_tools(language: str, text: str) -> None:
    if language == "java" and shutil.which("javac") is None:
        skip_or_fail("kafka", "there is no Java development kit")
    for tool in ("kcat", "jq"):
        if language == "bash" and tool in text and shutil.which(tool) is None:
            skip_or_fail("kafka", f"there is no {tool}")


@pytest.mark.parametrize("example", LOCAL, ids=lambda each: each[0])
def test_examples_print_beside_a_live_run(live_site: Path, example: tuple[str, str]) -> None:
    language, text = example
    _check_tools(language, text)
    assert re.search(r"zone-\d", _first_line(language, text, live_site))


@pytest.mark.parametrize("example", [*ON_KAFKA, LOCAL[0]], ids=lambda each: each[0])
def test_examples_print_what_is_on_kafka(site: Path, example: tuple[str, str]) -> None:
    language, text = example
    _check_tools(language, text)
    text = text.replace(DEVELOPMENT_BROKER, servers()).replace(SQLITE_URL, f"kafka://{servers()}")
    assert re.search(r"zone-\d|north", _first_line(language, text, site))


def test_there_is_one_development_broker() -> None:
    pages = [ROOT / "README.md", ROOT / "docs" / "consuming.md"]
    named = {found for page in pages for found in re.findall(r"(?<!http://)localhost:\d+", page.read_text())}
    assert named == {DEVELOPMENT_BROKER}
    port = DEVELOPMENT_BROKER.partition(":")[2]
    assert f"CORRIDOR_KAFKA_PORT:-{port}" in (ROOT / "deploy/manifests/kafka/run.sh").read_text()


@pytest.mark.parametrize("topic", [OBSERVATIONS, TRAJECTORIES])
def test_both_logs_hold_the_same_bytes(site: Path, topic: str) -> None:
    held = []
    for url in (f"sqlite:{site}/runs/site/corridor.db", f"kafka://{servers()}"):
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


def test_trajectories_are_read_from_kafka(site: Path) -> None:
    result = corridor(site, "trajectories", "kafka.toml")
    assert result.returncode == 0, result.stderr
    assert '"kind":"extended"' in result.stdout
