"""The `corridor` command."""

import logging
import os
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler

from deploy.cli import cameras, crops, demo, distill, run, topics, trajectories, weights
from deploy.cli.city import commands as city
from deploy.cli.encoder import commands as encoder
from deploy.cli.score import command as score
from ingest.errors import CorridorError
from ingest.redact import RedactingFilter, redact

app = typer.Typer(
    name="corridor",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Links the sightings of a vehicle across many cameras, as they happen.\n\n"
    "Start with `corridor demo`; then write a configuration (docs/configuration.md) and `corridor run FILE`.",
)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("observe")(run.observe)
app.command("associate")(run.associate)
app.command("trajectories")(trajectories.trajectories)
app.command("distill")(distill.distill)
app.command("score")(score.score)
app.add_typer(cameras.app, name="cameras")
app.add_typer(city.app, name="city")
app.add_typer(crops.app, name="crops")
app.add_typer(encoder.app, name="encoder")
app.add_typer(weights.app, name="weights")
app.add_typer(topics.app, name="topics")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"corridor {version('corridor')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on standard error.")] = False,
) -> None:
    """Options that stand before every command."""
    console = Console(stderr=True)
    handler: logging.Handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    if console.is_terminal:
        handler = RichHandler(console=console, show_time=False, show_path=False, markup=False)
    handler.addFilter(RedactingFilter())
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])


def main() -> None:
    """Run the command; what a user can cause is one line on standard error and exit code 2."""
    try:
        app()
    except CorridorError as error:
        sys.stderr.write(f"error: {redact(' '.join(str(error).split()))}\n")
        sys.exit(2)
    except ImportError as error:
        if "libGL" not in str(error) and "libglib" not in str(error):
            raise
        sys.stderr.write(
            f"error: OpenCV needs a system library: {error} (Debian, Ubuntu: apt-get install libgl1 libglib2.0-0)\n"
        )
        sys.exit(2)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; do not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
