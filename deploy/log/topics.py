"""The topics: names, keys and what their records are. Nowhere else is a topic named."""

OBSERVATIONS = "observations"
"""Tracklets and ticks of all cameras: MessagePack, `embed/observation.py`; key: the camera."""

TRAJECTORIES = "trajectories"
"""Every event of every identity: JSON, `associate/trajectory.py`; key: the identity."""

IDENTITIES = "identities"
"""The latest event of every identity, for those who need no history: JSON; key: the identity."""

DEAD_LETTERS = "dead-letters"
"""Records that could not be used, with the reason: JSON, `deploy/association_worker.py`; key: where it stood."""

ALL = (OBSERVATIONS, TRAJECTORIES, IDENTITIES, DEAD_LETTERS)
COMPACTED = (IDENTITIES,)
"""Only the last record of a key is kept."""
