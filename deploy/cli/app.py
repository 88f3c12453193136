"""All commands of `corridor` by name. A command's module, and all it imports, is loaded when the command is called."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from deploy.cli.terminal.log_lines import LogFormat, set_up_logging
from deploy.cli.usage import RedactingGroup

COMMANDS = {
    "demo": ("deploy.cli.demo:demo", "Three cameras in a synthetic city: see vehicles move from camera to camera."),
    "init": ("deploy.cli.init:init", "Write a configuration with comments for your cameras, and a still of each."),
    "run": ("deploy.cli.run:run", "Everything in one process: watch the cameras and link their vehicles."),
    "observe": (
        "deploy.cli.run:observe",
        "Watch the cameras and write observations to the log; `corridor associate` links them.",
    ),
    "associate": ("deploy.cli.run:associate", "Link the observations on the log into trajectories, until Ctrl-C."),
    "trajectories": (
        "deploy.cli.trajectories:trajectories",
        "Show trajectories: a table in a terminal, every event as a JSON line in a pipe.",
    ),
    "explain": (
        "deploy.cli.links.explain:explain_identity",
        "Explain an identity: for every sighting the probability of its link, what spoke for it, and the next best.",
    ),
    "topology": (
        "deploy.cli.links.topology:topology",
        "Show what association has learned of a site's roads: where vehicles go next, how often, and in what time.",
    ),
    "index": (
        "deploy.cli.search.index:index",
        "Keep the index of all sightings up to date with the log, until Ctrl-C; `corridor search` asks it.",
    ),
    "search": (
        "deploy.cli.search.search:search_sightings",
        "Find a vehicle in everything that the cameras have seen: by an image, a sighting or an identity.",
    ),
    "watch": (
        "deploy.cli.search.watch:app",
        "Vehicles that are watched for: matches come onto the topic `matches`, while the site runs.",
    ),
    "forget": (
        "deploy.cli.search.forget:forget_identity",
        "Delete a vehicle from the index and its crops, for good: it is found no more, by nobody.",
    ),
    "export": (
        "deploy.cli.search.export:export",
        "Export what is known of a vehicle: crops, times, evidence, encoder and hashes, as HTML and JSON.",
    ),
    "replay": (
        "deploy.cli.links.replay:replay",
        "Associate the observations of a log once more, into a new log, as fast as the processor allows.",
    ),
    "diff": ("deploy.cli.links.diff:diff", "Compare the identities of two logs: merged, split, changed."),
    "correct": (
        "deploy.cli.links.correct:correct",
        "Say whether two sightings are one vehicle: a correction, which association heeds when it comes to it.",
    ),
    "annotate": (
        "deploy.cli.annotate:annotate",
        "Draw the boxes, track ids and labels of vehicles into a copy of each recording.",
    ),
    "distill": (
        "deploy.cli.distill:distill",
        "Teach a small detector what a large one sees in your own footage, for sites without a GPU.",
    ),
    "score": (
        "deploy.cli.score.command:score",
        "Score a run against the truth: IDF1, HOTA and MOTA of every camera and of all together, and the links.",
    ),
    "serve": (
        "deploy.cli.web.serve:serve",
        "Serve the operator's view, the API and metrics of a site, until Ctrl-C.",
    ),
    "report": (
        "deploy.cli.web.report:app",
        "Travel times, counts, and where vehicles go: tables, or CSV in a pipe.",
    ),
    "users": (
        "deploy.cli.web.users:app",
        "The users of the operator's view (`corridor serve`), in runs/NAME/users.json.",
    ),
    "cameras": (
        "deploy.cli.cameras.commands:app",
        "Look after the cameras of a site: check them, and add, change, pause or remove them while it runs.",
    ),
    "city": (
        "deploy.cli.city.commands:app",
        "The synthetic city: recordings, streams and training sets with truth, rendered on the CPU.",
    ),
    "crops": ("deploy.cli.crops:app", "Use the crops that a run has kept (\\[crops] keep = true)."),
    "encoder": ("deploy.cli.encoder.commands:app", "Train encoders, and see how well they find vehicles again."),
    "weights": (
        "deploy.cli.weights:app",
        "Networks that Corridor runs but does not ship: list them, fetch them, check them.",
    ),
    "topics": (
        "deploy.cli.topics:app",
        "The topics of a log on Kafka. Run `create` once for every cluster: no other command creates them.",
    ),
}
"""By name: where the command is, MODULE:FUNCTION or MODULE:APP, and the first paragraph of its help."""


class DeferredCommand(TyperCommand):
    """A command, or a group of commands, by its name and one line of help; the rest is loaded when it is called."""

    def __init__(self, name: str, target: str, help_line: str) -> None:
        super().__init__(name, help=help_line, callback=lambda: None)
        self._target = target

    def load(self) -> TyperCommand | TyperGroup:
        """The command itself."""
        module, _, attribute = self._target.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return get_group(found)
        alone = typer.Typer(add_completion=False)
        alone.command(self.name)(found)
        command = get_command(alone)
        assert isinstance(command, TyperCommand)
        return command

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        """As click's, of the command itself: the line is parsed by its options, and its help is shown."""
        return self.load().make_context(*arguments, **named)


class Commands(RedactingGroup):
    """The group of all commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, (target, help_line) in COMMANDS.items():
            self.add_command(DeferredCommand(name, target, help_line))


app = typer.Typer(
    name="corridor",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Links the sightings of a vehicle across many cameras, as they happen.\n\n"
    "Start with `corridor demo`; then write a configuration (docs/configuration.md) and `corridor run FILE`.",
    epilog="Exit codes: docs/exit-codes.md.",
)


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
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="Lines on standard error: for people, or a JSON object each.")
    ] = LogFormat.TEXT,
) -> None:
    """Options that stand before every command."""
    set_up_logging(verbose=verbose, log_format=log_format)
