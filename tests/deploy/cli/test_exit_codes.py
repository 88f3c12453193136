"""The exit codes: one table, and the documentation's is the same."""

import re

import pytest

from deploy.cli.exit_codes import ExitCode, exit_code
from ingest.errors import (
    AuthFailedError,
    ConfigError,
    CorridorError,
    FencedError,
    LogError,
    LogOpeningError,
    SourceError,
    SpentWriterError,
    WeightsError,
)
from tests.conftest import ROOT

ERRORS: dict[type[CorridorError], int] = {
    ConfigError: 2,
    SourceError: 2,
    AuthFailedError: 2,
    WeightsError: 2,
    LogOpeningError: 2,
    FencedError: 4,
    LogError: 70,
    SpentWriterError: 70,
}


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_has_its_code(kind: type[CorridorError]) -> None:
    assert exit_code(kind("x")) == ERRORS[kind]


def test_the_documentation_has_the_same_table() -> None:
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "exit-codes.md").read_text(), re.MULTILINE)
    assert sorted(map(int, rows)) == sorted([1, *map(int, ExitCode)])
