"""One identity with everything that is known of it: sightings, crops, evidence, rivals, corrections."""

import msgspec

from associate.trajectory import Evidence, Visit
from deploy.web.index.store import Index, Row
from deploy.web.reading.corrections import SaidCorrection, corrections_about
from deploy.web.reading.crops import Crop, CropFolder
from deploy.web.reading.evidence import Link, link_of
from deploy.web.reading.identities import SIGHTINGS, Identity, Sighting, identity_of, sighting_of

LARGEST = 500
"""Sightings of one identity; a vehicle that passes cameras all day has more, the oldest are left out and counted."""


class SightingDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A sighting in full.

    sighting: its row in the list.
    crops: all that are kept, best first.
    link: evidence for giving it to this identity, as it was stated last.
    """

    sighting: Sighting
    crops: list[Crop]
    link: Link | None = None


class LostSighting(msgspec.Struct, frozen=True, kw_only=True):
    """A sighting that was taken away from an identity again.

    tracklet: its id.
    now: the identity it is of now, if any.
    crop: URL of its best crop.
    """

    tracklet: str
    now: str | None = None
    crop: str | None = None


class IdentityDetail(msgspec.Struct, frozen=True, kw_only=True):
    """An identity in full.

    identity: its row in the list.
    merged_into: the identity that it turned out to be.
    left_out: sightings beyond the last 500.
    sightings: oldest first.
    lost: sightings that were taken away from it again.
    corrections: what people said about its sightings, newest first.
    """

    identity: Identity
    merged_into: str | None
    left_out: int
    sightings: list[SightingDetail]
    lost: list[LostSighting]
    corrections: list[SaidCorrection]


def read_identity(index: Index, crops: CropFolder, name: str) -> IdentityDetail | None:
    """Read an identity; None where there never was one of that name."""
    row = index.row("SELECT * FROM identities WHERE identity = ?", (name,))
    if row is None:
        return None
    visits = index.rows(
        f"{SIGHTINGS} WHERE identity = ? ORDER BY enter_ns DESC, tracklet DESC LIMIT ?", (name, LARGEST)
    )[::-1]
    details = [_detail(index, crops, visit) for visit in visits]
    lost = index.rows("SELECT * FROM lost WHERE identity = ?", (name,))
    kept = {visit["tracklet"] for visit in visits}
    return IdentityDetail(
        identity=identity_of(row, [detail.sighting for detail in details]),
        merged_into=row["superseded_by"],
        left_out=max(0, row["sightings"] - len(visits)),
        sightings=details,
        lost=[
            LostSighting(
                tracklet=each["tracklet"],
                now=owner_of(index, each["tracklet"]) or each["superseded_by"],
                crop=crops.best(each["tracklet"]),
            )
            for each in lost
            if each["tracklet"] not in kept
        ],
        corrections=corrections_about(index, [*kept, *(each["tracklet"] for each in lost)]),
    )


def owner_of(index: Index, tracklet: str) -> str | None:
    """The identity that a tracklet is given to now."""
    row = index.row(
        "SELECT visits.identity FROM visits JOIN identities USING (identity) WHERE tracklet = ? "
        "ORDER BY superseded_by IS NOT NULL, identities.at_ns DESC",
        (tracklet,),
    )
    return None if row is None else str(row["identity"])


def _detail(index: Index, crops: CropFolder, row: Row) -> SightingDetail:
    stated = index.row("SELECT * FROM evidence WHERE tracklet = ?", (row["tracklet"],))
    sighting = sighting_of(row, crops)
    link = None
    if stated is not None:
        evidence = msgspec.json.decode(stated["stated"], type=Evidence)
        visit = Visit(
            camera=row["camera"], observation=row["tracklet"], enter_ns=row["enter_ns"], leave_ns=row["leave_ns"]
        )
        rival = evidence.runner_up
        link = link_of(visit, evidence, bool(stated["settled"]), rival and _crop_before(index, crops, rival, row))
    return SightingDetail(sighting=sighting, crops=crops.of(row["tracklet"]), link=link)


def _crop_before(index: Index, crops: CropFolder, identity: str, row: Row) -> str | None:
    """A crop of the rival's last sighting before the one that it competes for."""
    before = index.rows(
        "SELECT tracklet FROM visits WHERE identity = ? AND tracklet != ? ORDER BY enter_ns > ?, enter_ns DESC LIMIT 3",
        (identity, row["tracklet"], row["enter_ns"]),
    )
    return next(filter(None, (crops.best(each["tracklet"]) for each in before)), None)
