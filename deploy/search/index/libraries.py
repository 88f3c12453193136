"""The libraries that searching can do without: which is there, and which must not be there together."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from ingest.errors import ConfigError

EITHER = ("faiss-cpu", "faiss-gpu")


@cache
def has_faiss() -> bool:
    """True where faiss is there; raises ConfigError for two of it, of which one has overwritten the other's files."""
    if all(_installed(each) for each in EITHER):
        raise ConfigError(
            f"{' and '.join(EITHER)} are both installed and overwrite each other: pip uninstall both, then install "
            "'corridor[search]' or 'corridor[gpu]'"
        )
    return find_spec("faiss") is not None


def _installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
