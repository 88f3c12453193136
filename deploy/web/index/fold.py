"""Records of the log folded into the tables of the index, one transaction a page of records."""

import sqlite3

import msgspec

from associate.trajectory import Kind, TrajectoryEvent
from deploy.log.base import StoredRecord
from deploy.web.index.schema import OF_TRAJECTORIES
from embed.observation import CameraChange, Correction, Gap, Observation, Record, Tick, TrackletState
from ingest.clock import NS

VISITS_IN_AN_EVENT = 100
"""An event has its identity's last visits only: where it has as many, earlier ones may stand in the index."""

MINUTE_NS = 60 * NS
MINUTES_KEPT = 60


def tracklet_of(observation: str) -> str:
    """The tracklet of an observation's id."""
    return observation.rpartition("|")[0]


def fold_event(db: sqlite3.Connection, event: TrajectoryEvent) -> None:
    """Take in one event of association."""
    row = db.execute("SELECT revision FROM identities WHERE identity = ?", (event.identity,)).fetchone()
    if row is not None and event.revision <= row[0]:
        # Revisions rise: the zone was associated anew (`associate --rebuild`), and what it said before is void.
        for table in OF_TRAJECTORIES:
            db.execute(f"DELETE FROM {table}")
    db.execute("INSERT OR IGNORE INTO names VALUES ('label', ?)", (event.label,))
    _state_evidence(db, event)
    if event.kind in (Kind.SPLIT, Kind.RETRACTED) and event.observation is not None:
        lost = event.identity, tracklet_of(event.observation), event.superseded_by
        db.execute("INSERT OR REPLACE INTO lost VALUES (?, ?, ?)", lost)
    _replace_visits(db, event)
    _replace_identity(db, event)


def _state_evidence(db: sqlite3.Connection, event: TrajectoryEvent) -> None:
    if event.observation is None or event.evidence is None:
        return
    stated = event.evidence
    db.execute(
        "INSERT OR REPLACE INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            tracklet_of(event.observation),
            stated.probability,
            stated.similarity is not None,
            event.settled,
            stated.runner_up,
            None if stated.margin is None else max(0.0, stated.probability - stated.margin),
            msgspec.json.encode(stated),
        ),
    )


def _replace_visits(db: sqlite3.Connection, event: TrajectoryEvent) -> None:
    merged = event.kind is Kind.MERGED
    if merged or len(event.visits) < VISITS_IN_AN_EVENT:
        db.execute("DELETE FROM visits WHERE identity = ?", (event.identity,))
    else:
        first_ns = event.visits[0].enter_ns
        db.execute("DELETE FROM visits WHERE identity = ? AND enter_ns >= ?", (event.identity, first_ns))
    if merged:
        return
    db.executemany(
        "INSERT OR REPLACE INTO visits VALUES (?, ?, ?, ?, ?, ?)",
        [
            (event.identity, tracklet_of(visit.observation), visit.camera, visit.enter_ns, visit.leave_ns, visit.open)
            for visit in event.visits
        ],
    )


def _replace_identity(db: sqlite3.Connection, event: TrajectoryEvent) -> None:
    # The first sighting began the identity: its evidence is about no link.
    first_ns, last_ns, sightings, cameras, probability = db.execute(
        "SELECT min(enter_ns), max(leave_ns), count(*), count(DISTINCT camera), "
        "min(CASE WHEN linked THEN probability END) FROM visits LEFT JOIN evidence USING (tracklet) WHERE identity = ?",
        (event.identity,),
    ).fetchone()
    db.execute(
        "INSERT OR REPLACE INTO identities VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event.identity,
            event.revision,
            event.at_ns,
            event.label,
            event.kind is Kind.CLOSED,
            event.at_ns if first_ns is None else first_ns,
            event.at_ns if last_ns is None else last_ns,
            sightings,
            cameras,
            probability,
            event.superseded_by if event.kind is Kind.MERGED else None,
        ),
    )


def fold_record(db: sqlite3.Connection, stored: StoredRecord, record: Record) -> None:
    """Take in what a camera, or somebody, said."""
    if isinstance(record, Correction | CameraChange):
        _fold_control(db, stored, record)
        return
    _hear(db, stored, record)
    if isinstance(record, Observation):
        if record.colour is not None:
            db.execute("INSERT OR IGNORE INTO names VALUES ('colour', ?)", (record.colour,))
        db.execute(
            "INSERT OR REPLACE INTO tracklets VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.tracklet,
                record.camera,
                record.first_ns,
                record.last_ns,
                record.label,
                record.colour,
                record.quality,
                record.state is TrackletState.CLOSED,
            ),
        )


def _fold_control(db: sqlite3.Connection, stored: StoredRecord, control: Correction | CameraChange) -> None:
    said: tuple[str, str, str | None]
    if isinstance(control, Correction):
        said = control.verdict, *control.tracklets
    else:
        said = control.change, control.camera, None
    row = stored.offset, control.id, control.at_ns, stored.appended_ns, *said, control.by
    db.execute("INSERT OR REPLACE INTO controls VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def _hear(db: sqlite3.Connection, stored: StoredRecord, message: Observation | Tick | Gap) -> None:
    """Note a camera's last word."""
    db.execute(
        "INSERT INTO cameras VALUES (?, ?, ?, ?, NULL, 0, 0, 0, 0, NULL, NULL, NULL, 0) ON CONFLICT (camera) "
        "DO UPDATE SET at_ns = excluded.at_ns, appended_ns = excluded.appended_ns",
        (message.camera, message.at_ns, stored.appended_ns, str(message.epoch)),
    )
    if isinstance(message, Observation):
        db.execute("UPDATE cameras SET clock = ? WHERE camera = ?", (message.clock.value, message.camera))
    elif isinstance(message, Gap):
        db.execute(
            "UPDATE cameras SET records_lost = records_lost + ? WHERE camera = ?", (message.records, message.camera)
        )
    else:
        _tick(db, stored, message)


def _tick(db: sqlite3.Connection, stored: StoredRecord, tick: Tick) -> None:
    epoch, ticked_ns, decoded, analysed, clock = db.execute(
        "SELECT epoch, ticked_ns, decoded, analysed, clock FROM cameras WHERE camera = ?", (tick.camera,)
    ).fetchone()
    rates: tuple[float | None, float | None] = None, None
    if ticked_ns is not None and epoch == str(tick.epoch) and tick.at_ns > ticked_ns:
        passed_s = (tick.at_ns - ticked_ns) / NS
        rates = (tick.decoded - decoded) / passed_s, (tick.analysed - analysed) / passed_s
        minute = tick.at_ns // MINUTE_NS
        db.execute(
            "INSERT INTO camera_minutes VALUES (?, ?, 1, ?, ?, ?, ?) ON CONFLICT (camera, minute) DO UPDATE SET "
            "ticks = ticks + 1, decoded_fps = decoded_fps + excluded.decoded_fps, "
            "analysed_fps = analysed_fps + excluded.analysed_fps, lag_ns = max(lag_ns, excluded.lag_ns), "
            "clock = excluded.clock",
            (tick.camera, minute, *rates, stored.appended_ns - tick.at_ns, clock),
        )
        db.execute("DELETE FROM camera_minutes WHERE camera = ? AND minute < ?", (tick.camera, minute - MINUTES_KEPT))
    db.execute(
        "UPDATE cameras SET epoch = ?, final = ?, decoded = ?, analysed = ?, dropped = ?, ticked_ns = ?, "
        "decoded_fps = ?, analysed_fps = ? WHERE camera = ?",
        (
            str(tick.epoch),
            tick.final,
            tick.decoded,
            tick.analysed,
            tick.dropped,
            tick.at_ns,
            *rates,
            tick.camera,
        ),
    )
