"""The topics: names, keys, records, and retention on Kafka. Nowhere else is a topic named."""

from dataclasses import dataclass

OBSERVATIONS = "observations"
"""Tracklets and ticks of all cameras, and controls: MessagePack, `embed/observation.py`; key: camera or zone/ZONE."""

TRAJECTORIES = "trajectories"
"""Every event of every identity: JSON, `associate/trajectory.py`; key: the identity."""

IDENTITIES = "identities"
"""The latest event of every identity, for those who need no history: JSON; key: the identity."""

DEAD_LETTERS = "dead-letters"
"""Records that could not be used, with the reason: JSON, `deploy/site/association_worker.py`; key: where it stood."""

FORGOTTEN = "forgotten"
"""Tracklets that no index of sightings may keep: JSON, `deploy/search/forgotten.py`; key: the identity."""

TOPOLOGY = "topology"
"""The learned roads and alarms about them, the latest word on each: JSON, `associate/roads/records.py`; key: `.key`."""

CAMERAS = "cameras"
"""The wish for each camera: JSON, `deploy/site/cameras/record.py`; key: the camera."""

WATCHLIST = "watchlist"
"""Vehicles that are watched for, the latest word on each: JSON, `deploy/search/watchlist/entries.py`; key: its name."""

MATCHES = "matches"
"""Sightings of vehicles that are watched for: JSON, `deploy/search/watchlist/matches.py`; key: the name."""

LIVE = "live"
"""Processes that offer live video, and where: JSON, `deploy/web/live/beats.py`; key: the worker."""

WORKERS = "workers"
"""The cameras that each process has, and how they are: JSON, `deploy/site/cameras/workers.py`; key: the process."""

ALL = (
    OBSERVATIONS,
    TRAJECTORIES,
    IDENTITIES,
    DEAD_LETTERS,
    FORGOTTEN,
    TOPOLOGY,
    CAMERAS,
    WATCHLIST,
    MATCHES,
    LIVE,
    WORKERS,
)
COMPACTED = (IDENTITIES, TOPOLOGY, CAMERAS, WATCHLIST, LIVE, WORKERS)
"""Topics of which only the last record of a key is kept."""

ASSOCIATION_STATE = "association-state"
"""Kafka only: the owners' changelog, `deploy/log/kafka_state.py`; key: the owner, or `owner|state key`."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Layout of a topic on Kafka: `retention_days` is None where records stay for good."""

    name: str
    partitions: int = 1
    compacted: bool = False
    retention_days: int | None = None


LAYOUTS = (
    # One partition is one zone: its order is the order in which association sees the cameras.
    Layout(OBSERVATIONS, retention_days=7),
    Layout(TRAJECTORIES, retention_days=30),
    Layout(IDENTITIES, compacted=True, retention_days=30),
    Layout(DEAD_LETTERS, retention_days=30),
    # For good: an index that is made anew must not take in again what was to be forgotten.
    Layout(FORGOTTEN),
    Layout(TOPOLOGY, compacted=True),
    # A partition is a slot that a process may have; all records are in the first one, so that they have one order.
    Layout(CAMERAS, partitions=32, compacted=True),
    Layout(WATCHLIST, compacted=True),
    Layout(MATCHES, retention_days=30),
    Layout(LIVE, compacted=True, retention_days=1),
    Layout(WORKERS, compacted=True, retention_days=1),
    # An owner is restored by reading the whole of its partition; the number must not change once there is state.
    Layout(ASSOCIATION_STATE, partitions=8, compacted=True),
)
