"""The record of a training while it runs: a line an epoch, TensorBoard, and its progress."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch.utils.tensorboard.writer import SummaryWriter

from training.encoder.checkpoint import write_atomically

logger = logging.getLogger(__name__)

LOG_NAME = "log.jsonl"

EpochRow = dict[str, Any]
"""`epoch` from 1 on, `rate`, the mean of every loss, `images`, `validation` by name; `seconds` is wall-clock."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """The progress of a training after a step: epochs and steps from 1 on, losses of the epoch so far on average."""

    epoch: int
    epochs: int
    step: int
    steps: int
    rate: float
    losses: Mapping[str, float]
    images_per_s: float
    remaining_s: float
    validation: Mapping[str, float] = field(default_factory=dict)


class Journal:
    """The rows of all epochs so far, which the trainer adds to, as JSON lines and for TensorBoard in a run's folder."""

    def __init__(self, folder: Path, rows: list[EpochRow], step: int) -> None:
        self._rows = rows
        self._path = folder / LOG_NAME
        self._board: SummaryWriter | None = None
        with self._guarded():
            # Steps after the checkpoint are trained anew, so TensorBoard forgets what it knew of them.
            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step)

    def step(self, number: int, rate: float, losses: Mapping[str, float]) -> None:
        """One step's losses, for TensorBoard alone."""
        self._scalar("rate", rate, number)
        for name, value in losses.items():
            self._scalar(f"loss/{name}", value, number)

    def epoch(self, row: EpochRow, step: int) -> None:
        """The end of an epoch, which is the last of the rows."""
        for name, value in row["validation"].items():
            self._scalar(f"validation/{name}", value, step)
        self.write()

    def write(self) -> None:
        """The JSON lines, from the rows; raises CheckpointError where they cannot be written."""
        write_atomically(self._path, "".join(json.dumps(row) + "\n" for row in self._rows).encode())

    def close(self) -> None:
        """Close the TensorBoard writer; everything else is on the disk already."""
        with self._guarded():
            if self._board is not None:
                self._board.close()

    def _scalar(self, name: str, value: float, step: int) -> None:
        with self._guarded():
            if self._board is not None:
                self._board.add_scalar(name, value, step)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Give up TensorBoard where it cannot be written: it is only looked at; the checkpoint raises for itself."""
        try:
            yield
        except OSError as error:
            self._board = None
            logger.warning("no TensorBoard from here on: %s", error)
