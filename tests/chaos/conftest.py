"""A table of the stories that were played, at the end; and sockets of broken connections are collected in time."""

import gc
import warnings
from collections.abc import Iterator

import pytest

from tests.chaos.story import STORIES, Told

COLUMNS = "{:<14}{:>6}{:>8}{:>14}{:>6}{:>12}{:>6}"
HEADS = ("log", "seed", "faults", "observations", "lost", "duplicates", "torn")


@pytest.fixture(scope="module", autouse=True)
def _sockets_left_behind() -> Iterator[None]:
    """Collect sockets that the client left behind here, where they are expected, and not during some later test."""
    yield
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a row for every story, and one for every log; beside other processes (pytest-xdist) there is no table."""
    if len(STORIES) < 2:
        return
    terminalreporter.section("faults by seed")
    terminalreporter.write_line(COLUMNS.format(*HEADS))
    for log in dict.fromkeys(told.log for told in STORIES):
        of_log = [told for told in STORIES if told.log == log]
        for told in of_log:
            terminalreporter.write_line(_row(str(told.seed), [told]))
        terminalreporter.write_line(_row("all", of_log))


def _row(seed: str, stories: list[Told]) -> str:
    sums = [sum(counts) for counts in zip(*(told.counts for told in stories), strict=True)]
    return COLUMNS.format(stories[0].log, seed, *sums)
