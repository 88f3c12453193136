"""Identities in a list: by time, camera, label, colour and least probability, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from deploy.web.index.store import Index, Row
from deploy.web.reading.crops import CropFolder
from deploy.web.reading.cursor import read_page
from deploy.web.reading.times import Time, time_of

Name = Annotated[str, msgspec.Meta(max_length=128, pattern=r"^[^\x00]*\Z")]
Limit = Annotated[int, msgspec.Meta(ge=1, le=200)]
Cursor = Annotated[str, msgspec.Meta(max_length=400)]
LARGEST_STRIP = 12
"""Sightings of an identity in a list; its own page has all of them."""


class IdentityQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}
):
    """Question for identities.

    start: only those seen at or after this time.
    end: only those seen at or before this time.
    camera: only those seen by this camera.
    label: only those of this label.
    colour: only those with a sighting of this colour (`[embed] attributes`).
    probability: only those whose weakest link is at least as probable; identities of one sighting have no link.
    cameras: only those seen by at least as many cameras.
    limit: at most as many.
    cursor: `next` of the page before.
    """

    start: Time | None = None
    end: Time | None = None
    camera: Name | None = None
    label: Name | None = None
    colour: Name | None = None
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    cameras: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle in one camera.

    tracklet: id, `camera|epoch|track`.
    camera: id of the camera.
    entered: beginning, by the camera's clock.
    left: end so far.
    open: the vehicle may still be in view.
    identity: the identity it is given to.
    label: kind of vehicle.
    colour: its colour, with `[embed] attributes`.
    crop: URL of its best crop, where crops are kept.
    """

    tracklet: str
    camera: str
    entered: datetime
    left: datetime
    open: bool
    identity: str
    label: str | None = None
    colour: str | None = None
    crop: str | None = None


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle across cameras, in its latest revision.

    identity: name, `ZONE-NUMBER`.
    revision: counts the events about it.
    label: kind of vehicle.
    closed: nothing can be linked to it any more.
    first: beginning of its first sighting.
    last: end of its latest sighting.
    sightings: number of its sightings.
    cameras: number of different cameras.
    probability: of its weakest link; null for one sighting.
    strip: its last sightings, oldest first.
    """

    identity: str
    revision: int
    label: str
    closed: bool
    first: datetime
    last: datetime
    sightings: int
    cameras: int
    probability: float | None
    strip: list[Sighting]


class IdentityPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of identities.

    identities: the one seen last first.
    next: cursor of the page behind it; null on the last one.
    """

    identities: list[Identity]
    next: str | None = None


CONDITIONS = {
    "start": "last_ns >= ?",
    "end": "first_ns <= ?",
    "camera": "EXISTS (SELECT 1 FROM visits WHERE camera = ? AND visits.identity = identities.identity)",
    "label": "label = ?",
    "colour": "EXISTS (SELECT 1 FROM visits JOIN tracklets USING (tracklet) "
    "WHERE visits.identity = identities.identity AND colour = ?)",
    "probability": "probability >= ?",
    "cameras": "cameras >= ?",
}


def list_identities(index: Index, crops: CropFolder, query: IdentityQuery) -> IdentityPage:
    """Read one page of identities; raises ConfigError for a cursor that is none."""
    shown, following = read_page(
        index, "SELECT * FROM identities", query, CONDITIONS, ("last_ns", "identity"), "superseded_by IS NULL"
    )
    strips = _strips(index, crops, [row["identity"] for row in shown])
    return IdentityPage(identities=[identity_of(row, strips.get(row["identity"], [])) for row in shown], next=following)


def identity_of(row: Row, strip: list[Sighting]) -> Identity:
    """An identity of its row in the index."""
    return Identity(
        identity=row["identity"],
        revision=row["revision"],
        label=row["label"],
        closed=bool(row["closed"]),
        first=time_of(row["first_ns"]),
        last=time_of(row["last_ns"]),
        sightings=row["sightings"],
        cameras=row["cameras"],
        probability=row["probability"],
        strip=strip,
    )


SIGHTINGS = "SELECT visits.*, tracklets.label, tracklets.colour FROM visits LEFT JOIN tracklets USING (tracklet)"


def sighting_of(row: Row, crops: CropFolder) -> Sighting:
    """A sighting of a row of SIGHTINGS."""
    return Sighting(
        tracklet=row["tracklet"],
        camera=row["camera"],
        entered=time_of(row["enter_ns"]),
        left=time_of(row["leave_ns"]),
        open=bool(row["open"]),
        identity=row["identity"],
        label=row["label"],
        colour=row["colour"],
        crop=crops.best(row["tracklet"]),
    )


def _strips(index: Index, crops: CropFolder, identities: Sequence[str]) -> dict[str, list[Sighting]]:
    strips: dict[str, list[Sighting]] = {}
    for name in identities:
        rows = index.rows(
            f"{SIGHTINGS} WHERE identity = ? ORDER BY enter_ns DESC, tracklet DESC LIMIT ?", (name, LARGEST_STRIP)
        )
        strips[name] = [sighting_of(row, crops) for row in reversed(rows)]
    return strips
