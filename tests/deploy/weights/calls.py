"""What the tests call: a download whose progress nobody hears, and `corridor weights` with what it says."""

from pathlib import Path

from typer.testing import CliRunner

from deploy.cli.weights import app
from deploy.weights import download
from deploy.weights.catalogue import Network


def pull(network: Network, folder: Path) -> bool:
    return download.pull("net", network, folder, lambda file, done, total: None)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def row(output: str, first: str) -> str:
    return next(line for line in output.splitlines() if line.split()[:1] == [first])
