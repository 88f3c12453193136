"""Corrections that stand on the log, with what has become of each."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from deploy.web.index.store import Index, Row
from deploy.web.reading.times import time_of
from embed.observation import Correction


class Effect(StrEnum):
    """Effect of a correction."""

    HEEDED = "heeded"  # the two tracklets are now as it says
    OPEN = "open"  # association has not come to it, or has forgotten one of the two
    REPLACED = "replaced"  # somebody said the opposite later


class SaidCorrection(msgspec.Struct, frozen=True, kw_only=True):
    """A correction.

    offset: its place on the topic `observations`; null in the answer to the one who says it.
    id: its id there.
    said: when it came onto the log.
    by: who said it.
    verdict: `same` vehicle, or `different` ones.
    tracklets: the two.
    effect: what has become of it.
    """

    offset: int | None
    id: str
    said: datetime
    by: str
    verdict: str
    tracklets: tuple[str, str]
    effect: Effect


class NewCorrection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A correction to be said.

    verdict: `same` vehicle, or `different` ones.
    tracklets: ids of the two.
    """

    verdict: Literal["same", "different"]
    tracklets: tuple[
        Annotated[str, msgspec.Meta(max_length=200)],
        Annotated[str, msgspec.Meta(max_length=200)],
    ]


class CorrectionQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Question for corrections.

    limit: at most as many.
    before: only those at offsets below.
    """

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    before: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None


class CorrectionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Corrections.

    corrections: newest first.
    """

    corrections: list[SaidCorrection]


VERDICTS = "verdict IN ('same', 'different')"


def list_corrections(index: Index, query: CorrectionQuery) -> CorrectionPage:
    """Read corrections, newest first."""
    rows = index.rows(
        f"SELECT * FROM controls WHERE {VERDICTS} AND offset < ? ORDER BY offset DESC LIMIT ?",
        (2**62 if query.before is None else query.before, query.limit),
    )
    return CorrectionPage(corrections=[_said(index, row) for row in rows])


def said_correction(control: Correction, now_ns: int) -> SaidCorrection:
    """A correction as it has just been said."""
    return SaidCorrection(
        offset=None,
        id=control.id,
        said=time_of(now_ns),
        by=control.by,
        verdict=control.verdict,
        tracklets=control.tracklets,
        effect=Effect.OPEN,
    )


def corrections_about(index: Index, tracklets: Sequence[str]) -> list[SaidCorrection]:
    """Read what was said about any of some tracklets, newest first."""
    found: dict[int, Row] = {}
    for tracklet in tracklets:
        for row in index.rows(
            f"SELECT * FROM controls WHERE {VERDICTS} AND (one = ? OR other = ?)", (tracklet, tracklet)
        ):
            found[row["offset"]] = row
    return [_said(index, found[offset]) for offset in sorted(found, reverse=True)]


def _said(index: Index, row: Row) -> SaidCorrection:
    one, other = row["one"], row["other"]
    return SaidCorrection(
        offset=row["offset"],
        id=row["id"],
        said=time_of(row["appended_ns"]),
        by=row["by"],
        verdict=row["verdict"],
        tracklets=(one, other),
        effect=_effect(index, row),
    )


def _effect(index: Index, row: Row) -> Effect:
    one, other = row["one"], row["other"]
    later = index.row(
        f"SELECT 1 FROM controls WHERE {VERDICTS} AND one = ? AND other = ? AND offset > ? AND verdict != ?",
        (one, other, row["offset"], row["verdict"]),
    )
    if later is not None:
        return Effect.REPLACED
    owners = [
        {each["identity"] for each in index.rows("SELECT identity FROM visits WHERE tracklet = ?", (tracklet,))}
        for tracklet in (one, other)
    ]
    together = bool(owners[0] & owners[1])
    return Effect.HEEDED if together == (row["verdict"] == "same") and all(owners) else Effect.OPEN
