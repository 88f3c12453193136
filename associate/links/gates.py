"""Gates: the places of a view by which vehicles come into it and leave it."""

from dataclasses import dataclass

import msgspec
import numpy as np

from associate.links.travel_times import Floats, Ints
from associate.rows import Gate
from associate.state import Table

NEAR = 0.2
"""Distance in shares of the frame within which a gate is the same."""

MOST_GATES = 7
"""Gates of a camera in one direction."""

_STEADY = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class GateTable:
    """Columns over G gates. camera: int64. share: of its camera's tracklets in its direction. alone: tracklets that
    came from nowhere by it, or went nowhere."""

    camera: Ints
    share: Floats
    alone: Floats


class Gates:
    """Leader clustering of where tracklets begin and end; `rows` is what has to be stored."""

    def __init__(self) -> None:
        self.rows: Table[Gate] = Table("gate", Gate)
        self._of: dict[tuple[int, bool], list[int]] = {}

    def __getitem__(self, number: int) -> Gate:
        return self.rows[_key(number)]

    def of_camera(self, camera: int) -> list[int]:
        """The numbers of a camera's gates, those without where it looked before."""
        return [*self._of.get((camera, False), ()), *self._of.get((camera, True), ())]

    def restored(self) -> None:
        """Rebuild what follows from the rows."""
        self._of = {}
        for number in map(int, self.rows.names):
            gate = self.rows[_key(number)]
            if not gate.old:
                self._of.setdefault((gate.camera, gate.outgoing), []).append(number)

    def forget(self, camera: int, *, places: bool) -> None:
        """Forget how often somebody is alone at a camera's gates; with `places`, where they are, too."""
        for name in self.rows.names:
            gate = self.rows[name]
            if gate.camera == camera:
                self.rows.put(name, msgspec.structs.replace(gate, alone=0.0, past=0.0, old=gate.old or places))
        self.restored()

    def find(self, camera: int, x: float, y: float, *, outgoing: bool) -> int:
        """The number of the gate at a place, which moves a little towards it; a new one where none is near."""
        mine = self._of.setdefault((camera, outgoing), [])
        gates = [self.rows[_key(number)] for number in mine]
        distances = [float(np.hypot(gate.x - x, gate.y - y)) for gate in gates]
        nearest = min(range(len(mine)), key=distances.__getitem__, default=None)
        if nearest is None or (distances[nearest] > NEAR and len(mine) < MOST_GATES):
            number = len(self.rows)
            mine.append(number)
            row = Gate(camera=camera, outgoing=outgoing, x=x, y=y, count=1.0)
            self.rows.put(_key(number), row)
            return number
        number, gate = mine[nearest], gates[nearest]
        pull = 1 / min(gate.count + 1, _STEADY)
        moved = msgspec.structs.replace(
            gate,
            x=gate.x + (x - gate.x) * pull,
            y=gate.y + (y - gate.y) * pull,
            count=gate.count + 1,
        )
        self.rows.put(_key(number), moved)
        return number

    def count_alone(self, alone: Floats) -> None:
        """Take the expected number (G,) of those in memory that came from nowhere by each gate, or went nowhere."""
        for number, value in enumerate(alone.tolist()):
            gate = self.rows[_key(number)]
            if gate.alone != value:
                self.rows.put(_key(number), msgspec.structs.replace(gate, alone=value))

    def add_past(self, alone: Floats, now_s: float, half_life_s: float) -> None:
        """Add such numbers (G,) of tracklets that leave the memory."""
        for number, value in enumerate(alone.tolist()):
            gate = self.rows[_key(number)]
            if value:
                past = gate.past * 0.5 ** ((now_s - gate.past_s) / half_life_s) + value
                self.rows.put(_key(number), msgspec.structs.replace(gate, past=past, past_s=now_s))

    def table(self, learned_s: float, half_life_s: float) -> GateTable:
        """All gates, as of the latest learning."""
        gates = [self.rows[name] for name in self.rows.names]
        camera = np.array([gate.camera for gate in gates], np.int64)
        side = camera * 2 + np.array([gate.outgoing for gate in gates], np.int64)
        count = np.array([gate.count + 0.5 for gate in gates], np.float64)
        total = np.bincount(side, count) if len(gates) else np.zeros(0)
        return GateTable(
            camera=camera,
            share=count / np.maximum(total[side], 1.0),
            alone=np.array([gate.alone for gate in gates]) + self.past_alone(learned_s, half_life_s),
        )

    def past_alone(self, learned_s: float, half_life_s: float) -> Floats:
        """Expected number (G,) of tracklets that have left the memory and came from nowhere, or went nowhere."""
        gates = [self.rows[name] for name in self.rows.names]
        return np.array([gate.past * 0.5 ** ((learned_s - gate.past_s) / half_life_s) for gate in gates], np.float64)


def _key(number: int) -> str:
    return f"{number:06d}"
