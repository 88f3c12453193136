"""The table of commands: complete, true, and light."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from rich.text import Text
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


def every_command() -> Iterator[tuple[str, Any]]:
    """Each command and group by its name."""
    waiting: list[tuple[str, Any]] = [(name, deferred(name).load()) for name in COMMANDS]
    while waiting:
        name, command = waiting.pop()
        yield name, command
        waiting += [(f"{name} {below}", each) for below, each in getattr(command, "commands", {}).items()]


ALL = dict(every_command())


@pytest.mark.parametrize("name", ALL)
def test_nothing_in_the_help_is_taken_for_a_colour(name: str) -> None:
    texts = [ALL[name].help or "", *(getattr(each, "help", None) or "" for each in ALL[name].params)]
    for text in texts:
        assert Text.from_markup(text).plain.count("[") == text.count("["), text


def test_tables_of_the_configuration_are_in_the_help() -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"})
    assert "([crops] keep = true)" in told.output


def test_counts_have_an_upper_bound() -> None:
    """A slip of the finger must not ask for a million processes; a seed counts nothing."""
    kinds = [
        (name, parameter.name, parameter.type_descriptor)
        for name, command in ALL.items()
        for parameter in command.params
        if hasattr(parameter, "type_descriptor")
    ]
    counts = [each for each in kinds if each[2].annotation is int and not each[1].endswith("seed")]
    assert len(counts) > 10
    assert [each[:2] for each in counts if each[2].parameter_info.max is None] == []
