"""Rows of association's state, which has to outlive a restart."""

import msgspec
import numpy as np

from associate.gallery import Vector
from associate.trajectory import Visit
from embed.observation import CameraEpoch, Observation, unpack_vector

VISITS_TOLD = 100
"""Most visits in a trajectory's events, the last ones, so that a taxi's event does not grow without limit."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A tracklet that is not decided yet."""

    latest: Observation
    identity: str | None = None  # given provisionally
    complete: bool = False  # closed, to be decided at the end of the slot


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle, as far as its sightings are known.

    `vector` is the quality-weighted sum of the features of its complete sightings, fp32; empty while it has none.
    """

    id: str
    visits: list[Visit]
    last_epoch: CameraEpoch | None
    vector: bytes
    labels: dict[str, float]
    revision: int = 0
    occupant: str | None = None  # the open tracklet that it is given to provisionally

    def with_visit(self, seen: Observation) -> "Identity":
        """Add a complete sighting; the identity that is returned has no occupant.

        Raises ValueError where the sum of its features would be none.
        """
        visit = Visit(camera=seen.camera, observation=seen.id, enter_ns=seen.first_ns, leave_ns=seen.last_ns)
        total = np.frombuffer(self.vector, np.float32) if self.vector else np.float32(0)
        total = np.asarray(total + unpack_vector(seen.vector) * np.float32(seen.quality + 0.05), np.float32)
        if not _comparable(total):
            raise ValueError(f"with {seen.id} the vector of {self.id} has no direction")
        labels = dict(self.labels)
        labels[seen.label] = round(labels.get(seen.label, 0.0) + seen.score, 4)
        return msgspec.structs.replace(
            self,
            visits=[*self.visits, visit][-VISITS_TOLD:],
            last_epoch=seen.epoch,
            vector=total.tobytes(),
            labels=labels,
            occupant=None,
        )

    @property
    def feature(self) -> Vector | None:
        """Feature (D,) of norm 1 for comparison; None while it has no complete sighting, or cannot be compared."""
        if not self.vector:
            return None
        total = np.frombuffer(self.vector, np.float32)
        return np.asarray(total / np.linalg.norm(total), np.float32) if _comparable(total) else None


def _comparable(total: Vector) -> bool:
    """True where a sum of features has a direction; squares of larger numbers would be infinite."""
    longest = float(np.abs(total).max(initial=0.0))
    return 1e-6 < longest < 1e15  # False for NaN


class Progress(msgspec.Struct, frozen=True):
    """Progress that has to outlive a restart beside the rows; `dim`: length of the zone's vectors."""

    slot: int = -1
    released_ns: int | None = None
    identities: int = 0
    dim: int | None = None
