"""What several tests need: the shared recordings, and the strictness about skipping."""

import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from deploy.cli.terminal.log_lines import ROOMS
from ingest.redact import forget_all

# The same cases every time, so that a red run can be run again; HYPOTHESIS_PROFILE=default draws new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# pytest-xdist gives its processes a terminal of 80 columns; commands in a pipe have none.
os.environ.pop("COLUMNS", None)

ROOT = Path(__file__).resolve().parents[1]


def required() -> frozenset[str]:
    """What CORRIDOR_REQUIRE names: tests that need it fail instead of being skipped."""
    return frozenset(filter(None, os.environ.get("CORRIDOR_REQUIRE", "").split(",")))


def skip_or_fail(need: str, reason: str) -> None:
    """Skip with a reason, or fail where CORRIDOR_REQUIRE says that `need` must be there."""
    if need in required():
        pytest.fail(f"CORRIDOR_REQUIRE names '{need}', but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real clips, crops and networks (tests/data/SOURCES.md); skips where it is absent."""
    folder = Path(os.environ.get("CORRIDOR_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "video").is_dir():
        skip_or_fail("data", f"there are no recordings in {folder} (set CORRIDOR_DATA; tests/data/SOURCES.md)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def nothing_left_open() -> Iterator[None]:
    """Have the last test of a process fail for what was never closed: pytest-xdist hears of nothing later."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def no_secrets_of_other_tests() -> Iterator[None]:
    """A password of one test is a word of another's message."""
    yield
    forget_all()


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Restore the log after each test: a command that ran in this process has set it up for its own standard error."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in ("", *ROOMS)}
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was skipped for want of data, so that a green run is not mistaken for a whole one."""
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for_data = sum("there are no recordings" in reason for reason in skipped)
    if for_data:
        terminalreporter.write_line(f"{for_data} tests skipped for want of the shared recordings", yellow=True)
