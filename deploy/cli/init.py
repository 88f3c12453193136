"""`corridor init`: a first configuration from the addresses of cameras, with a still of each."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.exit_codes import ExitCode
from deploy.cli.terminal.screen import make_console
from deploy.site.config import RUNS, parse_config
from deploy.site.first_look import WAIT_S, FirstLook, look_at
from deploy.site.starting_config import camera_of, starting_configuration
from ingest.camera import Camera
from ingest.clock import SystemClock
from ingest.errors import ConfigError


def init(
    file: Annotated[Path, typer.Argument(help="The configuration to write.")] = Path("site.toml"),
    camera: Annotated[
        list[str] | None,
        typer.Option(
            "--camera",
            "-c",
            metavar="[ID=]URL",
            help="A camera: rtsp://..., http://..., or a recording; again for more. Without any, you are asked.",
        ),
    ] = None,
) -> None:
    """Write a configuration with comments for your cameras, and a still of each.

    All cameras are opened at once, for ten seconds at most; one that gives nothing is said, and kept. A password in
    an address is not written: the configuration names an environment variable that has to hold it. Nothing is
    overwritten.

    corridor init site.toml -c bridge=rtsp://user@10.0.0.1/stream -c market=rtsp://user@10.0.0.2/stream
    """
    _refuse_to_overwrite(file)
    given = camera or _asked()
    cameras = [camera_of(text, number) for number, text in enumerate(given, 1)]
    # What is wrong with an address is said before anything is opened.
    parse_config(starting_configuration(cameras, str(file), {}), str(file))
    console = make_console()
    console.print(f"opening {len(cameras)} cameras, {WAIT_S:g} s at most ...", highlight=False)
    looks = look_at(cameras, SystemClock())
    stills = RUNS / file.stem / "stills"
    notes = {each.camera.id: _note(each, stills) for each in looks}
    _write(file, starting_configuration(cameras, str(file), notes))
    for each in looks:
        console.print(f"  {each.camera.id}: {notes[each.camera.id]}", highlight=False, soft_wrap=True, markup=False)
    console.print(f"{file} is written; go on with: corridor run {file}", highlight=False, soft_wrap=True, markup=False)
    _say_passwords(cameras)
    dead = [each.camera.id for each in looks if each.frame is None]
    if dead:
        typer.echo(
            f"not everything was done: no frame from {len(dead)} of {len(looks)} cameras: {', '.join(dead)}; "
            f"they are in {file} all the same (exit code {ExitCode.PARTLY})",
            err=True,
        )
        raise typer.Exit(ExitCode.PARTLY)


def _asked() -> list[str]:
    """The addresses that a person types, one a line."""
    if not sys.stdin.isatty():
        raise ConfigError("no camera is named; give each with --camera [ID=]URL")
    typer.echo("Addresses of the cameras, [ID=]URL, one a line; an empty line ends:")
    texts: list[str] = []
    while text := typer.prompt(f"camera {len(texts) + 1}", default="", show_default=False).strip():
        texts.append(text)
    if not texts:
        raise ConfigError("no camera is named; nothing is written")
    return texts


def _note(look: FirstLook, stills: Path) -> str:
    """Describe a camera for the configuration's comment, and save its still."""
    if look.frame is None:
        return f"no frame when this was written: {look.error}"
    from deploy.results.image_file import save_image

    still = stills / f"{look.camera.id}.jpg"
    save_image(still, look.frame.image)
    width, height = look.frame.size
    return f"{width}x{height}, clock: {look.frame.clock.value}, still: {still}"


def _refuse_to_overwrite(file: Path) -> None:
    if file.exists():
        raise ConfigError(f"{file} is there already; name another file, or move it away")


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        _refuse_to_overwrite(file)
        raise
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}") from error


def _say_passwords(cameras: Sequence[Camera]) -> None:
    variables = [each.credentials.removeprefix("env:") for each in cameras if each.credentials is not None]
    if variables:
        typer.echo(f"before every run, set the passwords: export {' '.join(f'{each}=...' for each in variables)}")
