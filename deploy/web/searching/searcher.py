"""The index of sightings as a server asks it: opened when it is first needed, anew where it was made anew."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from deploy.search.index.catalogue import FILE
from deploy.search.opening import Index, open_index
from deploy.site.config import Config
from deploy.web.problems import RequestError
from ingest.errors import ConfigError, CorridorError


class Searcher:
    """The index of sightings of a site, for one question at a time."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._settings = msgspec.structs.replace(config.search, folder=str(Path(config.search.folder).absolute()))
        self._file = Path(self._settings.folder) / FILE
        self._lock = threading.Lock()
        self._opened: tuple[int, Index] | None = None

    @property
    def there(self) -> bool:
        """True where there is an index, as far as can be said without asking PostgreSQL."""
        return self._settings.url is not None or self._file.is_file()

    @contextmanager
    def index(self) -> Iterator[Index]:
        """Lend the index; raises RequestError where there is none, or it cannot be read."""
        with self._lock:
            try:
                yield self._current()
            except ConfigError:
                raise
            except CorridorError as error:
                self._close()
                raise RequestError(503, str(error), retry_after_s=5) from error

    def _current(self) -> Index:
        if not self.there:
            self._close()
            raise RequestError(
                404,
                "there is no index of sightings: set [search] index = true and start the cameras again, or run "
                "`corridor index` beside them",
            )
        file = 0 if self._settings.url is not None else self._file.stat().st_ino
        if self._opened is None or self._opened[0] != file:
            self._close()
            self._opened = file, open_index(self._settings)
        return self._opened[1]

    def _close(self) -> None:
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None

    def close(self) -> None:
        with self._lock:
            self._close()
