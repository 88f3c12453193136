"""Tables of the index: the latest revision of everything on the log that a page or a request asks for."""

VERSION = 3
"""Raised with every change of the tables: an index of another version is made anew from the log."""

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- One row an identity. probability: of its weakest link, NULL for a single sighting; superseded_by: what it turned
-- out to be.
CREATE TABLE identities (
    identity TEXT PRIMARY KEY, revision INTEGER NOT NULL, at_ns INTEGER NOT NULL, label TEXT NOT NULL,
    closed INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, sightings INTEGER NOT NULL,
    cameras INTEGER NOT NULL, probability REAL, superseded_by TEXT
);
CREATE INDEX identities_by_time ON identities (last_ns DESC, identity DESC) WHERE superseded_by IS NULL;

CREATE TABLE visits (
    identity TEXT NOT NULL, tracklet TEXT NOT NULL, camera TEXT NOT NULL, enter_ns INTEGER NOT NULL,
    leave_ns INTEGER NOT NULL, open INTEGER NOT NULL, PRIMARY KEY (identity, tracklet)
) WITHOUT ROWID;
CREATE INDEX visits_by_tracklet ON visits (tracklet);
CREATE INDEX visits_by_camera ON visits (camera, identity);
CREATE INDEX visits_by_time ON visits (enter_ns DESC, tracklet DESC);

-- The evidence that was last stated for a sighting, as JSON. rival: the runner-up, and its probability.
CREATE TABLE evidence (
    tracklet TEXT PRIMARY KEY, probability REAL NOT NULL, linked INTEGER NOT NULL, settled INTEGER NOT NULL,
    rival TEXT, rival_probability REAL, stated BLOB NOT NULL
) WITHOUT ROWID;

-- Sightings that were taken away from an identity again, and whose they were then.
CREATE TABLE lost (
    identity TEXT NOT NULL, tracklet TEXT NOT NULL, superseded_by TEXT, PRIMARY KEY (identity, tracklet)
) WITHOUT ROWID;

CREATE TABLE tracklets (
    tracklet TEXT PRIMARY KEY, camera TEXT NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
    label TEXT NOT NULL, colour TEXT, quality REAL NOT NULL, closed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX tracklets_by_camera ON tracklets (camera, first_ns);

-- Labels and colours that have been seen, for the choices of a form.
CREATE TABLE names (kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;

-- The last word of every camera, and the tick before it, for rates.
CREATE TABLE cameras (
    camera TEXT PRIMARY KEY, at_ns INTEGER NOT NULL, appended_ns INTEGER NOT NULL, epoch TEXT NOT NULL, clock TEXT,
    final INTEGER NOT NULL, decoded INTEGER NOT NULL, analysed INTEGER NOT NULL, dropped INTEGER NOT NULL,
    ticked_ns INTEGER, decoded_fps REAL, analysed_fps REAL, records_lost INTEGER NOT NULL
) WITHOUT ROWID;

-- The last hour of every camera by minutes of its own clock: sums over its ticks' rates, the longest lag.
CREATE TABLE camera_minutes (
    camera TEXT NOT NULL, minute INTEGER NOT NULL, ticks INTEGER NOT NULL, decoded_fps REAL NOT NULL,
    analysed_fps REAL NOT NULL, lag_ns INTEGER NOT NULL, clock TEXT, PRIMARY KEY (camera, minute)
) WITHOUT ROWID;

-- What people said, with its place on the log.
CREATE TABLE controls (
    offset INTEGER PRIMARY KEY, id TEXT NOT NULL, at_ns INTEGER NOT NULL, appended_ns INTEGER NOT NULL,
    verdict TEXT NOT NULL, one TEXT NOT NULL, other TEXT, by TEXT NOT NULL
);
CREATE INDEX controls_by_one ON controls (one);
CREATE INDEX controls_by_other ON controls (other);
"""

OF_TRAJECTORIES = ("identities", "visits", "evidence", "lost")
"""Tables that hold what association said, and are emptied when it says everything anew."""
