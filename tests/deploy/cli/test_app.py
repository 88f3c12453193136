"""The table of commands: complete, true, and light."""

import subprocess
import sys

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from deploy.cli.app import COMMANDS, DeferredCommand, app

HEAVY = ("numpy", "msgspec", "cv2", "av", "openvino", "torch", "kafka", "deploy.cli.run", "deploy.site.config")


def deferred(name: str) -> DeferredCommand:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    command = group.commands[name]
    assert isinstance(command, DeferredCommand)
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_line_is_the_command_s_own(name: str) -> None:
    command = deferred(name)
    loaded = command.load()
    assert loaded.help is not None
    assert " ".join(loaded.help.split("\n\n")[0].split()) == command.help


@pytest.mark.parametrize("name", [name for name in COMMANDS if isinstance(deferred(name).load(), TyperGroup)])
def test_a_group_has_its_commands(name: str) -> None:
    told = CliRunner().invoke(app, [name, "--help"])
    assert told.exit_code == 0
    loaded = deferred(name).load()
    assert isinstance(loaded, TyperGroup)
    assert loaded.commands
    assert all(each in told.output for each in loaded.commands)


def test_options_reach_the_command() -> None:
    told = CliRunner().invoke(app, ["run", "none.toml", "--nonsense"])
    assert told.exit_code == 2
    assert "--nonsense" in told.output


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_no_command_is_loaded_to_say_what_there_is(option: str) -> None:
    script = f"""
import sys
from deploy.cli.main import main
sys.argv = ["corridor", "{option}"]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
loaded = [name for name in {HEAVY!r} if name in sys.modules]
sys.exit(f"loaded: {{loaded}}" if loaded else 0)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
