"""Cameras that have spoken: their indexes and epochs, since when they are heard, and when they were changed."""

import msgspec

from associate.rows import Camera
from associate.state import Table
from embed.observation import CameraEpoch
from ingest.clock import NS


class Cameras:
    """The cameras of a zone, by id; `rows` is what has to be stored."""

    def __init__(self) -> None:
        self.rows: Table[Camera] = Table("camera", Camera)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, camera: str) -> bool:
        return camera in self.rows

    def __getitem__(self, camera: str) -> Camera:
        return self.rows[camera]

    @property
    def names(self) -> list[str]:
        """Ids of the cameras, by index."""
        return sorted(self.rows.names, key=lambda name: self.rows[name].index)

    def hear(self, camera: str, epoch: CameraEpoch, at_ns: int) -> bool:
        """Note a camera's epoch at a moment; returns True where it is another one than before."""
        known = self.rows.get(camera)
        if known is not None and known.epoch == epoch:
            return False
        known = known or Camera(index=len(self), epoch=epoch)
        self.rows.put(camera, msgspec.structs.replace(known, epoch=epoch, since_ns=at_ns))
        return True

    def not_heard(self, camera: str, at_ns: int) -> None:
        """Note that a camera is silent at a moment."""
        if camera in self:
            self.rows.put(camera, msgspec.structs.replace(self[camera], since_ns=at_ns))

    def note_change(self, camera: str, at_ns: int) -> None:
        """Note that a camera was moved, or its clock set, by what somebody said at a moment."""
        self.rows.put(camera, msgspec.structs.replace(self[camera], changed_ns=at_ns))

    def known_again(self, camera: str, at_ns: int, memory_s: float) -> bool:
        """True where the past of a camera is not mostly of before somebody said that it was changed.

        What was in the memory then still leaves it: after twice its length there is as much of since.
        """
        changed_ns = self[camera].changed_ns
        return not changed_ns or at_ns >= changed_ns + round(2 * memory_s * NS)
