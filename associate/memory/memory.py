"""Memory of association: tracklets, their pairs, and the traffic that they have taught.

Everything beside the rows follows from them, so that a restart goes on with the same numbers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from associate.links.appearance import Calibration
from associate.links.model import LinkModel
from associate.links.pairs import PairTable
from associate.links.window import Window
from associate.memory.cameras import Cameras
from associate.memory.pairing import Pairing
from associate.memory.progress import ProgressRow
from associate.memory.tracklets import Tracklets
from associate.memory.traffic import Traffic
from associate.state import Table
from associate.topology import Topology
from embed.observation import CameraEpoch


class Memory:
    """Tracklets and what they have taught.

    `window`, `pairs` and `model` are what decisions are made from. Each part keeps its own rows and knows those before
    it alone: tracklets the cameras and the progress, pairing the tracklets, and traffic, which counts into the gates
    of the tracklets, both. What concerns several is done here.
    """

    def __init__(self, topology: Topology, calibration: Calibration, *, memory_s: float) -> None:
        self.memory_s = memory_s
        self.progress, self.cameras = ProgressRow(), Cameras()
        self.tracklets = Tracklets(self.cameras, self.progress)
        self.pairing = Pairing(self.tracklets)
        self.traffic = Traffic(topology, calibration, self.tracklets, self.pairing, memory_s)

    @property
    def tables(self) -> tuple[Table[Any], ...]:
        """All rows that have to be stored."""
        return (
            self.cameras.rows,
            self.tracklets.rows,
            self.tracklets.links,
            self.pairing.rows,
            self.traffic.past.rows,
            self.pairing.bonds,
            self.tracklets.looks.rows,
            self.tracklets.whitening.rows,
            self.tracklets.gates.rows,
            self.progress.rows,
        )

    def restored(self) -> None:
        """Rebuild from the rows what follows from them."""
        self.progress.restored()
        self.tracklets.restored()
        self.pairing.restored()
        self.traffic.restored()

    @property
    def window(self) -> Window:
        return self.tracklets.window

    @property
    def pairs(self) -> PairTable:
        return self.pairing.pairs

    @property
    def model(self) -> LinkModel:
        return self.traffic.model

    def hear(self, camera: str, epoch: CameraEpoch, at_ns: int) -> bool:
        """Note a camera's epoch at a moment; returns True where it is another one than before."""
        known = len(self.cameras)
        other = self.cameras.hear(camera, epoch, at_ns)
        if len(self.cameras) > known:
            self.traffic.remodel()
        return other

    def drop(self, tracklet: str) -> None:
        """Forget a tracklet for good."""
        number = self.tracklets.number_of(tracklet)
        if number is not None:
            self.forget(np.arange(len(self.window)) != self.window.place_of[number])

    def forget(self, kept: NDArray[np.bool_]) -> None:
        """Forget all tracklets but those kept (N,), with their pairs."""
        if kept.all():
            return
        numbers = self.window.number[~kept].tolist()
        self.pairing.forget(numbers, self.tracklets.forget(kept))

    def forget_camera(self, camera: str, at_ns: int, *, looks: bool) -> bool:
        """Forget the travel times of a camera whose clock was set; with `looks`, its view, too, since it was moved."""
        if camera not in self.cameras:
            return False
        index = self.cameras[camera].index
        self.cameras.note_change(camera, at_ns)
        self.pairing.uncount(index)
        self.traffic.forget_camera(index, places=looks)
        if looks:
            self.tracklets.looks.forget(index)
        self.traffic.remodel()
        return True
