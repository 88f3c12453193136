"""docs/reference/cli.md from the commands: help, arguments, options and defaults of each."""

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from deploy.cli.app import DeferredCommand, app

HEAD = """# Commands

Made from the code by `make schemas`. `corridor COMMAND --help` shows the same. The codes that commands end with:
[exit codes](../exit-codes.md)."""

SHELL_OPTIONS = ("help", "install_completion", "show_completion")
"""Options of every command, and those that set up the shell: left out."""


def commands_page() -> str:
    """Every command of `corridor`, as Markdown."""
    return "\n\n".join([HEAD, *_sections(get_command(app), "corridor", None)]) + "\n"


def _sections(command: Any, name: str, parent: Any) -> Iterator[str]:
    if isinstance(command, DeferredCommand):
        command = command.load()
    context = typer.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    parameters = [it for it in command.get_params(context) if it.name not in SHELL_OPTIONS]
    yield f"{'##' if name.count(' ') < 2 else '###'} `{name}`\n\n{_help_text(command.help or '')}"
    yield f"```console\n$ {_usage(command, name, parameters)}\n```"
    if parameters:
        rows = (f"| `{_names(it)}` | {_cell(it.get_help_record(context)[1])} |" for it in parameters)
        yield "\n".join(["| argument or option | meaning |", "|---|---|", *rows])
    if isinstance(command, TyperGroup):
        for below in command.list_commands(context):
            yield from _sections(command.get_command(context, below), f"{name} {below}", context)


def _usage(command: Any, name: str, parameters: list[Any]) -> str:
    words = [name]
    if any(it.param_type_name == "option" for it in parameters):
        words.append("[OPTIONS]")
    for it in parameters:
        if it.param_type_name == "argument":
            words.append(_names(it) if it.required else f"[{_names(it)}]")
    return " ".join([*words, "COMMAND ..."] if isinstance(command, TyperGroup) else words)


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"{parameter.metavar or parameter.name.upper()}{'...' if parameter.nargs == -1 else ''}"
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    return names if parameter.is_flag else f"{names} VALUE"


def _help_text(text: str) -> str:
    """Paragraphs on one line each; examples, which are commands, as code."""
    paragraphs = (paragraph.strip("\b\n ") for paragraph in _plain(text).split("\n\n"))
    return "\n\n".join(
        f"```bash\n{paragraph}\n```" if paragraph.startswith("corridor ") else " ".join(paragraph.split())
        for paragraph in paragraphs
    )


def _cell(text: str) -> str:
    """Text that stays within a cell of a Markdown table."""
    return " ".join(_plain(text).split()).replace("|", r"\|")


def _plain(text: str) -> str:
    """Help without the backslashes that keep a terminal's markup from taking `[crops]` for a colour."""
    return text.replace(r"\[", "[")
