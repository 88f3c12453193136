"""The place of the index, beside what else a site writes."""

from pathlib import Path

from deploy.site.config import RUNS


def folder_of(file: Path) -> Path:
    """The folder of what the operator's view keeps for a configuration: users, audit log, index."""
    return RUNS / file.stem


def index_file(file: Path) -> Path:
    """The index of the log of a configuration."""
    return folder_of(file) / "web-index.db"
