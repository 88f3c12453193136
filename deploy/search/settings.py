"""The `[search]` table: the index of all sightings."""

from typing import Annotated

import msgspec


class SearchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[search]` table: the index of everything that the cameras have seen.

    index: `run` keeps the index up to date; without it, `corridor index` does.
    url: `postgresql://[USER@]HOST[:PORT]/DATABASE` for an index in PostgreSQL with pgvector, one database for every
        log; the password in ~/.pgpass or PGPASSWORD. Without it the index is in `folder`.
    folder: folder of the index, one for every log; by default below the configuration's name (`parse_config`).
    keep_days: days after which sightings are deleted from the index, since they came onto the log.
    max_gb: gigabytes of the index beyond which its oldest sightings are deleted.
    """

    index: bool = False
    url: Annotated[str, msgspec.Meta(pattern="^postgres(ql)?://")] | None = None
    folder: str
    keep_days: Annotated[float, msgspec.Meta(gt=0)] = 90.0
    max_gb: Annotated[float, msgspec.Meta(gt=0)] = 20.0
