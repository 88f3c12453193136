"""`corridor users`: who may use the operator's view of a site."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.web.libraries import require_web
from deploy.site.config import load_config
from ingest.errors import ConfigError

if TYPE_CHECKING:
    from deploy.web.access.users import Users

app = typer.Typer(
    no_args_is_help=True,
    help="The users of the operator's view (`corridor serve`), in runs/NAME/users.json.\n\n"
    "On loopback none is needed; as soon as there is one, everybody has to log in.",
)

ConfigFile = Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)]
Name = Annotated[str, typer.Argument(help="The user's name.", show_default=False)]


class RoleName(StrEnum):
    """Role of a user: its permissions."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@app.command()
def add(
    file: ConfigFile,
    name: Name,
    role: Annotated[
        RoleName, typer.Option("--role", help="viewer sees, operator also corrects links, admin also changes cameras.")
    ] = RoleName.VIEWER,
) -> None:
    """Add a user, or give a known one another role and password; the password is asked for, or read from a pipe."""
    users = _users(file)
    from deploy.web.access.users import Role

    users.add(name, Role(role.value), _password())
    typer.echo(f"{name} is {role.value} in {users.path}")


@app.command("list")
def list_users(file: ConfigFile) -> None:
    """List the users with their roles and tokens."""
    users = _users(file)
    if not users.all():
        raise ConfigError(f"there are no users in {users.path} (corridor users add {file} NAME)")
    for user in users.all().values():
        tokens = f"  tokens: {', '.join(token.name for token in user.tokens)}" if user.tokens else ""
        typer.echo(f"{user.name}  {user.role.value}{tokens}")


@app.command()
def remove(file: ConfigFile, name: Name) -> None:
    """Remove a user with all tokens; sessions end with the next request."""
    users = _users(file)
    users.remove(name)
    typer.echo(f"{name} is no user any more")


@app.command()
def token(
    file: ConfigFile,
    name: Name,
    label: Annotated[str, typer.Option("--for", help="What the token is for; a second one of that name replaces it.")],
) -> None:
    """Make an API token with the role of a user, and print it; it is shown this once."""
    typer.echo(_users(file).add_token(name, label))


def _users(file: Path) -> "Users":
    require_web()
    load_config(file)
    from deploy.web.access.users import Users
    from deploy.web.server import users_file

    return Users(users_file(file))


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")
