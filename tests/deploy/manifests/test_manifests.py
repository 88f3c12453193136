"""Manifests: a container that runs as nobody, services, units and proxies that are valid and start this program."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.web.operation import LARGEST_UPLOAD
from tests.bench.container.containerfile import Instruction, read_stages
from tests.bench.container.root import Root
from tests.conftest import ROOT

MANIFESTS = ROOT / "deploy" / "manifests"
CONTAINERFILE = (MANIFESTS / "container" / "Containerfile").read_text()
STAGES = read_stages(CONTAINERFILE)
COMPOSE = yaml.safe_load((MANIFESTS / "container" / "compose.yaml").read_text())
UNITS = sorted((MANIFESTS / "systemd").glob("*.service"))


def instructions(name: str) -> list[str]:
    return [each.words for stage in STAGES for each in stage.instructions if each.name == name]


def test_the_container_copies_what_there_is_and_what_the_wheel_needs() -> None:
    sources = {each for line in instructions("COPY") if "--from" not in line for each in line.split()[:-1]}
    assert all((ROOT / each).exists() for each in sources)
    included = re.search(r"^only-include = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.M)
    assert included is not None
    assert set(re.findall(r'"([^"]+)"', included[1])) <= sources
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == sources


def test_the_container_has_stages_a_user_and_a_health_check() -> None:
    assert [stage.name for stage in STAGES] == ["build", ""]
    assert len({stage.image for stage in STAGES}) == 1
    (user,) = instructions("USER")
    assert int(user) > 0
    assert CONTAINERFILE.index("\nUSER") < CONTAINERFILE.index("\nENTRYPOINT")
    (check,) = instructions("HEALTHCHECK")
    assert "/healthz" in check
    assert not re.search(r"^ADD|curl|:latest", CONTAINERFILE, re.M)


def test_every_instruction_can_be_done_without_an_engine(tmp_path: Path) -> None:
    """All but the commands themselves: `python -m tests.bench.container` runs those."""
    build, last = (Root(tmp_path / name, ROOT, {}, {}, {"PATH": "/bin"}) for name in ("build", "last"))
    last.stages = {"build": build}
    (build.path / "opt/corridor").mkdir(parents=True)
    for root, stage in ((build, STAGES[0]), (last, STAGES[1])):
        for each in stage.instructions:
            if each.name != "RUN":
                root.apply(each)
    assert (build.inside("deploy/web/server.py")).is_file()
    assert not list(build.path.rglob("__pycache__"))
    assert (last.path / "opt/corridor").is_dir()
    assert last.environment["PATH"] == "/opt/corridor/bin:/bin"
    assert (last.user, last.folder, last.words("ENTRYPOINT")) == (10001, "/var/lib/corridor", ["corridor"])
    assert last.words("HEALTHCHECK")[:2] == ["python", "-c"]
    with pytest.raises(ValueError, match="the instruction ADD is not understood here"):
        last.apply(Instruction("ADD", "https://example.org/ /"))


def test_services_are_valid_compose() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*command, MANIFESTS / "container" / "compose.yaml"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def commands() -> list[list[str]]:
    """Every command line of `corridor` in the manifests, with a site's file."""
    lines = [each["command"] for each in COMPOSE["services"].values() if "command" in each]
    for unit in UNITS:
        (start,) = re.findall(r"^ExecStart=\S+/corridor --log-format json (.*)$", unit.read_text(), re.M)
        lines.append(start.replace("/etc/corridor/%i.toml", "site.toml").split())
    (default,) = instructions("CMD")
    return [*lines, yaml.safe_load(default)]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_commands_are_those_of_this_program(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every one is understood as far as its configuration, which is not there."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, command)
    assert "site.toml" in str(result.exception or result.output)
    assert "No such option" not in result.output
    assert "No such command" not in result.output


def test_every_service_has_what_it_writes_on_a_volume_and_nothing_else() -> None:
    services: dict[str, dict[str, Any]] = COMPOSE["services"]
    assert sorted(services) == ["associate", "kafka", "observe-1", "observe-2", "serve", "topics"]
    named = set(COMPOSE["volumes"])
    for name, service in services.items():
        used = {each.partition(":")[0] for each in service["volumes"]}
        assert {each for each in used if not each.startswith(".")} <= named
        if name in ("kafka", "topics"):
            continue
        assert f"{name}:/var/lib/corridor/runs" in service["volumes"], "a spool of its own"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    assert all(each.startswith("127.0.0.1:") for service in services.values() for each in service.get("ports", []))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_understood_by_systemd(unit: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze")
    # The program that it starts has to be there.
    text = unit.read_text().replace("/opt/corridor/bin/corridor", "/bin/true")
    checked = tmp_path / unit.name
    checked.write_text(text)
    done = subprocess.run([program, "verify", "--man=no", checked], check=False, capture_output=True, text=True)
    if "Failed to" in done.stderr and "manager" in done.stderr:
        pytest.skip(f"systemd-analyze does not work here: {done.stderr.strip()}")
    complaints = [line for line in done.stderr.splitlines() if unit.name.partition("@")[0] in line]
    assert complaints == []
    assert "User=corridor" in text
    assert "ProtectSystem=strict" in text


def test_proxies_hand_on_what_the_server_needs() -> None:
    nginx = (MANIFESTS / "proxy" / "nginx.conf").read_text()
    assert nginx.count("{") == nginx.count("}")
    for line in ("proxy_set_header Host $host;", "proxy_buffering off;", "proxy_set_header Upgrade $http_upgrade;"):
        assert line in nginx
    limit = re.search(r"client_max_body_size (\d+)m;", nginx)
    assert limit is not None
    assert int(limit[1]) * 1024 * 1024 == LARGEST_UPLOAD
    for name in ("nginx.conf", "Caddyfile"):
        assert "127.0.0.1:8600" in (MANIFESTS / "proxy" / name).read_text()
