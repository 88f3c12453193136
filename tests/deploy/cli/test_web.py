"""`corridor serve` and `corridor users`, as somebody at a terminal sees them."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.log.opening import open_log
from tests.associate.samples import convoy
from tests.conftest import ROOT
from tests.deploy.web.town import TOML, put

pytest.importorskip("starlette", reason="extra `web`")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("town.toml").write_text(TOML.format(keep="false"))
    put(open_log("sqlite:runs/town/corridor.db"), convoy(2))  # type: ignore[arg-type]
    return "town.toml"


def run(*arguments: str, text: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), input=text)
    return result.exit_code, result.output + (f"{result.exception}" if result.exception else "")


def test_users_come_and_go(site: str) -> None:
    assert run("users", "add", site, "ada", "--role", "admin", text="a long password\n") == (
        0,
        "ada is admin in runs/town/users.json\n",
    )
    code, token = run("users", "token", site, "ada", "--for", "grafana")
    assert (code, len(token.strip()) > 40) == (0, True)
    assert run("users", "list", site) == (0, "ada  admin  tokens: grafana\n")
    kept = Path("runs/town/users.json").read_text()
    assert "a long password" not in kept
    assert token.strip() not in kept
    assert run("users", "remove", site, "ada")[0] == 0
    assert "there are no users" in run("users", "list", site)[1]


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        (("users", "add", "town.toml", "ada"), "short\n", "10 to 256 characters"),
        (("users", "add", "town.toml", "a b"), "a long password\n", "user 'a b'"),
        (("users", "remove", "town.toml", "nobody"), "", "there is no user 'nobody'"),
        (("serve", "town.toml", "--listen", "0.0.0.0:0"), "", "corridor users add town.toml NAME"),
        (("serve", "town.toml", "--listen", "here"), "", "'here' is no address"),
    ],
)
def test_what_cannot_be_is_refused(site: str, arguments: tuple[str, ...], text: str, words: str) -> None:
    code, output = run(*arguments, text=text)
    assert code != 0
    assert words in output


def test_serve_answers_until_it_is_asked_to_stop(site: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "deploy.cli.main", "serve", site, "--listen", ":0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        address = line.rpartition(" ")[2].strip()
        assert address.startswith("http://127.0.0.1:"), line
        with urllib.request.urlopen(f"{address}/healthz", timeout=20) as answer:
            assert answer.read() == b'{"status":"alive"}'
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert process.stderr.read() == ""
