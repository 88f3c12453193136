"""The figures of a trained network, kept in its run's folder with all that a table must say of them."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from embed.network.settings import NetworkSettings
from ingest.errors import ConfigError
from training.checkpoint import write_atomically
from training.retrieval_protocols import Row

FOLDER = "evaluations"


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One network on one data set.

    recipe: its base and what it changes; sets, tested: labels of the data sets trained and tested on, whole; start,
    teacher: as `Origin` has them; parameters without classifiers; priors_by: who found the priors, empty without.
    """

    model: NetworkSettings
    recipe: str
    sets: tuple[str, ...]
    start: str
    teacher: str
    parameters_trained: int
    parameters_deployed: int
    priors_by: str
    tested: str
    rows: tuple[Row, ...]

    @property
    def in_domain(self) -> bool:
        """Whether the network was trained on (other vehicles of) the set that it was tested on."""
        return self.tested in self.sets


def keep_evaluation(run: Path, evaluation: Evaluation) -> Path:
    """Write it into the run's folder, over an earlier one on the same data; raises CheckpointError."""
    first = evaluation.rows[0]
    words = (first.dataset, first.version, first.fingerprint.rpartition(" ")[2], evaluation.model.test_feature or "")
    name = "-".join(word.replace(" ", "_").replace("/", "_") for word in words if word)
    path = run / FOLDER / f"{name}.json"
    data = msgspec.json.encode(msgspec.to_builtins(evaluation, str_keys=True))
    write_atomically(path, msgspec.json.format(data) + b"\n")
    return path


def read_evaluations(runs: Sequence[Path]) -> list[Evaluation]:
    """All evaluations of some runs' folders; raises ConfigError for a folder without, or a file that is none."""
    found = []
    for run in runs:
        paths = sorted((run / FOLDER).glob("*.json"))
        if not paths:
            raise ConfigError(
                f"{run} has no evaluations (make one: corridor encoder evaluate {run}/checkpoint.pt DATA)"
            )
        for path in paths:
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Evaluation))
            except (OSError, msgspec.MsgspecError) as error:
                raise ConfigError(f"{path} is not an evaluation of an encoder: {error}") from error
    return found
