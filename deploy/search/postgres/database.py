"""The connection to a PostgreSQL database that has an index, and its tables."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ingest.errors import ConfigError, CorridorError
from ingest.redact import redact

FORMAT = 1
CONNECT_TIMEOUT_S = 10

_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value BIGINT NOT NULL)",
    "CREATE TABLE positions (topic TEXT PRIMARY KEY, position BIGINT NOT NULL)",
    "CREATE TABLE epochs (camera TEXT PRIMARY KEY, generation BIGINT NOT NULL, session BIGINT NOT NULL)",
    "CREATE TABLE names (kind TEXT NOT NULL, number INT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (kind, number))",
    """CREATE TABLE sightings (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tracklet TEXT NOT NULL UNIQUE, encoder INT NOT NULL,
        camera INT NOT NULL, label INT NOT NULL, colour INT NOT NULL, first_ns BIGINT NOT NULL, last_ns BIGINT NOT NULL,
        appended_ns BIGINT NOT NULL, quality DOUBLE PRECISION NOT NULL, colour_score DOUBLE PRECISION, identity TEXT,
        vector HALFVEC NOT NULL
    )""",
    "CREATE INDEX by_identity ON sightings (identity) WHERE identity IS NOT NULL",
    "CREATE INDEX by_camera ON sightings (camera, first_ns)",
    "CREATE INDEX by_time ON sightings (first_ns)",
    "CREATE INDEX by_age ON sightings (appended_ns)",
    """CREATE TABLE means (
        encoder INT NOT NULL, camera INT NOT NULL, total BYTEA NOT NULL, count BIGINT NOT NULL,
        PRIMARY KEY (encoder, camera)
    )""",
    "CREATE TABLE awaited (tracklet TEXT PRIMARY KEY, identity TEXT NOT NULL)",
    "CREATE TABLE forgotten (tracklet TEXT PRIMARY KEY)",
)
TABLES = ("meta", "positions", "epochs", "names", "sightings", "means", "awaited", "forgotten")


class Database:
    """One connection; raises ConfigError where the server is away."""

    def __init__(self, url: str) -> None:
        self._psycopg = load_psycopg()
        self.name = redact(url)
        try:
            # Statements are planned each time: a kept plan would not heed how a search is to be done.
            self._connection = self._psycopg.connect(
                url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, prepare_threshold=None
            )
        except (self._psycopg.Error, UnicodeError) as error:
            raise ConfigError(
                f"cannot open the sightings index in {self.name}: {_line(error)} (does PostgreSQL run there, and is "
                "[search] url right?)"
            ) from error

    @classmethod
    def with_index(cls, url: str, *, must_exist: bool) -> "Database":
        """A database that has an index; raises ConfigError where it has none (`must_exist`), or no pgvector."""
        database = cls(url)
        try:
            database._prepare(must_exist)
        except CorridorError:
            database.close()
            raise
        return database

    def _prepare(self, must_exist: bool) -> None:
        with self.translated():
            there = self._connection.execute("SELECT to_regclass('meta') IS NOT NULL").fetchone()[0]
            if must_exist and not there:
                raise ConfigError(f"there is no sightings index in {self.name} (make it: corridor index FILE)")
            if not there:
                self._create()
            from pgvector.psycopg import register_vector

            register_vector(self._connection)
        ((version,),) = self.select("SELECT value FROM meta WHERE key = 'format'")
        if version != FORMAT:
            raise ConfigError(
                f"the sightings index in {self.name} has format {version}, this Corridor has {FORMAT} "
                "(make it anew: corridor index FILE --rebuild)"
            )

    def _create(self) -> None:
        try:
            self._connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except self._psycopg.Error as error:
            raise ConfigError(
                f"the database {self.name} has no pgvector: {_line(error)} (an administrator makes it: "
                "CREATE EXTENSION vector)"
            ) from error
        with self._connection.transaction():
            for statement in _TABLES:
                self._connection.execute(statement)
            self._connection.execute("INSERT INTO meta VALUES ('format', %s), ('version', 0)", (FORMAT,))

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        """Run a statement with `?` in the place of values, as SQLite has it; returns the cursor."""
        return self._connection.execute(statement.replace("?", "%s"), values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> Any:
        """Run a statement once for each row."""
        with self._connection.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s"), rows)
        return None

    def copy(self, statement: str, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write rows by COPY in binary."""
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)

    def vacuum(self) -> None:
        """Give the room of what was deleted back, and overwrite it when it is used again."""
        with self.translated():
            self._connection.execute("VACUUM sightings")

    def select(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of one query."""
        with self.translated():
            found: list[tuple[Any, ...]] = self.execute(statement, values).fetchall()
        return found

    @contextmanager
    def transaction(self) -> Iterator["Database"]:
        """Run the statements within as one transaction, all or nothing."""
        with self.translated(), self._connection.transaction():
            yield self

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise CorridorError for an error of the server's."""
        try:
            yield
        except self._psycopg.Error as error:
            raise CorridorError(f"the sightings index in {self.name} could not be used: {_line(error)}") from error

    def close(self) -> None:
        self._connection.close()


def load_psycopg() -> Any:
    """psycopg and pgvector, which the extra `postgres` installs; raises ConfigError without them."""
    try:
        import pgvector.psycopg
        import psycopg
    except ImportError:
        raise ConfigError("[search] url needs psycopg and pgvector: pip install 'corridor[postgres]'") from None
    assert pgvector.psycopg
    return psycopg


def _line(error: BaseException) -> str:
    """An error of the client's on one line, without secrets."""
    return redact("; ".join(line.strip() for line in str(error).splitlines() if line.strip()))
