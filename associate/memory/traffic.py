"""Traffic as counted so far, in memory and before it, and the model that links are judged by."""

from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from associate.links import learning
from associate.links.appearance import Calibration
from associate.links.counts import LEAST_LINKS, Counts, PairCounts
from associate.links.gates import GateTable
from associate.links.model import LinkModel
from associate.links.pairs import PairTable
from associate.links.travel_times import Floats, TravelPriors
from associate.links.two_cameras import TwoCameras, counted_together
from associate.memory.pairing import Pairing
from associate.memory.past import CAMERAS, GATES, HALF_LIFE_S, PastCounts
from associate.memory.tracklets import Tracklets
from associate.topology import Topology


class Traffic:
    """Counts of links, endings and arrivals, and the `model` that is made from them.

    calibration: how to read the encoder's similarities to begin with. memory_s: length of the memory in seconds.
    """

    def __init__(
        self, topology: Topology, calibration: Calibration, tracklets: Tracklets, pairing: Pairing, memory_s: float
    ) -> None:
        self.topology, self._start, self._memory_s = topology, calibration, memory_s
        self._tracklets, self._pairing = tracklets, pairing
        self._cameras, self._gates, self._progress = tracklets.cameras, tracklets.gates, tracklets.progress
        self.past = PastCounts(topology.bins.count)
        self.remodel()

    def restored(self) -> None:
        """Rebuild from the rows what follows from them; tracklets and pairs are there."""
        self.past.restored()
        self.remodel()

    def remodel(self) -> None:
        """Make the models from what is counted."""
        self._remodel_links()
        self._remodel_two_cameras()

    def _remodel_two_cameras(self) -> None:
        window, learned_s = self._tracklets.window, self._progress.now.learned_s
        self.two_cameras = TwoCameras(window, self._pairing.pairs, self.topology.bins, self._priors, learned_s)

    def _remodel_links(self) -> None:
        now_s, bins = self._progress.modelled_s, self.topology.bins
        elapsed_s = self._progress.now.past_elapsed_s + min(now_s, self._memory_s)
        gates = learning.gate_counts(self._tracklets.window, self._pairing.pairs, self.past.counts(GATES, now_s), bins)
        self.model = self._model(*self.camera_counts(), gates, self.gate_table().alone, elapsed_s)

    def compare_cameras(self) -> None:
        """Count anew what pairs of cameras have in common."""
        window, pairs, now_s = self._tracklets.window, self._pairing.pairs, self._progress.now.learned_s
        found = counted_together(window, pairs, self.topology.bins, self._priors, self.model.calibration, now_s)
        pairs.together[:] = found.astype(np.float32)
        self._remodel_two_cameras()

    @property
    def possible(self) -> NDArray[np.bool_]:
        """(C, C) where a vehicle may go from one camera to another."""
        return self._priors.possible

    @property
    def _priors(self) -> TravelPriors:
        return self.topology.priors(self._cameras.names)

    def past_model(self) -> LinkModel:
        """The model by what has left the memory alone, for comparing the present with; without gates."""
        now_s, bins = self._progress.modelled_s, self.topology.bins
        past = self.past.counts(CAMERAS, now_s)
        counted = learning.camera_counts(self._tracklets.window, PairTable.none(), past, bins, len(self._cameras))
        alone = self._gates.past_alone(now_s, HALF_LIFE_S)
        return self._model(*counted, PairCounts.none(bins.count), alone, self._progress.now.past_elapsed_s)

    def camera_counts(self, *, least: float = LEAST_LINKS) -> tuple[Floats, PairCounts]:
        """Links (C, C) from camera to camera, and travel times of the pairs that have at least so many."""
        window, pairs, bins = self._tracklets.window, self._pairing.pairs, self.topology.bins
        past = self.past.counts(CAMERAS, self._progress.modelled_s)
        return learning.camera_counts(window, pairs, past, bins, len(self._cameras), least=least)

    def gate_table(self) -> GateTable:
        """The gates as of the latest learning."""
        return self._gates.table(self._progress.modelled_s, HALF_LIFE_S)

    def recount(
        self, judged: PairTable, remembered: NDArray[np.bool_], examples: learning.Examples, now_s: float
    ) -> None:
        """Count anew by the shares of the pairs: of those judged, and of the tracklets (N,) remembered."""
        self._gates.count_alone(self._alone(remembered, now_s))
        calibration = learning.calibration_of(self._start, self._tracklets.window, judged, examples)
        self._progress.advance(appearance=astuple(calibration))
        self._remodel_links()

    # What leaves the memory

    def add_past_alone(self, leaving: NDArray[np.bool_], now_s: float) -> None:
        """Take the endings and arrivals of tracklets (N,) that leave the memory."""
        self._gates.add_past(self._alone(leaving, now_s), now_s, HALF_LIFE_S)

    def add_past_links(self, gone: PairTable, now_s: float) -> None:
        """Take the travel times of pairs that leave the memory."""
        window, bins = self._tracklets.window, self.topology.bins
        none = PairCounts.none(bins.count)
        _, counted = learning.camera_counts(window, gone, none, bins, len(self._cameras), least=0.0)
        self.past.add(CAMERAS, counted, now_s)
        self.past.add(GATES, learning.gate_counts(window, gone, none, bins), now_s)

    def forget_camera(self, camera: int, *, places: bool) -> None:
        """Forget the travel times of a camera, by its index; with `places`, where its gates are, too."""
        self.past.forget(camera, self._gates)
        self._gates.forget(camera, places=places)

    def _alone(self, counted: NDArray[np.bool_], now_s: float) -> Floats:
        """Expected number (G,) of the tracklets counted (N,) that came from nowhere by each gate, or went nowhere."""
        window = self._tracklets.window
        ends, arrivals = learning.ends_and_arrivals(self.model, window, self._pairing.pairs, counted, now_s)
        count, out = len(self._gates.rows), window.gate_out
        left = np.bincount(out[out >= 0], ends[out >= 0], count)
        return np.asarray(left + np.bincount(window.gate_in, arrivals, count), np.float64)

    def _model(
        self, links: Floats, cameras: PairCounts, gates: PairCounts, alone: Floats, elapsed_s: float
    ) -> LinkModel:
        rows = [self._gates.rows[name] for name in self._gates.rows.names]
        camera = np.array([row.camera for row in rows], np.int64)
        outgoing = np.array([row.outgoing for row in rows], np.bool_)
        ends, arrivals = (
            np.bincount(camera[way], alone[way], len(self._cameras)).astype(np.float64) for way in (outgoing, ~outgoing)
        )
        counts = Counts(links=links, cameras=cameras, gates=gates, ends=ends, arrivals=arrivals, elapsed_s=elapsed_s)
        learned = self._progress.now.appearance
        calibration = self._start if learned is None else Calibration(*learned)
        return LinkModel(self.topology.bins, counts, self._priors, calibration)
