"""Identities of indexed sightings, which follow what association says and takes back."""

from collections.abc import Iterable, Sequence

from associate.trajectory import Kind, TrajectoryEvent
from deploy.search.index.catalogue import among
from deploy.search.index.statements import Statements

GIVES = (Kind.CONFIRMED, Kind.EXTENDED)
TAKES = (Kind.SPLIT, Kind.RETRACTED)


def follow_events(db: Statements, events: Iterable[TrajectoryEvent]) -> None:
    """Change identities as events say, within a transaction.

    A sighting that is not indexed yet is given its identity when it comes.
    """
    given: dict[str, str] = {}  # by tracklet, of the events since one that takes or merges; the last one counts
    for event in events:
        if event.kind is Kind.MERGED and event.superseded_by is not None:
            _give(db, given)
            for table in ("sightings", "awaited"):
                db.execute(f"UPDATE {table} SET identity = ? WHERE identity = ?", (event.superseded_by, event.identity))
        elif event.observation is not None and event.kind in (*GIVES, *TAKES):
            tracklet = event.observation.rpartition("|")[0]
            if event.kind in GIVES:
                given[tracklet] = event.identity
            else:
                _give(db, given)
                _take(db, tracklet, event)
    _give(db, given)


def take_awaited(db: Statements, tracklets: Sequence[str]) -> dict[str, str]:
    """By tracklet: the identities that were said of some before they came, which are not awaited any more."""
    marks = ",".join("?" * len(tracklets))
    return dict(
        db.execute(
            f"DELETE FROM awaited WHERE tracklet IN ({marks}) RETURNING tracklet, identity", tracklets
        ).fetchall()
    )


def _give(db: Statements, given: dict[str, str]) -> None:
    """Write down the identities of tracklets, and empty the mapping."""
    if not given:
        return
    tracklets = list(given)
    known, forgotten = (among(db, table, tracklets) for table in ("sightings", "forgotten"))
    db.executemany(
        "UPDATE sightings SET identity = ? WHERE tracklet = ?",
        [(given[each], each) for each in tracklets if each in known],
    )
    db.executemany(
        "INSERT INTO awaited VALUES (?, ?) ON CONFLICT (tracklet) DO UPDATE SET identity = excluded.identity",
        [(each, given[each]) for each in tracklets if each not in known and each not in forgotten],
    )
    given.clear()


def _take(db: Statements, tracklet: str, event: TrajectoryEvent) -> None:
    for table in ("sightings", "awaited"):
        if event.superseded_by is None and table == "awaited":
            db.execute("DELETE FROM awaited WHERE tracklet = ? AND identity = ?", (tracklet, event.identity))
            continue
        db.execute(
            f"UPDATE {table} SET identity = ? WHERE tracklet = ? AND identity = ?",
            (event.superseded_by, tracklet, event.identity),
        )
