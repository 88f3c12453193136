"""What a case shows: what was said, what was counted, and the exit code."""

import contextlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy.cli.app import app
from deploy.cli.exit_codes import exit_code
from deploy.cli.terminal.log_lines import LogFormat, set_up_logging, write_error
from ingest.errors import CorridorError
from tests.system.sites import write_site


@dataclass(frozen=True, slots=True)
class Seen:
    """said: all lines, as one; counts: by name; code: None of a reader that is no command."""

    said: str
    code: int | None
    counts: Mapping[str, int] = field(default_factory=dict)


Case = Callable[[Path, pytest.MonkeyPatch], Seen]


def command(folder: Path, *arguments: str, camera: str = "a") -> Seen:
    """Run `corridor` in this process, with a folder as its own; counts of a camera are those of `status.json`."""

    def run() -> int:
        try:
            app(list(arguments))
        except SystemExit as ended:
            return int(ended.code or 0)
        raise AssertionError("typer ends every command")

    with contextlib.chdir(folder):
        said, code = _listened(run)
    return Seen(said, code, counts_in(folder / "status.json", camera))


def reading(read: Callable[[], object]) -> Seen:
    """Call a reader that commands use; the exit code is that of its error."""

    def run() -> int:
        read()
        return 0

    said, code = _listened(run)
    return Seen(said, code)


def _listened(run: Callable[[], int]) -> tuple[str, int]:
    heard = io.TextIOWrapper(io.BytesIO(), write_through=True)
    with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
        set_up_logging(verbose=False, log_format=LogFormat.TEXT)
        try:
            code = run()
        except CorridorError as error:
            write_error(error)
            code = exit_code(error)
    heard.seek(0)
    return " ".join(heard.read().split()), code


def counts_in(status: Path, camera: str) -> dict[str, int]:
    """Counters of a camera in a status file, `left_out.REASON` among them; empty before there is one."""
    if not status.exists():
        return {}
    (of_camera,) = [each for each in json.loads(status.read_text()) if each["camera"] == camera]
    counts = {name: value for name, value in of_camera.items() if isinstance(value, int)}
    counts |= {f"left_out.{reason}": count for reason, count in of_camera["left_out"].items()}
    return counts | {
        "notes": len(of_camera["notes"]),
        "clock_suspect": int(bool(of_camera["clock_suspect"])),
        "error": int(bool(of_camera["error"])),
    }


def site(folder: Path, cameras: Mapping[str, str], extra: str = "") -> Path:
    """A configuration of recordings or streams, with what is quickest to load."""
    return write_site(folder, cameras, f'[embed]\nencoder = "colour"\n{extra}')
