"""Progress of association: the one row of its table, and event time in seconds since the origin."""

from typing import Any

import msgspec

from associate.rows import Progress
from associate.state import Table
from ingest.clock import NS

_KEY = "all"


class ProgressRow:
    """The row as it is `now`; `rows` is what has to be stored."""

    def __init__(self) -> None:
        self.rows: Table[Progress] = Table("progress", Progress)
        self.restored()

    def restored(self) -> None:
        """Begin where no row was stored."""
        if _KEY not in self.rows:
            self.rows.put(_KEY, Progress())

    @property
    def now(self) -> Progress:
        return self.rows[_KEY]

    @property
    def modelled_s(self) -> float:
        """Time as of which the model is: of the latest learning, 0 before the first."""
        return max(self.now.learned_s, 0.0)

    def advance(self, **changes: Any) -> None:
        """Change fields of the row."""
        self.rows.put(_KEY, msgspec.structs.replace(self.now, **changes))

    def learn_dim(self, encoder: str, dim: int) -> None:
        """Take the length of an encoder's vectors from the first one."""
        if encoder not in self.now.dims:
            self.advance(dims={**self.now.dims, encoder: dim})

    def seconds(self, at_ns: int) -> float:
        """Seconds since the origin of event time."""
        return (at_ns - (self.now.origin_ns or 0)) / NS
