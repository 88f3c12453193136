"""Sightings in a list: one vehicle in one camera each, newest first."""

from typing import Annotated

import msgspec

from deploy.web.index.store import Index
from deploy.web.reading.crops import CropFolder
from deploy.web.reading.cursor import read_page
from deploy.web.reading.identities import SIGHTINGS, Cursor, Limit, Name, Sighting, sighting_of
from deploy.web.reading.times import Time


class SightingQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}
):
    """Question for sightings.

    start: only those that began at or after this time.
    end: only those that began at or before this time.
    camera: only those of this camera.
    identity: only those of this identity.
    limit: at most as many.
    cursor: `next` of the page before.
    """

    start: Time | None = None
    end: Time | None = None
    camera: Name | None = None
    identity: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class SightingPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of sightings.

    sightings: the one that began last first.
    next: cursor of the page behind it; null on the last one.
    """

    sightings: list[Sighting]
    next: str | None = None


CONDITIONS = {
    "start": "enter_ns >= ?",
    "end": "enter_ns <= ?",
    "camera": "visits.camera = ?",
    "identity": "visits.identity = ?",
}


def list_sightings(index: Index, crops: CropFolder, query: SightingQuery) -> SightingPage:
    """Read one page of sightings; raises ConfigError for a cursor that is none."""
    shown, following = read_page(index, SIGHTINGS, query, CONDITIONS, ("enter_ns", "tracklet"))
    return SightingPage(sightings=[sighting_of(row, crops) for row in shown], next=following)
